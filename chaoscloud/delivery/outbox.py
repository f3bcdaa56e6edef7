"""Records what happens in a run, and has it sent without holding the run up.

In a hook: one copy without secrets, one line appended to the run's spool, the sender woken. Only
the start and the end wait for the sender, and both for a few seconds at most.
"""

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from chaoscloud import workspace
from chaoscloud.api.calls import Cleaner
from chaoscloud.context import describe_label_problems, read_context
from chaoscloud.delivery.errors import NotRecorded
from chaoscloud.delivery.flushing import ENOUGH_FAILURES, wait_for_rest
from chaoscloud.delivery.recorder import Recorder
from chaoscloud.delivery.registry import add_outbox, remember_registration, remove_outbox
from chaoscloud.delivery.report import Registration, Report
from chaoscloud.delivery.retry import Rejected
from chaoscloud.delivery.sender import Destination, Sender
from chaoscloud.extension import NAME, del_extension_value, get_extension, set_extension_value
from chaoscloud.types import Experiment, Journal
from chaoscloud.workspace import get_experiment_path

__all__ = ["Outbox", "describe_place"]

logger = logging.getLogger("chaostoolkit")

START_WITHIN = 4.0
"""Seconds that a run waits for the console before it starts."""

OnChange = Callable[[Registration], None]


class Outbox:
    """The record of one run. Safe to use from several threads; does nothing in a forked child.

    No method raises, but for what the host raises on purpose. `on_change` is called whenever the
    console gave an id, from another thread than the run's. Whoever uses it releases it: the last
    one waits for what is pending.
    """

    def __init__(
        self,
        destination: Destination,
        redactor: Cleaner,
        on_change: OnChange = lambda registration: None,
        **header: Any,
    ) -> None:
        self.registration = Registration()
        self.on_change = on_change
        self.context: dict[str, dict[str, str]] = {}
        self._experiment: Experiment | None = None
        self._goal = "execution_id"
        self._users = 1
        self._process = os.getpid()
        self._is_open = False
        self._is_useless = False
        self._has_ended = False
        self.console_url = destination.recipient.url.rstrip("/")
        self._spool = destination.directory.create(destination.recipient, **header)
        self._recorder = Recorder(self._spool, redactor)
        self._sender = Sender(self._spool, destination, self._on_ids)

    def register(
        self,
        experiment: Experiment,
        journal: Journal,
        *,
        verification_id: str | None = None,
        publish: bool = True,
    ) -> Registration:
        """Record the start, and wait for the console to take it, a few seconds at most.

        With `publish` False, the console knows the experiment already, by the id in its block.
        """
        self._experiment = experiment
        self.context = read_context()
        if problem := describe_label_problems():
            logger.warning("%s", problem)
        del_extension_value(experiment, "execution_id")  # of a run of the past
        try:
            if not publish:
                self._learn_experiment_id(experiment)
            self._recorder.record_start(experiment, journal, self.context, publish=publish)
            if verification_id is not None:
                self._record_run_start(verification_id, experiment, journal)
        except NotRecorded as x:
            self._is_useless = True
            return replace(self.registration, problem=str(x))
        self._open()
        add_outbox(self)
        return self._wait_for_start()

    def register_run(
        self, verification_id: str, experiment: Experiment, journal: Journal
    ) -> Registration:
        """Record that the run is one of a verification, and wait for the console likewise."""
        with self._recorder.counting_mistakes():
            self._record_run_start(verification_id, experiment, journal)
        self._sender.wake()
        return self._wait_for_start()

    def join(self, experiment_id: str | None, execution_id: str | None) -> None:
        """Record what happens in an execution that exists already."""
        self.registration = Registration(experiment_id, execution_id)
        ids = self.registration.ids
        self._spool.learn(**{key: value for key, value in ids.items() if value is not None})
        self._open()

    def share(self) -> "Outbox":
        """The same outbox, for one more who uses and releases it."""
        self._users += 1
        return self

    def record_event(self, event_type: str, context: object, state: object = None) -> None:
        """Record that something happened to `context`, and what came of it."""
        if self._takes_records:
            self._recorder.record_event(event_type, context, state)
            self._sender.wake()

    def record_run_event(self, category: str, payload: Any) -> None:
        """Record what happened in the verification."""
        if self._takes_records:
            self._recorder.record_run_event(category, payload)
            self._sender.wake()

    def record_end(self, journal: Journal, *, whole: bool = True) -> None:
        """Record how the run ended, and then its journal, which may be too large to be taken.

        With `whole` False, there is no more to tell than how it ended.
        """
        if self._takes_records and not self._has_ended:
            self._has_ended = True
            self._recorder.record_end(journal, whole=whole, is_named=self._is_known)
            self._sender.wake()

    def record_run_end(self, journal: Journal, *, whole: bool = True) -> None:
        """Record how the verification's run ended and what it found, likewise."""
        if self._takes_records:
            self._recorder.record_run_end(journal, whole=whole, is_named=self._is_known)
            self._sender.wake()

    def release(self, interrupted: threading.Event | None = None, *, quiet: bool = False) -> bool:
        """Use it no more. The last user waits for what is pending; True for that one.

        The wait is cut short once `interrupted` is set, which loses nothing. Then one line says
        what became of the record; where it is `quiet`, only if something is pending.
        """
        self._users -= 1
        if self._users > 0 or os.getpid() != self._process:
            return False
        if self._is_open:
            wait_for_rest(
                self._sender, lambda: self._spool.is_empty, interrupted or threading.Event()
            )
        self.close()
        has_record = self._has_ended or self._experiment is not None
        is_told = self.report.pending > 0 if quiet else has_record and not self._is_useless
        if self._is_open and is_told:
            logger.log(*self.report.describe())
        return True

    def close(self) -> None:
        """End the sender; what is not sent stays where it is."""
        remove_outbox(self)
        if os.getpid() == self._process:
            self._sender.close(0.2 if self._spool.is_empty else 0.0)

    def abandon(self, reason: str, interrupted: threading.Event | None = None) -> None:
        """The run does not take place: end the execution, if the console made one for it."""
        if self.registration.execution_id is None:
            self.discard()
            return
        pending = list(self._spool.contents.pending.values())
        self._spool.mark_sent([record.n for record in pending if record.kind == "run-start"])
        block = {"name": NAME, "not_started": {"reason": reason}}
        self.record_end({"status": "aborted", "extensions": [block]}, whole=False)
        self._spool.forget_rejected()  # the caller says why it does not start
        self._sender.unblock()
        self.release(interrupted, quiet=True)

    def end_at_exit(self, interrupted: threading.Event) -> None:
        """The process ends, and nobody said that the run did."""
        self.record_end({}, whole=False)
        self._users = 1
        self.release(interrupted)

    def discard(self) -> None:
        """Forget all of it: what was recorded never took place."""
        self._is_useless = True
        self._spool.discard()
        self.close()

    def belongs_to(self, experiment: Experiment) -> bool:
        """Whether it records a run of this very document, which the host hands to everybody."""
        return self._experiment is experiment and os.getpid() == self._process

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is recorded or sent."""
        return self._users <= 0

    @property
    def rejection(self) -> Rejected | None:
        """The first thing the console did not take."""
        return self._sender.rejected

    @property
    def block_reason(self) -> str:
        """Why nothing is taken from this token; empty if that is not so."""
        return self._sender.reason if self._sender.blocked else ""

    @property
    def report(self) -> Report:
        """What became of the records so far."""
        contents = self._spool.contents
        unsaved = self._spool.unsaved_count
        return Report(
            run=str(contents.header["run"]),
            console_url=self.console_url,
            address=self.registration.address,
            sent=contents.sent,
            pending=len(contents.pending) - unsaved,
            rejected=contents.rejected_count,
            lost=contents.lost + unsaved + self._recorder.mistakes,
            reason=self._sender.reason,
            loss=contents.reason or self._recorder.mistake or self._spool.disk_error,
        )

    @property
    def _takes_records(self) -> bool:
        return self._is_open and not self._is_useless and os.getpid() == self._process

    @property
    def _is_known(self) -> bool:
        """Whether the console has filed the execution."""
        return self.registration.execution_id is not None

    def _open(self) -> None:
        self._is_open = True
        self._sender.start()

    def _learn_experiment_id(self, experiment: Experiment) -> None:
        identifier = str((get_extension(experiment) or {}).get("experiment_id"))
        self._on_ids({"experiment_id": identifier}, None)
        self._spool.learn(experiment_id=identifier)

    def _record_run_start(
        self, verification_id: str, experiment: Experiment, journal: Journal
    ) -> None:
        self._goal = "run_id"
        self._recorder.record_run_start(verification_id, experiment, journal)

    def _wait_for_start(self) -> Registration:
        self._sender.wait_for(self._start_is_settled, START_WITHIN)
        registration = self.registration
        if self._experiment is not None:
            for key, identifier in registration.ids.items():
                if identifier is not None:
                    set_extension_value(self._experiment, key, identifier)
        if registration.execution_id is None and self._start_is_rejected:
            # What follows is kept beside it: `chaos publish --rejected` tries all of it again.
            return replace(registration, problem=self._spool.contents.reason)
        if not getattr(registration, self._goal):
            reason = self._sender.reason or f"no answer within {START_WITHIN:g} seconds"
            return replace(registration, pending=reason, disk_error=self._spool.disk_error)
        return registration

    def _start_is_settled(self) -> bool:
        enough = self._sender.stopped or self._sender.failures >= ENOUGH_FAILURES
        return enough or self._start_is_rejected or bool(getattr(self.registration, self._goal))

    @property
    def _start_is_rejected(self) -> bool:
        rejected = self._spool.contents.rejected_count > 0
        return rejected and not getattr(self.registration, self._goal)

    def _on_ids(self, ids: dict[str, str], address: str | None) -> None:
        """The console gave these ids; before anybody who waits for them is woken."""
        changes: dict[str, Any] = dict(ids)
        if "execution_id" in ids:
            changes["address"] = address
        if "run_id" in ids:
            changes["run_address"] = address
        self.registration = replace(self.registration, **changes)
        remember_registration(self.registration)
        self.on_change(self.registration)


def describe_place(experiment: Experiment) -> dict[str, str] | None:
    """What a spool's header keeps of where a new experiment lies; None without a workspace."""
    path, file = workspace.get_workspace_path(), get_experiment_path(experiment)
    if path is None or not file:
        return None
    return {"path": path, "file": str(Path(file).absolute())}
