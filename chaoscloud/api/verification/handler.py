"""Tells the console what happens in a verification's run, without ever holding it up."""

import logging
from collections.abc import Callable
from typing import Any

from chaoslib.run import RunEventHandler

from chaoscloud.api.verification.background import Background
from chaoscloud.api.verification.context import open_session
from chaoscloud.api.verification.events import EVENTS, OLDER_SPELLINGS
from chaoscloud.api.verification.ids import drop_run_ids, get_verification_id, set_run_id
from chaoscloud.api.verification.record import Record
from chaoscloud.api.verification.samples import results_of
from chaoscloud.api.verification.start import (
    START_WITHIN,
    Begun,
    Kept,
    Refused,
    Start,
    Unrecorded,
    begin,
)
from chaoscloud.api.verification.wire import Answer, arrived, finish_run, send_run_event
from chaoscloud.exceptions import MissingVerificationIdentifier
from chaoscloud.extension import set_extension_value
from chaoscloud.redaction import Redactor
from chaoscloud.settings import read_profile
from chaoscloud.types import Experiment, Journal, Secrets, Settings

__all__ = ["VerificationRunEventHandler"]

logger = logging.getLogger("chaostoolkit")

FLUSH_WITHIN = 5.0
"""Seconds the end of a run waits for what is still to be sent."""


class VerificationRunEventHandler(RunEventHandler):  # type: ignore[misc]
    """The host's events of a run, sent on as the console's, in order, without holding it up.

    They go into `record`, which outlives a console that is away; without one, from a thread of its
    own straight to the console.

    `run_id` is the run's id in the console; without one nothing is sent. `initialized` tells
    whether the console took the start down.
    """

    def __init__(
        self,
        experiment: Experiment,
        settings: Settings | None,
        background: Background | None = None,
        record: Record | None = None,
    ) -> None:
        self.run_id: str | None = None
        self.initialized = False
        self._experiment = experiment
        self._background = background or Background(lambda: open_session(settings))
        self._token = read_profile(settings).token
        self._redactor = Redactor({}, self._token)
        self._record = record
        self._kept = False
        self._asked = False
        self._over = False
        self._lost: list[str] = []

    def start(self, experiment: Experiment, journal: Journal, secrets: Secrets) -> str | None:
        """Tell that the run starts; returns why it must not, or None.

        Takes `START_WITHIN` seconds at most. When nobody answers, the run goes on unrecorded, and a
        warning says so. `secrets` are the resolved ones, which never leave.
        """
        self._asked = True
        self._redactor = Redactor(secrets, self._token)
        drop_run_ids(experiment)
        match self._begin(experiment, journal, secrets):
            case Refused(reason):
                return reason
            case Kept(reason, trouble):
                self._kept = True
                logger.warning("%s", _on_keeping(reason, trouble))
            case Unrecorded(reason):
                logger.warning("This verification is not recorded in the console: %s.", reason)
            case Begun(run_id, experiment_id, execution_id, address):
                set_extension_value(experiment, "experiment_id", experiment_id)
                set_extension_value(experiment, "execution_id", execution_id)
                set_run_id(run_id, experiment)
                self.run_id = run_id
                self.initialized = True
                if address:
                    logger.info("Execution available at %s", address)
        return None

    def started(self, experiment: Experiment, journal: Journal) -> None:
        """The host's first event: the last occasion to tell the start."""
        if not self._asked:
            reason = self.start(experiment, journal, {})
            if reason is not None:
                logger.error("This verification may not start: %s", reason)

    def finish(self, journal: Journal) -> None:
        """The host's last event: the run is over, and the console gets its journal."""
        self._over = True
        if not self._is_told:
            return
        try:
            if self._record is not None:
                self._tell("finish", journal)
                self._record.end(journal, results_of(journal))
                return
            copy = self._copy(journal)
        except KeyboardInterrupt:
            # The host is about to hand the journal over: raised here, it would be lost.
            logger.warning("Interrupted: the console is not told the end of this run.")
            return
        if copy is not None:
            self._tell("finish", copy)
            self._send(
                lambda session, vid, rid: finish_run(session, vid, rid, copy, results_of(copy))
            )

    def close(self) -> None:
        """Wait for what is still to be sent, `FLUSH_WITHIN` seconds at most; Ctrl-C ends that.

        A run the host never brought to its end is told to have been interrupted.
        """
        if self._is_told and not self._over:
            self.finish({"status": "interrupted"})
        if self._record is not None:
            self._record.close()
            return
        try:
            left = self._background.close(FLUSH_WITHIN if self.initialized else 0)
        except KeyboardInterrupt:
            left = self._background.left
        if self.initialized and (lost := left + len(self._lost)):
            logger.warning("%d messages about this verification did not reach the console.", lost)

    @property
    def _is_told(self) -> bool:
        return self.run_id is not None or self._kept

    def _begin(self, experiment: Experiment, journal: Journal, secrets: Secrets) -> Start | Kept:
        verification_id = get_verification_id(experiment)
        if not verification_id:
            raise MissingVerificationIdentifier("a verification must have an id")
        if self._record is not None:
            return self._record.begin(experiment, journal, secrets)
        document, first = self._copy(experiment), self._copy(journal)
        if document is None or first is None:
            return Unrecorded("its document cannot be sent")
        try:
            return self._background.ask(
                lambda session: begin(session, verification_id, document, first), START_WITHIN
            )
        except TimeoutError:
            return Unrecorded(f"the console did not answer within {START_WITHIN:g} seconds")

    def _tell(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Send the event of this name, as it stands now: what it is made of may change later."""
        if self._is_told:
            category, payload_of = EVENTS[name]
            payload = payload_of(*args, **kwargs)
            if self._record is not None:
                self._record.tell(category, payload)
                return
            payload = payload if payload is None else self._copy(payload)
            self._send(
                lambda session, vid, rid: send_run_event(session, vid, rid, category, payload)
            )

    def _send(self, call: Callable[..., Answer]) -> None:
        verification_id, run_id = get_verification_id(self._experiment), self.run_id
        if run_id is not None:
            self._background.tell(
                lambda session: self._count(call(session, verification_id, run_id))
            )

    def _count(self, answer: Answer) -> None:
        if not arrived(answer):
            self._lost.append("no answer" if answer is None else str(answer.status_code))

    def _copy(self, document: Any) -> Any:
        """A copy without secrets, as it stands now; None when none can be made."""
        try:
            return self._redactor.redact(document).document
        except (TypeError, ValueError, AttributeError, RecursionError, RuntimeError) as x:
            # RuntimeError: a probe's thread was writing in it
            self._lost.append(str(x))
            logger.debug("Not sent, for it cannot be cleaned of secrets: %s", x)
            return None


def _on_keeping(reason: str, trouble: str) -> str:
    if trouble:
        where = f"nor can it be kept on this machine ({trouble}): it may be lost"
    else:
        where = "it is recorded on this machine, and the next run or `chaos publish` sends it"
    return f"The console does not take this verification's record now ({reason}); {where}."


def _telling(name: str) -> Callable[..., None]:
    def event(self: VerificationRunEventHandler, *args: Any, **kwargs: Any) -> None:
        self._tell(name, *args, **kwargs)

    event.__name__ = name
    return event


for _name in EVENTS.keys() - {"finish"}:
    setattr(VerificationRunEventHandler, _name, _telling(_name))
for _older, _name in OLDER_SPELLINGS.items():
    setattr(VerificationRunEventHandler, _older, getattr(VerificationRunEventHandler, _name))
