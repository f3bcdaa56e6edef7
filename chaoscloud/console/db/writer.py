"""One thread that writes: what waits is committed as one group, and only then acknowledged.

A disk keeps a few hundred commits a second whatever their size, so jobs that arrive while one
group is being kept travel together in the next. Each has a savepoint of its own: one that fails
takes nobody along.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
)

from chaoscloud.console.db import changes
from chaoscloud.console.db.failures import Busy, CannotWrite

T = TypeVar("T")
Job = Callable[[Connection], Any]
OnChange = Callable[[frozenset[str]], None]

GROUP = 256  # jobs in one transaction
WAITING = 1024  # jobs in the queue before new ones are turned away


class _Task(NamedTuple):
    job: Job
    future: Future[Any]


class _Kept(NamedTuple):
    """A job that has run, and the result to give once the group is committed."""

    future: Future[Any]
    result: Any


class Writer:
    """The queue and its thread; `write` from any thread, `close` to finish what waits and stop.

    `on_change` is told, in the writer's thread, what a group changed (`db.changes`): after it is
    on disk, before anybody who waits for it.
    """

    def __init__(
        self, engine: Engine, waiting: int = WAITING, on_change: OnChange = lambda names: None
    ) -> None:
        changes.watch(engine)
        self._engine = engine
        self._on_change = on_change
        self._queue: queue.Queue[_Task | None] = queue.Queue(waiting)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="console-writer", daemon=True)
        self._thread.start()

    def write(self, job: Callable[[Connection], T]) -> Future[T]:
        """Queue a job; its future is done once the job is on disk, or has failed.

        Raises `Busy` when too many wait already, `CannotWrite` after `close`.
        """
        if self._closed:
            raise CannotWrite("the database is closed")
        task = _Task(job, Future())
        try:
            self._queue.put_nowait(task)
        except queue.Full:
            raise Busy("too many writes are waiting") from None
        return task.future

    def close(self) -> None:
        """Keep what waits, then stop; a job that slips in meanwhile fails rather than hangs."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        for task in self._drained():
            if task:
                task.future.set_exception(CannotWrite("the database is closed"))

    def _run(self) -> None:
        while (task := self._queue.get()) is not None:
            group, last = self._group(task)
            _keep(self._engine, group, self._on_change)
            if last:
                return

    def _group(self, first: _Task) -> tuple[list[_Task], bool]:
        """What waits now, up to a bound, and whether the end of the queue was among it."""
        group = [first]
        for task in self._drained():
            if task is None:
                return group, True
            group.append(task)
            if len(group) == GROUP:
                break
        return group, False

    def _drained(self) -> Iterator[_Task | None]:
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._queue.get_nowait()


def _keep(engine: Engine, group: list[_Task], on_change: OnChange) -> None:
    """Run a group in one transaction. Whatever happens, every future of it is answered."""
    # One whose asker has gone before its turn is not run at all.
    group = [task for task in group if task.future.set_running_or_notify_cancel()]
    kept: list[_Kept] = []
    try:
        with engine.connect() as connection, connection.begin():
            changes.forget(connection)
            for task in group:
                _run_one(connection, task, kept)
            changed = changes.counted(connection)
    except Exception as error:  # noqa: BLE001  (handed to everyone who waits, nothing is hidden)
        failure = _as_failure(error)
        for task in group:
            if not task.future.done():
                task.future.set_exception(failure)
        return
    if changed:
        on_change(changed)
    for future, result in kept:
        future.set_result(result)


def _run_one(connection: Connection, task: _Task, kept: list[_Kept]) -> None:
    """Run one job in its savepoint; raises only when the whole transaction is lost."""
    savepoint = connection.begin_nested()
    try:
        result = task.job(connection)
        savepoint.commit()
    except Exception as error:  # noqa: BLE001  (handed to the one who asked)
        try:
            savepoint.rollback()
        except SQLAlchemyError:
            # SQLite has given up the transaction by itself, as it does when the disk is full.
            raise error from None
        task.future.set_exception(_as_failure(error))
    else:
        kept.append(_Kept(task.future, result))


# What a job asked for made no sense: its own fault, and no reason to ask again later.
_JOBS_OWN = (IntegrityError, DataError, ProgrammingError, NotSupportedError)


def _as_failure(error: Exception) -> Exception:
    """A job's own exception as it is; the database's troubles as `CannotWrite`."""
    if isinstance(error, _JOBS_OWN) or not isinstance(error, DBAPIError):
        return error
    failure = CannotWrite(f"the database did not keep it: {' '.join(str(error.orig).split())}")
    failure.__cause__ = error
    return failure
