"""Readings of the database that many questions share, and never begin before they were asked.

A question takes at most two readings of the numbers that count changes: the one that is under way
when it is asked, and the next. Only the organizations whose numbers have changed are read anew,
each by itself and only when somebody asks about it. These readings have threads of their own, so
that neither pages nor one organization with much to read holds up the others.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Concatenate, Generic, ParamSpec, TypeVar

from sqlalchemy import Connection

from chaoscloud.console.db import Database
from chaoscloud.console.db.changes import Revisions
from chaoscloud.console.records.safeguard_snapshot import SafeguardSnapshot, read_snapshot

T = TypeVar("T")
P = ParamSpec("P")

SNAPSHOT_THREADS = 3  # organizations read at the same time


class SharedReading(Generic[T]):
    """One reading after another: whoever asks gets the result of the next one to begin."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._current: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def result(self) -> T:
        """What a reading finds that begins after this call. Raises what kept it from reading."""
        if self._next is None or not _runs_here(self._next):
            self._next = asyncio.create_task(self._read_after(self._current))
            self._next.add_done_callback(_retrieve_error)
        return await asyncio.shield(self._next)

    async def _read_after(self, earlier: "asyncio.Task[T] | None") -> T:
        if earlier is not None and _runs_here(earlier):
            await asyncio.wait([earlier])
        self._current, self._next = self._next, None
        return await self._read()


class Snapshots:
    """The organizations' snapshots, as fresh as each question wants them."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._numbers_thread = ThreadPoolExecutor(1, thread_name_prefix="console-revisions")
        self._threads = ThreadPoolExecutor(SNAPSHOT_THREADS, thread_name_prefix="console-snapshots")
        self._revisions = SharedReading(self._read_revisions)
        self._readings: dict[str, SharedReading[SafeguardSnapshot]] = {}
        self._latest: dict[str, SafeguardSnapshot] = {}

    async def revisions(self) -> Revisions:
        """How often everything has changed, read after the question came that calls this."""
        if self._database.file is None:
            return await self._revisions.result()
        return self._database.read_revisions()

    async def find(self, organization_id: str, revisions: Revisions) -> SafeguardSnapshot:
        """The organization's snapshot, not older than `revisions`."""
        latest = self._latest.get(organization_id)
        if latest and latest.is_current(revisions.of(organization_id), self._now()):
            return latest
        if organization_id not in self._readings:
            self._readings[organization_id] = SharedReading(lambda: self._load(organization_id))
        return await self._readings[organization_id].result()

    def latest(self, organization_id: str) -> SafeguardSnapshot | None:
        """The snapshot that was read last, however old it is."""
        return self._latest.get(organization_id)

    async def read(
        self, job: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run another reading function that decisions need, in one of their threads."""
        return await self._run(self._threads, job, *args, **kwargs)

    async def _read_revisions(self) -> Revisions:
        return await asyncio.get_running_loop().run_in_executor(
            self._numbers_thread, self._database.read_revisions
        )

    async def _load(self, organization_id: str) -> SafeguardSnapshot:
        before = self._latest.get(organization_id)
        snapshot = await self._run(
            self._threads, read_snapshot, organization_id, before, self._now()
        )
        self._latest[organization_id] = snapshot
        return snapshot

    async def _run(
        self,
        threads: ThreadPoolExecutor,
        job: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        def run() -> T:
            with self._database.read() as connection:
                return job(connection, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(threads, run)


def _runs_here(task: "asyncio.Task[T]") -> bool:
    return task.get_loop() is asyncio.get_running_loop()


def _retrieve_error(task: "asyncio.Task[T]") -> None:
    """Whoever waits gets the error; when nobody waits any more, it needs no warning either."""
    if not task.cancelled():
        task.exception()
