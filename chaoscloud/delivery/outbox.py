"""Records what happens in a run, and has it sent without holding the run up.

In a hook: one copy without secrets, one line appended to the run's spool, the sender woken. Only
the start and the end wait for the sender, and both for a few seconds at most.
"""

import atexit
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from chaoscloud import workspace
from chaoscloud.api.calls import Cleaner
from chaoscloud.api.events import cloud_event
from chaoscloud.api.verification import results_of
from chaoscloud.context import describe_label_problems, read_context
from chaoscloud.delivery.copies import (
    complete_journal,
    copy_document,
    shorten,
    summarise_end,
    summarise_event,
)
from chaoscloud.delivery.errors import NotRecorded, best_effort, deferred_signals
from chaoscloud.delivery.records import creation_keys, encode_members
from chaoscloud.delivery.report import Registration, Report
from chaoscloud.delivery.retry import Rejected
from chaoscloud.delivery.sender import Destination, Sender
from chaoscloud.extension import (
    CONTEXT,
    NAME,
    del_extension_value,
    ensure_extension,
    get_extension,
    set_extension_value,
)
from chaoscloud.types import Experiment, Journal
from chaoscloud.workspace import get_experiment_path

__all__ = [
    "Outbox",
    "Registration",
    "find_outbox",
    "find_registration",
    "read_flush_timeout",
]

logger = logging.getLogger("chaostoolkit")

START_WITHIN = 4.0
"""Seconds that a run waits for the console before it starts."""

FLUSH_WITHIN = 5.0
"""Seconds that a run waits at its end, unless CHAOSIQ_FLUSH_TIMEOUT says otherwise."""

OUT_OF_CONTACT = 1.0
"""Seconds it waits for a console that did not answer the last time, or takes long to do so."""

SAY_AFTER = 0.5  # seconds
LOOK_AGAIN = 0.1  # seconds after which a wait looks whether a signal has arrived
ENOUGH_FAILURES = 2

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
        self._redactor = redactor
        self.context: dict[str, dict[str, str]] = {}
        self._experiment: Experiment | None = None
        self._goal = "execution_id"
        self._verification_id: str | None = None
        self._users = 1
        self._events = 0
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._mistakes = 0
        self._mistake = ""
        self._is_open = False
        self._is_useless = False
        self._has_ended = False
        self.console_url = destination.recipient.url.rstrip("/")
        self._spool = destination.directory.create(destination.recipient, **header)
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
            with best_effort():
                self._record_start(experiment, journal, publish)
                if verification_id is not None:
                    self._record_run_start(verification_id, experiment, journal)
        except NotRecorded as x:
            self._is_useless = True
            return replace(self.registration, problem=str(x))
        self._open()
        _open_outboxes.append(self)
        return self._wait_for_start()

    def register_run(
        self, verification_id: str, experiment: Experiment, journal: Journal
    ) -> Registration:
        """Record that the run is one of a verification, and wait for the console likewise."""
        with self._counting_mistakes(), best_effort():
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
        if not self._takes_records:
            return
        with self._counting_mistakes(), best_effort():
            context, state = summarise_event(event_type, context, state)
            data, count = self._copy_event({"context": context, "state": state})
            with self._lock:
                self._events += 1
                # The official extension of this name: who stores events sees that one is missing.
                # https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/sequence.md
                attributes: dict[str, Any] = {"sequence": f"{self._events:08d}"}
                attributes |= {"redacted": count} if count else {}
                event = encode_members(event=cloud_event(event_type, **attributes))
                self._spool.append("event", f'{event},"data":{data}', event_type)
        self._sender.wake()

    def record_run_event(self, category: str, payload: Any) -> None:
        """Record what happened in the verification."""
        if not self._takes_records:
            return
        with self._counting_mistakes(), best_effort():
            data, _ = self._copy_event(payload)
            names = encode_members(**self._run_names(), category=category)
            self._spool.append("run-event", f'{names},"payload":{data}')
        self._sender.wake()

    def record_end(self, journal: Journal, *, whole: bool = True) -> None:
        """Record how the run ended, and then its journal, which may be too large to be taken.

        With `whole` False, there is no more to tell than how it ended.
        """
        if self._takes_records and not self._has_ended:
            self._has_ended = True
            self._record_both("end", "journal" if whole else None, journal, {})

    def record_run_end(self, journal: Journal, *, whole: bool = True) -> None:
        """Record how the verification's run ended and what it found, likewise."""
        if self._takes_records:
            names = {**self._run_names(), "results": results_of(journal)}
            self._record_both("run-end", "run-finished" if whole else None, journal, names)

    def release(self, interrupted: threading.Event | None = None, *, quiet: bool = False) -> bool:
        """Use it no more. The last user waits for what is pending; True for that one.

        The wait is cut short once `interrupted` is set, which loses nothing. Then one line says
        what became of the record; where it is `quiet`, only if something is pending.
        """
        self._users -= 1
        if self._users > 0 or os.getpid() != self._process:
            return False
        if self._is_open:
            self._wait_for_rest(interrupted or threading.Event())
        self.close()
        has_record = self._has_ended or self._experiment is not None
        is_told = self.report.pending > 0 if quiet else has_record and not self._is_useless
        if self._is_open and is_told:
            logger.log(*self.report.describe())
        return True

    def close(self) -> None:
        """End the sender; what is not sent stays where it is."""
        if self in _open_outboxes:
            _open_outboxes.remove(self)
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
            lost=contents.lost + unsaved + self._mistakes,
            reason=self._sender.reason,
            loss=contents.reason or self._mistake or self._spool.disk_error,
        )

    @property
    def _takes_records(self) -> bool:
        return self._is_open and not self._is_useless and os.getpid() == self._process

    def _open(self) -> None:
        self._is_open = True
        self._sender.start()

    def _record_start(self, experiment: Experiment, journal: Journal, publish: bool) -> None:
        keys = creation_keys(str(self._spool.contents.header["run"]))
        if publish:
            document, _ = copy_document(experiment, self._redactor)
            key = encode_members(key=keys["experiment"])
            self._spool.append("experiment", f'{key},"document":{document}')
        else:
            block = get_extension(experiment) or {}
            self._on_ids({"experiment_id": str(block["experiment_id"])}, None)
            self._spool.learn(experiment_id=str(block["experiment_id"]))
        opening = {**journal, "experiment": experiment}
        if self.context:
            opening["extensions"] = list(journal.get("extensions") or [])
            ensure_extension(opening)[CONTEXT] = self.context
        whole, _ = copy_document(opening, self._redactor)
        key = encode_members(key=keys["execution"])
        self._spool.append("execution", f'{key},"journal":{whole}')

    def _record_run_start(
        self, verification_id: str, experiment: Experiment, journal: Journal
    ) -> None:
        self._goal, self._verification_id = "run_id", verification_id
        whole, _ = copy_document({**journal, "experiment": experiment}, self._redactor)
        names = encode_members(**self._run_names())
        self._spool.append("run-start", f'{names},"journal":{whole}')

    def _run_names(self) -> dict[str, Any]:
        return {"key": str(uuid4()), "verification_id": self._verification_id}

    def _record_both(
        self, small: str, large: str | None, journal: Journal, names: Mapping[str, Any]
    ) -> None:
        """The end in a small record first: copying a journal can take seconds, or fail."""
        journal = complete_journal(journal)
        prefix = f"{encode_members(**names)}," if names else ""
        with self._counting_mistakes(), best_effort():
            end, _ = copy_document(summarise_end(journal), self._redactor)
            self._spool.append(small, f'{prefix}"end":{end}', on_hold=True)
        if large is not None:
            with self._counting_mistakes(), best_effort():
                text, _ = copy_document(journal, self._redactor)
                if self.registration.execution_id is not None:
                    prefix += '"named":true,'
                self._spool.append(large, f'{prefix}"journal":', rest=text)
        self._spool.release()
        self._sender.wake()

    def _copy_event(self, data: Any) -> tuple[str, int]:
        """What is said of an event. When no clean copy can be made, nothing of it is left."""
        try:
            return copy_document(shorten(data, redactor=self._redactor), self._redactor)
        except Exception as x:  # noqa: BLE001 - whatever it was, the data is not known to be clean
            error = {"type": "redaction", "trace": type(x).__name__}
            return f'{{"context":null,"state":null,{encode_members(error=error)}}}', 0

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
        if self.registration.execution_id is not None:
            _registrations[self.registration.execution_id] = self.registration
            if len(_registrations) > MOST_REGISTRATIONS:
                del _registrations[next(iter(_registrations))]
        self.on_change(self.registration)

    def _wait_for_rest(self, interrupted: threading.Event) -> None:
        """Wait for what is pending: first this run's, then what earlier runs left."""
        sender, timeout = self._sender, read_flush_timeout()
        seconds = timeout if timeout is not None else self._patience
        enough = sender.failures + (ENOUGH_FAILURES if sender.in_contact else 1)

        def is_over() -> bool:
            hopeless = sender.stopped or (timeout is None and sender.failures >= enough)
            return hopeless or (self._spool.is_empty and sender.backlog_done)

        sender.hurry()
        if self._wait(is_over, min(SAY_AFTER, seconds), interrupted) or seconds <= SAY_AFTER:
            return
        logger.info(
            "Sending the rest of the record to the console, for up to %g seconds. "
            "Ctrl-C skips that and loses nothing.",
            seconds,
        )
        self._wait(is_over, seconds - SAY_AFTER, interrupted)

    def _wait(
        self, is_over: Callable[[], bool], seconds: float, interrupted: threading.Event
    ) -> bool:
        """Wait until it is over, `seconds` at most, or a signal arrives; whether to wait no more.

        In short pieces: what a signal sets wakes nobody.
        """
        while seconds > 0 and not interrupted.is_set():
            if self._sender.wait_for(is_over, min(LOOK_AGAIN, seconds)):
                return True
            seconds -= LOOK_AGAIN
        return interrupted.is_set() or is_over()

    @property
    def _patience(self) -> float:
        well = self._sender.in_contact and not self._sender.is_kept_waiting
        return FLUSH_WITHIN if well else OUT_OF_CONTACT

    @contextmanager
    def _counting_mistakes(self) -> Iterator[None]:
        """Count what could not even be recorded."""
        try:
            yield
        except NotRecorded as x:
            self._mistakes += 1
            self._mistake = self._mistake or str(x)


_open_outboxes: list[Outbox] = []

MOST_REGISTRATIONS = 100
_registrations: dict[str, Registration] = {}


def find_registration(execution_id: object) -> Registration | None:
    """What the console said about an execution that this process recorded.

    Journals do not keep it: its addresses say where the console is.
    """
    return _registrations.get(str(execution_id))


def find_outbox(experiment: Experiment, console_url: str | None = None) -> Outbox | None:
    """The outbox that records the run of this document already, if there is one.

    With an url, only one that records it in that console: a run may have a control for each of two.
    """
    for outbox in _open_outboxes:
        is_same_console = console_url is None or outbox.console_url == console_url.rstrip("/")
        if is_same_console and outbox.belongs_to(experiment):
            return outbox
    return None


def describe_place(experiment: Experiment) -> dict[str, str] | None:
    """What a spool's header keeps of where a new experiment lies; None without a workspace."""
    path, file = workspace.get_workspace_path(), get_experiment_path(experiment)
    if path is None or not file:
        return None
    return {"path": path, "file": str(Path(file).absolute())}


def read_flush_timeout(environ: Mapping[str, str] = os.environ) -> float | None:
    """The seconds that CHAOSIQ_FLUSH_TIMEOUT gives the end of a run; None when it says nothing."""
    try:
        seconds = float(environ.get("CHAOSIQ_FLUSH_TIMEOUT", "").strip())
    except ValueError:
        return None
    return min(seconds, threading.TIMEOUT_MAX) if seconds >= 0 else None


@atexit.register
def _end_open_outboxes() -> None:
    """Tell the end of a run that the host left without a word, on its way out of the process."""
    for outbox in _open_outboxes:
        with suppress(Exception), deferred_signals() as interrupted:
            outbox.record_end({}, whole=False)
            outbox._users = 1
            outbox.release(interrupted)
