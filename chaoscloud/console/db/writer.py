"""One thread that writes: what waits is committed as one group, and only then acknowledged.

A disk keeps a few hundred commits a second whatever their size, so jobs that arrive while one
group is being kept travel together in the next. Each has a savepoint of its own: one that fails
takes nobody along. Jobs that do the same to different items, and wait side by side, are done at
one go; should that fail, each is done by itself.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import groupby
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
from chaoscloud.console.db.changes import Change
from chaoscloud.console.db.failures import Busy, CannotWrite

T = TypeVar("T")
Job = Callable[[Connection], Any]
Shared = Callable[[Connection, Sequence[Any]], Sequence[Any]]
OnChange = Callable[[frozenset[Change]], None]

GROUP = 256  # jobs in one transaction
WAITING = 1024  # jobs in the queue before new ones are turned away


class Task(NamedTuple):
    """A job and who waits for it: a thread, or a task of an event loop.

    A shared job is given the `item`s of those that wait side by side, and gives a result for each.
    """

    future: "Future[Any] | asyncio.Future[Any]"
    job: Job | None = None
    shared: Shared | None = None
    item: Any = None


class _Outcome(NamedTuple):
    """What became of a task; told once its group is committed."""

    future: "Future[Any] | asyncio.Future[Any]"
    result: Any
    error: Exception | None = None


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
        self._waiting = waiting
        self._queue: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="console-writer", daemon=True)
        self._thread.start()

    def write(self, job: Callable[[Connection], T]) -> Future[T]:
        """Queue a job; its future is done once the job is on disk, or has failed.

        Raises `Busy` when too many wait already, `CannotWrite` after `close`.
        """
        future: Future[T] = Future()
        self.take(Task(future, job))
        return future

    def take(self, task: Task) -> None:
        """Queue a task. Raises `Busy` when too many wait already, `CannotWrite` after `close`."""
        if self._closed:
            raise CannotWrite("the database is closed")
        if self._queue.qsize() >= self._waiting:  # a bound for memory, so a rough one will do
            raise Busy("too many writes are waiting")
        self._queue.put(task)

    def close(self) -> None:
        """Keep what waits, then stop; a job that slips in meanwhile fails rather than hangs."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        late = CannotWrite("the database is closed")
        _tell(_Outcome(task.future, None, late) for task in self._drained() if task)

    def _run(self) -> None:
        while (task := self._queue.get()) is not None:
            group, last = self._group(task)
            _keep(self._engine, group, self._on_change)
            if last:
                return

    def _group(self, first: Task) -> tuple[list[Task], bool]:
        """What waits now, up to a bound, and whether the end of the queue was among it."""
        group = [first]
        for task in self._drained():
            if task is None:
                return group, True
            group.append(task)
            if len(group) == GROUP:
                break
        return group, False

    def _drained(self) -> Iterator[Task | None]:
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._queue.get_nowait()


# --- one group ---------------------------------------------------------------------------------


def _keep(engine: Engine, group: list[Task], on_change: OnChange) -> None:
    """Run a group in one transaction. Whatever happens, every future of it is answered."""
    group = [task for task in group if _is_wanted(task)]
    outcomes: list[_Outcome] = []
    try:
        with engine.connect() as connection, connection.begin():
            changes.forget(connection)
            for _, tasks in groupby(group, lambda task: task.shared or task.future):
                _run(connection, list(tasks), outcomes)
            changed = changes.counted(connection)
    except Exception as error:  # noqa: BLE001  (handed to everyone who waits, nothing is hidden)
        _tell(_lost(group, outcomes, _as_failure(error)))
        return
    if changed:
        on_change(changed)
    _tell(outcomes)


def _is_wanted(task: Task) -> bool:
    """Whether somebody still waits; a job whose asker has gone before its turn is not run."""
    if isinstance(task.future, Future):
        return task.future.set_running_or_notify_cancel()
    return not task.future.cancelled()


def _run(connection: Connection, tasks: list[Task], outcomes: list[_Outcome]) -> None:
    """Run tasks in one savepoint, or, if it comes to nothing, each in its own.

    Raises only when the whole transaction is lost.
    """
    connection.exec_driver_sql("SAVEPOINT job")  # begin_nested() takes four times as long
    try:
        results = _done(connection, tasks)
        connection.exec_driver_sql("RELEASE SAVEPOINT job")
    except Exception as error:  # noqa: BLE001  (handed to the one who asked)
        try:
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
            connection.exec_driver_sql("RELEASE SAVEPOINT job")
        except SQLAlchemyError:
            # SQLite has given up the transaction by itself, as it does when the disk is full.
            raise error from None
        if len(tasks) == 1:
            outcomes.append(_Outcome(tasks[0].future, None, _as_failure(error)))
            return
        for task in tasks:
            _run(connection, [task], outcomes)
    else:
        outcomes += map(_Outcome, [task.future for task in tasks], results)


def _done(connection: Connection, tasks: list[Task]) -> Sequence[Any]:
    if tasks[0].shared is not None:
        return tasks[0].shared(connection, [task.item for task in tasks])
    return [task.job(connection) for task in tasks if task.job is not None]


def _lost(group: list[Task], outcomes: list[_Outcome], failure: Exception) -> Iterator[_Outcome]:
    """What to tell everybody whose group was not kept; who failed already hears why."""
    own = {id(each.future): each for each in outcomes if each.error}
    for task in group:
        yield own.get(id(task.future)) or _Outcome(task.future, None, failure)


# --- telling -----------------------------------------------------------------------------------


def _tell(outcomes: Iterable[_Outcome]) -> None:
    """Answer everybody who waits: each event loop is woken once."""
    loops: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for each in outcomes:
        if isinstance(each.future, asyncio.Future):
            loops.setdefault(each.future.get_loop(), []).append(each)
        else:
            _answer(each)
    for loop, its in loops.items():
        with contextlib.suppress(RuntimeError):  # on a loop that has ended, nobody waits
            loop.call_soon_threadsafe(_answer_all, its)


def _answer_all(outcomes: list[_Outcome]) -> None:
    for each in outcomes:
        if not each.future.done():  # given up while it was being kept
            _answer(each)


def _answer(outcome: _Outcome) -> None:
    if outcome.error is None:
        outcome.future.set_result(outcome.result)
    else:
        outcome.future.set_exception(outcome.error)


# What a job asked for made no sense: its own fault, and no reason to ask again later.
_JOBS_OWN = (IntegrityError, DataError, ProgrammingError, NotSupportedError)


def _as_failure(error: Exception) -> Exception:
    """A job's own exception as it is; the database's troubles as `CannotWrite`."""
    if isinstance(error, _JOBS_OWN) or not isinstance(error, DBAPIError):
        return error
    failure = CannotWrite(f"the database did not keep it: {' '.join(str(error.orig).split())}")
    failure.__cause__ = error
    return failure
