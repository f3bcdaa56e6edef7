"""The console's database: open it, read from it, write to it."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from chaoscloud.console.db import changes
from chaoscloud.console.db.changes import DatabaseChange, RevisionReader, Revisions
from chaoscloud.console.db.engines import READERS, Engines, create_engines, find_file
from chaoscloud.console.db.failures import (
    CannotOpen,
    CannotRead,
    CannotWrite,
    DiskFull,
    QueueFull,
    StorageError,
    describe_error,
    is_damage,
    is_trouble,
)
from chaoscloud.console.db.groups import Task
from chaoscloud.console.db.migrations import migrate
from chaoscloud.console.db.notifications import NotificationListener
from chaoscloud.console.db.space import DiskSpace
from chaoscloud.console.db.trouble import Trouble
from chaoscloud.console.db.writer import Gathering, Writer

__all__ = [
    "CannotOpen",
    "CannotRead",
    "CannotWrite",
    "Database",
    "DiskFull",
    "DiskSpace",
    "QueueFull",
    "StorageError",
]

T = TypeVar("T")
Item = TypeVar("Item")
P = ParamSpec("P")


class Database:
    """One database, read by many connections and written by one thread.

    What `reading`, `writing` and `recording` run are plain functions whose first parameter is a
    connection; they never commit. `space` is the room on its disk. Usable as a context manager,
    which closes it.
    """

    def __init__(self, engines: Engines, space: DiskSpace | None = None) -> None:
        self.space = space or DiskSpace(engines.file)
        self._engines = engines
        self._damage: StorageError | None = None
        self._trouble = Trouble("reading")
        self._listeners: list[Callable[[frozenset[DatabaseChange]], None]] = []
        self._writer = Writer(engines.writer, self.space, on_change=self._call_listeners)
        self._gathering = Gathering(self._writer)
        self._listener: NotificationListener | None = None
        self._revision_reader = RevisionReader(engines.reader)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="console-reader")

    @classmethod
    def open(cls, url: str, space: DiskSpace | None = None) -> Self:
        """Open the database and bring its schema forward; made when there is none yet.

        `space` says how much room is to be left on its disk. Raises `CannotOpen` with the reason
        when it cannot be used.
        """
        space = space or DiskSpace(find_file(url))
        space.prepare_opening()
        engines = create_engines(url)
        try:
            migrate(engines)
        except CannotOpen:
            engines.dispose()
            raise
        return cls(engines, space)

    @property
    def file(self) -> Path | None:
        """The database's own file; none for a database served by somebody else."""
        return self._engines.file

    def close(self) -> None:
        """Write what waits, then close every connection."""
        if self._listener is not None:
            self._listener.close()
        self._writer.close()
        self._readers.shutdown()
        self._revision_reader.close()
        self._engines.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one moment of the database and waits for no writer.

        Raises `CannotRead` when the database does not answer, or is damaged.
        """
        try:
            with self._engines.reader.connect() as connection:
                yield connection
        except Exception as error:
            if is_trouble(error):
                raise self._report(error) from error
            raise
        self._trouble.clear()

    def read_revisions(self) -> Revisions:
        """How often everything that decisions are made from has changed so far.

        Quick enough for an event loop where the database is a file. Raises `CannotRead`.
        """
        if self.file is None:
            with self.read() as connection:
                return changes.read_revisions(connection)
        try:
            revisions = self._revision_reader.read_all()
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise self._report(error) from error
        self._trouble.clear()
        return revisions

    def _report(self, error: Exception) -> CannotRead:
        failure = CannotRead(f"the database cannot be read: {describe_error(error)}")
        self._trouble.report(failure)
        if is_damage(error):
            self._damage = failure
        return failure

    def write(self, job: Callable[[Connection], T]) -> Future[T]:
        """Queue a write; its future is done when the write is on disk.

        The future raises what the job raised, or `CannotWrite`. Raises `QueueFull` at once when
        too many writes wait.
        """
        return self._writer.write(job)

    @property
    def pending_writes(self) -> int:
        """How many writes wait for their turn, about."""
        return self._writer.pending

    def on_change(self, listener: Callable[[frozenset[DatabaseChange]], None]) -> None:
        """Call a function, in another thread, when a write changes what `db.changes` names.

        It must not raise, nor take long. For other processes' writes it is called on PostgreSQL
        alone, where a notification may get lost: look at `read_revisions` now and then.
        """
        self._listeners.append(listener)
        if self.file is None and self._listener is None:
            self._listener = NotificationListener(self._engines.reader, self._call_listeners)

    def _call_listeners(self, changes: frozenset[DatabaseChange]) -> None:
        for listener in self._listeners:
            listener(changes)

    async def reading(
        self, job: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a reading function in a thread, away from the event loop. Raises `CannotRead`."""

        def run() -> T:
            with self.read() as connection:
                return job(connection, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def writing(
        self, job: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a writing function in the writer, and wait until it is on disk.

        For what people and operators do: it is kept on a full disk too, while the reserve lasts.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writer.add(Task(future, lambda connection: job(connection, *args, **kwargs)))
        return await future

    async def recording(
        self, job: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The same for what runs send; raises `DiskFull` when there is little room left."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def run(connection: Connection) -> T:
            return job(connection, *args, **kwargs)

        self._writer.add(Task(future, run, is_record=True))
        return await future

    async def recording_together(
        self,
        job: Callable[[Connection, Sequence[Item]], Sequence[T]],
        item: Item,
        *,
        is_large: bool = False,
    ) -> T:
        """The same for what comes in crowds: items that wait side by side share one call.

        The job receives any number of them, and returns a result for each. When it raises over
        several, it is called for each by itself, and fails only for those it cannot keep. A large
        item is worth a commit: it is queued at once, and written while the next one is read.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        task = Task(future, shared=job, item=item, is_record=True)
        (self._writer if is_large else self._gathering).add(task)
        return await future

    async def check(self) -> None:
        """Raise `StorageError` when it cannot be read or written, or was found damaged.

        Something is written only when the last write failed, to see whether it works again.
        """
        await self.reading(_select_one)
        if self._writer.trouble.error:
            await self.writing(changes.mark, "health")
        if self._damage:  # reading something else may work; what is damaged stays so
            raise self._damage


def _select_one(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
