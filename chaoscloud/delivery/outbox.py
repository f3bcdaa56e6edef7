"""Records what happens in a run, and has it delivered without holding the run up.

In a hook: one copy without secrets, one line appended to the run's spool, the worker woken. Only
the start and the end wait for the worker, and both for a few seconds at most.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from chaoscloud.api.calls import Cleaner
from chaoscloud.delivery import Started
from chaoscloud.delivery.linking import link
from chaoscloud.delivery.losses import NotStored, courtesy
from chaoscloud.delivery.posting import Post
from chaoscloud.delivery.records import creation_keys, members
from chaoscloud.delivery.reports import Tally
from chaoscloud.delivery.snapshot import cloud_event, copied, event_data
from chaoscloud.delivery.worker import Worker
from chaoscloud.extension import del_extension_value, set_extension_value
from chaoscloud.types import Experiment, Journal

__all__ = ["Outbox", "flush_timeout"]

logger = logging.getLogger("chaostoolkit")

START_WITHIN = 4.0
"""Seconds that a run waits for the console before it starts."""

FLUSH_WITHIN = 5.0
"""Seconds that a run waits at its end, unless CHAOSIQ_FLUSH_TIMEOUT says otherwise."""

OUT_OF_CONTACT = 1.0
"""Seconds it waits for a console that did not answer the last time, or takes long to do so."""

SAY_AFTER = 0.5  # seconds
ENOUGH_FAILURES = 2

Learned = Callable[[Started], None]


class Outbox:
    """A `Delivery` of one run. Safe to use from several threads; does nothing in a forked child.

    `learned` is told whenever the console gave an id, from another thread than the run's. `goal` is
    the id that the start waits for.
    """

    goal = "execution_id"

    def __init__(
        self,
        post: Post,
        redactor: Cleaner,
        learned: Learned = lambda started: None,
        **header: Any,
    ) -> None:
        self.started = Started()
        self._redactor = redactor
        self.learned = learned
        self._events = 0
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._mistakes = 0
        self._mistake = ""
        self._useless = False
        self._is_told = False
        self._open = False
        self._spool = post.shelf.begin(post.to, **header)
        self._worker = Worker(self._spool, post, self._learn)

    def start(self, experiment: Experiment, journal: Journal) -> Started:
        """Record the start, and wait for the console to take it, a few seconds at most."""
        del_extension_value(experiment, "execution_id")  # of a run of the past
        try:
            with courtesy():
                self._record_start(experiment, journal)
        except NotStored as x:
            self._useless = True
            return replace(self.started, problem=str(x))
        self._begin()
        self._worker.wait_for(self._start_is_settled, START_WITHIN)
        return self._outcome_of_start(experiment)

    def join(self, experiment_id: str | None, execution_id: str | None) -> None:
        """Deliver for an execution that exists already."""
        self.started = Started(experiment_id, execution_id)
        known = {key: value for key, value in self.started.ids.items() if value is not None}
        self._spool.learn(**known)
        self._begin()

    def event(self, event_type: str, context: object, state: object = None) -> None:
        """Record one event."""
        if not self._takes:
            return
        with self._noting(), courtesy():
            data, redacted = event_data(context, state, self._redactor)
            with self._lock:
                self._events += 1
                event = cloud_event(event_type, self._events, redacted)
                self._spool.append("event", f'{members(event=event)},"data":{data}', event_type)
        self._worker.wake()

    def finish(self, journal: Journal) -> None:
        """Record the end, and wait for what is still to be sent, a few seconds at most."""
        if self._takes:
            self.record_journal(journal)
            self.flush()

    def record_journal(self, journal: Journal) -> None:
        """Record the journal, and nothing more."""
        if self._takes:
            with self._noting(), courtesy():
                self._spool.append("journal", f'"journal":{copied(journal, self._redactor)}')
            self._worker.wake()

    def flush(self) -> None:
        """Wait for what is still to be sent; Ctrl-C ends that, and loses nothing.

        Whatever interrupts this is dropped: the experiment is over, and the host would lose the
        user's journal over it.
        """
        self._is_told = True
        try:
            self._wait()
        except (KeyboardInterrupt, SystemExit):
            logger.debug("Interrupted while waiting for the console")
        if self._open:
            logger.log(*self.tally().line())

    def close(self) -> None:
        """End the worker; what is not sent stays where it is."""
        if os.getpid() != self._process:
            return
        if self._open and not self._is_told:
            self._wait()
        self._worker.close(0.2 if self._spool.is_empty else 0.0)

    def discard(self) -> None:
        """Forget all of it: what was recorded never took place."""
        self._useless = True
        self._spool.discard()
        self._worker.close()

    @property
    def run(self) -> str:
        """The id the run has on this machine."""
        return str(self._spool.contents.header["run"])

    @property
    def ids(self) -> dict[str, str]:
        """All ids the console gave so far."""
        return dict(self._spool.contents.ids)

    @property
    def notes(self) -> dict[str, Any]:
        """What the journal's block keeps of what is not in the console; nothing before the end."""
        return self.tally().notes(self.run) if self._is_told else {}

    def tally(self) -> Tally:
        """What became of the records so far."""
        contents = self._spool.contents
        unsaved = self._spool.unsaved
        return Tally(
            sent=contents.sent,
            kept=len(contents.pending) - unsaved,
            refused=contents.refused,
            gone=contents.gone + unsaved + self._mistakes,
            reason=self._worker.reason,
            loss=contents.reason or self._mistake or self._spool.trouble,
        )

    @property
    def _takes(self) -> bool:
        return self._open and not self._useless and os.getpid() == self._process

    def _record_start(self, experiment: Experiment, journal: Journal) -> None:
        document = copied(experiment, self._redactor)
        whole = copied({**journal, "experiment": experiment}, self._redactor)
        keys = creation_keys(self.run)
        self._spool.append("experiment", f'{members(key=keys["experiment"])},"document":{document}')
        self._spool.append("execution", f'{members(key=keys["execution"])},"journal":{whole}')

    def _begin(self) -> None:
        self._open = True
        self._worker.start()

    def _start_is_settled(self) -> bool:
        worker = self._worker
        enough = worker.stopped or worker.failures >= ENOUGH_FAILURES
        return enough or self._start_is_refused or self.goal in self._spool.contents.ids

    @property
    def _start_is_refused(self) -> bool:
        contents = self._spool.contents
        return self.goal not in contents.ids and contents.refused > 0

    def _outcome_of_start(self, experiment: Experiment) -> Started:
        started = self.started
        for key, identifier in started.ids.items():
            if identifier is not None:
                set_extension_value(experiment, key, identifier)
        if self._start_is_refused:
            self._useless = True
            return replace(started, problem=self._spool.contents.reason)
        if self.goal not in self._spool.contents.ids:
            reason = self._worker.reason or f"no answer within {START_WITHIN:g} seconds"
            return replace(started, kept=reason, trouble=self._spool.trouble)
        return started

    def _learn(self, ids: dict[str, str], address: str | None) -> None:
        """The worker's word: the console gave these ids."""
        ours = {key: value for key, value in ids.items() if key in self.started.ids}
        self.started = replace(self.started, **ours)
        if "execution_id" in ids:
            self.started = replace(self.started, address=address)
        link(self._spool.contents)
        self.learned(self.started)

    def _wait(self) -> None:
        worker, given = self._worker, flush_timeout()
        seconds = given if given is not None else self._patience
        enough = worker.failures + (ENOUGH_FAILURES if worker.in_contact else 1)

        def is_over() -> bool:
            hopeless = worker.stopped or (given is None and worker.failures >= enough)
            return hopeless or self._spool.is_empty

        worker.hurry()
        if worker.wait_for(is_over, min(SAY_AFTER, seconds)) or seconds <= SAY_AFTER:
            return
        logger.info(
            "Sending the rest of this run's record to the console, for up to %g seconds. "
            "Ctrl-C skips that and loses nothing.",
            seconds,
        )
        worker.wait_for(is_over, seconds - SAY_AFTER)

    @property
    def _patience(self) -> float:
        well = self._worker.in_contact and not self._worker.is_kept_waiting
        return FLUSH_WITHIN if well else OUT_OF_CONTACT

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Count what could not even be recorded."""
        try:
            yield
        except NotStored as x:
            self._mistakes += 1
            self._mistake = self._mistake or str(x)


def flush_timeout(environ: Mapping[str, str] = os.environ) -> float | None:
    """The seconds that CHAOSIQ_FLUSH_TIMEOUT gives the end of a run; None when it says nothing."""
    try:
        seconds = float(environ.get("CHAOSIQ_FLUSH_TIMEOUT", "").strip())
    except ValueError:
        return None
    return min(seconds, threading.TIMEOUT_MAX) if seconds >= 0 else None
