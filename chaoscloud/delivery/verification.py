"""The host's events of a verification's run, recorded as the console's."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from chaoslib.run import RunEventHandler

from chaoscloud import api
from chaoscloud.api.verification import (
    drop_run_ids,
    get_verification_id,
    set_run_id,
)
from chaoscloud.delivery.errors import deferred_signals
from chaoscloud.delivery.outbox import Outbox, describe_place
from chaoscloud.delivery.registry import find_outbox
from chaoscloud.delivery.report import Registration
from chaoscloud.delivery.sender import Destination
from chaoscloud.delivery.spool_directory import Recipient
from chaoscloud.exceptions import MissingVerificationIdentifier
from chaoscloud.extension import get_extension_value
from chaoscloud.redaction import Redactor
from chaoscloud.settings import read_profile
from chaoscloud.types import Configuration, Experiment, Journal, Secrets, Settings

__all__ = ["EVENTS", "OLDER_SPELLINGS", "VerificationRunEventHandler"]

logger = logging.getLogger("chaostoolkit")

REFUSING = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)

OTHER_TEAM = "; if it belongs to another team, choose that one with `chaos team`"

Payload = Callable[..., Any]


def _nothing(*_: Any, **__: Any) -> None:
    return None


# Each function has the parameters of the host's event, so that it can be called in any way.
EVENTS: dict[str, tuple[str, Payload]] = {
    "start_hypothesis_before": ("verification-hypothesis-before-method-started", _nothing),
    "hypothesis_before_completed": ("verification-hypothesis-before-method-completed", _nothing),
    "start_continuous_hypothesis": (
        "verification-sample-started",
        lambda frequency: {"frequency": frequency},
    ),
    "continuous_hypothesis_iteration": (
        "verification-sample",
        lambda iteration_index, state=None: {"iteration": iteration_index, "state": state},
    ),
    "start_method": ("verification-condition-started", _nothing),
    "method_completed": (
        "verification-condition-completed",
        lambda experiment, state=None: {"state": state},
    ),
    "start_cooldown": ("verification-cooldown-started", lambda duration: {"duration": duration}),
    "cooldown_completed": ("verification-cooldown-completed", _nothing),
    "continuous_hypothesis_completed": ("verification-sampling-completed", _nothing),
    "start_hypothesis_after": ("verification-hypothesis-after-method-started", _nothing),
    "hypothesis_after_completed": ("verification-hypothesis-after-method-completed", _nothing),
    "start_rollbacks": ("verification-rollbacks-started", _nothing),
    "rollbacks_completed": ("verification-rollbacks-completed", _nothing),
    "interrupted": ("verification-interrupted", _nothing),
    "signal_exit": ("verification-exited-by-signal", _nothing),
    "finish": ("verification-completed", lambda journal: journal),
}

OLDER_SPELLINGS = {
    name.replace("continuous", "continous"): name for name in EVENTS if "continuous" in name
}


class VerificationRunEventHandler(RunEventHandler):  # type: ignore[misc]
    """Records a verification's run, from the host's events, without ever holding it up.

    `run_id` is the run's id in the console, `initialized` whether the console knows the run. The
    host hands over the run's secrets with its second event, so where the document has some, nothing
    is recorded before. `closes` is whether the host's last event ends the record; where it is
    False, `close` does.
    """

    def __init__(
        self, experiment: Experiment, settings: Settings | None, closes: bool = True
    ) -> None:
        self.run_id: str | None = None
        self.initialized = False
        self._settings = settings
        self._closes = closes
        self._outbox: Outbox | None = None
        self._is_recorded = False
        self._is_asked = False
        self._is_over = False

    def start(
        self, experiment: Experiment, journal: Journal, secrets: Secrets, *, publish: bool = True
    ) -> str | None:
        """Record that the run starts; returns why it must not, or None.

        Takes a few seconds at most. When nobody answers, the run goes on, and a warning says what
        becomes of its record. `secrets` are the resolved ones, which never leave. With `publish`
        False, the console knows the experiment.
        """
        self._is_asked = True
        verification_id = get_verification_id(experiment)
        if not verification_id:
            raise MissingVerificationIdentifier("a verification must have an id")
        if "/" in str(verification_id):
            return f"its id {verification_id!r} holds a '/', which no address of a console can"
        registration = self._register(
            str(verification_id), experiment, journal, secrets, publish=publish
        )
        refusal = self._read_refusal(registration)
        if refusal is not None:
            self._abandon(refusal)
            return refusal
        self._note(registration, experiment)
        return None

    def started(self, experiment: Experiment, journal: Journal) -> None:
        """The host's first event."""
        if not experiment.get("secrets"):
            self._begin(experiment, journal, {})

    def running(
        self,
        experiment: Experiment,
        journal: Journal,
        configuration: Configuration,
        secrets: Secrets,
        schedule: Any,
        settings: Settings,
    ) -> None:
        """The host's second event, the last occasion to record the start."""
        self._begin(experiment, journal, secrets)

    def finish(self, journal: Journal) -> None:
        """The host's last event: the run is over."""
        self._is_over = True
        with deferred_signals():
            self._record("finish", journal)
            if self._outbox is not None and self._is_recorded:
                self._outbox.record_run_end(journal)
        if self._closes:
            self.close()

    def close(self) -> None:
        """Wait for what is pending, a few seconds at most; a signal ends that.

        A run the host never brought to its end is recorded as aborted.
        """
        outbox, self._outbox = self._outbox, None
        if outbox is None:
            return
        with deferred_signals() as interrupted:
            if not self._is_over:
                if self._is_recorded:
                    outbox.record_run_end({}, whole=False)
                outbox.record_end({}, whole=False)
            outbox.release(interrupted)

    def _begin(self, experiment: Experiment, journal: Journal, secrets: Secrets) -> None:
        """Record the start of a run that nobody asked about before."""
        if self._is_asked:
            return
        publish = get_extension_value(experiment, "experiment_id") is None
        reason = self.start(experiment, journal, secrets, publish=publish)
        if reason is not None:
            logger.error("This verification may not start: %s", reason)

    def _register(
        self,
        verification_id: str,
        experiment: Experiment,
        journal: Journal,
        secrets: Secrets,
        *,
        publish: bool,
    ) -> Registration:
        outbox = find_outbox(experiment)
        if outbox is not None:  # the control has begun to record this run
            self._outbox = outbox.share()
            return outbox.register_run(verification_id, experiment, journal)
        drop_run_ids(experiment)
        self._outbox = self._open_outbox(experiment, secrets)
        return self._outbox.register(
            experiment, journal, verification_id=verification_id, publish=publish
        )

    def _open_outbox(self, experiment: Experiment, secrets: Secrets) -> Outbox:
        profile = read_profile(self._settings)
        tenancy = profile.tenancy
        recipient = Recipient(
            profile.url, tenancy.org_id if tenancy else "", tenancy.team_id if tenancy else ""
        )
        return Outbox(
            Destination.of(recipient, lambda: api.open_session(self._settings)),
            Redactor(secrets, profile.token),
            workspace=describe_place(experiment),
        )

    def _read_refusal(self, registration: Registration) -> str | None:
        """Why the console does not let the run start; only some answers mean that."""
        outbox = self._outbox
        if outbox is None:
            return None
        if outbox.block_reason:
            return outbox.block_reason
        rejection = outbox.rejection
        if registration.run_id is not None or rejection is None:
            return None
        hint = OTHER_TEAM if rejection.status == HTTPStatus.NOT_FOUND else ""
        return f"{rejection.reason}{hint}" if rejection.status in REFUSING else None

    def _abandon(self, refusal: str) -> None:
        """Nothing happens: an execution that was created for it is ended."""
        outbox, self._outbox = self._outbox, None
        if outbox is not None:
            with deferred_signals() as interrupted:
                outbox.abandon(refusal, interrupted)

    def _note(self, registration: Registration, experiment: Experiment) -> None:
        rejection = self._outbox.rejection if self._outbox is not None else None
        if registration.run_id is not None:
            self.run_id, self.initialized = registration.run_id, True
            set_run_id(registration.run_id, experiment)
        elif registration.problem or rejection is not None:
            reason = registration.problem or (rejection.reason if rejection else "")
            logger.warning("This verification is not recorded in the console: %s.", reason)
            return
        else:
            logger.warning("%s", registration.describe_pending("verification"))
        self._is_recorded = True
        if registration.address:
            logger.info("Execution available at %s", registration.address)

    def _record(self, name: str, *args: Any, **kwargs: Any) -> None:
        if self._outbox is not None and self._is_recorded:
            category, payload_of = EVENTS[name]
            self._outbox.record_run_event(category, payload_of(*args, **kwargs))


def _recording(name: str) -> Callable[..., None]:
    def event(self: VerificationRunEventHandler, *args: Any, **kwargs: Any) -> None:
        self._record(name, *args, **kwargs)

    event.__name__ = name
    return event


for _name in EVENTS.keys() - {"finish"}:
    setattr(VerificationRunEventHandler, _name, _recording(_name))
for _older, _name in OLDER_SPELLINGS.items():
    setattr(VerificationRunEventHandler, _older, getattr(VerificationRunEventHandler, _name))
