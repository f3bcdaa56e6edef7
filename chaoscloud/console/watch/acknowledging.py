"""Runs acknowledge denials, and whoever set a safeguard waits until they have.

A run that is held acknowledges by asking once more without wanting to wait; one that never waits
knows as soon as it is answered (`docs/protocol.md`).
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import Connection

from chaoscloud.console.db import Database, StorageError
from chaoscloud.console.records.acknowledgements import (
    Acknowledgement,
    StopReport,
    list_concerned,
    note_all,
    update_report,
)
from chaoscloud.console.records.safeguards import STOP
from chaoscloud.console.rules.safeguards import Safeguard, is_in_force
from chaoscloud.console.watch.answers import Answer, Place

log = logging.getLogger("chaosiq.console")

PATIENCE = 2.0  # seconds that a stop waits for the runs it concerns
BETWEEN = 0.02  # seconds between two looks at what runs have acknowledged
MOST_REMEMBERED = 10_000  # runs


class AcknowledgementNotes:
    """Writes acknowledgements down: those that come together in one write, each once."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._noted: dict[str, str] = {}  # entity tags, by execution
        self._pending: dict[str, Acknowledgement] = {}
        self._is_queued = False
        self._lock = threading.Lock()  # the writer has a thread of its own

    def note(self, place: Place, answer: Answer) -> None:
        """A run knows this answer. Nobody waits for the note."""
        run_id = place.run.id if place.run else None
        if run_id is None or answer.decision.allowed or self._noted.get(run_id) == answer.etag:
            return
        if len(self._noted) >= MOST_REMEMBERED:
            self._noted.clear()
        self._noted[run_id] = answer.etag
        denying = tuple(policy.id for policy in answer.decision.policies)
        with self._lock:
            self._pending[run_id] = Acknowledgement(run_id, denying, self._now())
        self.flush()

    def flush(self) -> None:
        """Queue a write of what is pending, unless one is queued; tried again when it failed."""
        with self._lock:
            if self._is_queued or not self._pending:
                return
            self._is_queued = True
        batch: list[Acknowledgement] = []
        try:
            future = self._database.write(lambda connection: self._write(connection, batch))
        except StorageError:
            self._finish(batch, failed=True)
        else:
            future.add_done_callback(
                lambda done: self._finish(batch, failed=done.exception() is not None)
            )

    def _write(self, connection: Connection, batch: list[Acknowledgement]) -> None:
        """Take what is pending by now, and write it; called in the writer's thread."""
        with self._lock:
            batch[:] = self._pending.values()
            self._pending = {}
        note_all(connection, batch)

    def _finish(self, batch: Iterable[Acknowledgement], failed: bool) -> None:
        with self._lock:
            self._is_queued = False
            if failed:
                self._pending = {
                    acknowledgement.execution_id: acknowledgement for acknowledgement in batch
                } | self._pending
                return
        self.flush()  # what came while this was written


class StopWait:
    """Waits for the runs that a safeguard denies; what it finds is read on a connection."""

    def __init__(
        self, database: Database, safeguard: Safeguard, now: datetime, patience: float | None = None
    ) -> None:
        self._database = database
        self._safeguard = safeguard
        self._since = now
        self._ends = time.monotonic() + (PATIENCE if patience is None else patience)
        self._report: StopReport | None = None

    async def finish(self) -> StopReport:
        """The report once every run knows, or when the time is over."""
        while not self._is_done():
            self._report = await self._database.reading(self._look)
            if not self._is_done():
                await asyncio.sleep(BETWEEN)
        return self._report or StopReport(())

    def finish_blocking(self) -> StopReport:
        """The same, for a command."""
        while not self._is_done():
            with self._database.read() as connection:
                self._report = self._look(connection)
            if not self._is_done():
                time.sleep(BETWEEN)
        return self._report or StopReport(())

    def _is_done(self) -> bool:
        if self._report is None:
            return False
        return not self._report.missing or time.monotonic() >= self._ends

    def _look(self, connection: Connection) -> StopReport:
        report = self._report
        if report is None:
            report = StopReport(list_concerned(connection, self._safeguard, self._since))
        return update_report(connection, report, self._safeguard, self._since)


async def wait_for_runs(
    database: Database, safeguard: Safeguard, now: datetime
) -> StopReport | None:
    """Wait until the runs that a safeguard denies know it; None for one that is not in force.

    At most `PATIENCE` seconds. A failure to read is no failure of the stop, which is set.
    """
    if not is_in_force(safeguard, now):
        return None
    try:
        report = await StopWait(database, safeguard, now).finish()
    except Exception:
        log.exception("which runs know of '%s' could not be read", safeguard.name)
        return None
    return report if report.runs or safeguard.kind == STOP else None
