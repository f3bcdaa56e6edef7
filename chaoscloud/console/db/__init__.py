"""The console's database: open it, read from it, write to it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import Connection

from chaoscloud.console.db.changes import Change
from chaoscloud.console.db.engines import READERS, Engines, create_engines
from chaoscloud.console.db.failures import Busy, CannotOpen, CannotWrite, StorageError
from chaoscloud.console.db.migrations import migrate
from chaoscloud.console.db.writer import Task, Writer

__all__ = ["Busy", "CannotOpen", "CannotWrite", "Database", "StorageError"]

T = TypeVar("T")
Item = TypeVar("Item")
P = ParamSpec("P")


class Database:
    """One database, read by many connections and written by one thread.

    What is given to `reading` and `writing` are plain functions whose first parameter is a
    connection; they never commit. Usable as a context manager, which closes it.
    """

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._listeners: list[Callable[[frozenset[Change]], None]] = []
        self._writer = Writer(engines.writer, on_change=self._tell)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="console-reader")

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database and bring its schema forward; made when there is none yet.

        Raises `CannotOpen` with the reason when it cannot be used.
        """
        engines = create_engines(url)
        try:
            migrate(engines)
        except CannotOpen:
            engines.dispose()
            raise
        return cls(engines)

    @property
    def file(self) -> Path | None:
        """The database's own file; none for a database served by somebody else."""
        return self._engines.file

    def close(self) -> None:
        """Keep the writes that wait, then let go of everything."""
        self._writer.close()
        self._readers.shutdown()
        self._engines.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one moment of the database and waits for no writer."""
        with self._engines.reader.connect() as connection:
            yield connection

    def write(self, job: Callable[[Connection], T]) -> Future[T]:
        """Queue a write; its future is done when the write is on disk.

        The future raises what the job raised, or `CannotWrite`. Raises `Busy` at once when too
        many writes wait.
        """
        return self._writer.write(job)

    def on_change(self, listener: Callable[[frozenset[Change]], None]) -> None:
        """Call a function, in the writer's thread, when a write changes what `db.changes` names.

        It must not raise, nor take long. Other processes' writes are not told: look at
        `changes.read_revisions` for those.
        """
        self._listeners.append(listener)

    def _tell(self, changes: frozenset[Change]) -> None:
        for listener in self._listeners:
            listener(changes)

    async def reading(
        self, job: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a reading function in a thread of its own, away from the event loop."""

        def read() -> T:
            with self.read() as connection:
                return job(connection, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._readers, read)

    async def writing(
        self, job: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a writing function in the writer, and wait until it is on disk."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writer.take(Task(future, lambda connection: job(connection, *args, **kwargs)))
        return await future

    async def writing_together(
        self, job: Callable[[Connection, Sequence[Item]], Sequence[T]], item: Item
    ) -> T:
        """The same, for what comes in crowds: items that wait side by side are kept at one go.

        The job is given any number of them, and gives a result for each. When it raises over
        several, they are given to it one by one: it fails for those alone that it cannot keep.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writer.take(Task(future, shared=job, item=item))
        return await future
