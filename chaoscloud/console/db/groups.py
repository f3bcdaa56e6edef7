"""A group of writes in one transaction, each in a savepoint of its own.

A job that fails takes nobody along. Jobs that do the same to different items, and wait side by
side, are run in one call; should that fail, each is run by itself.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from chaoscloud.console.db import changes
from chaoscloud.console.db.changes import DatabaseChange
from chaoscloud.console.db.failures import (
    CannotWrite,
    DiskFull,
    StorageError,
    describe_error,
    is_disk_full,
    is_trouble,
)
from chaoscloud.console.db.notifications import notify

IN_A_TURN = 8  # requests that are answered in one turn of an event loop

Job = Callable[[Connection], Any]
SharedJob = Callable[[Connection, Sequence[Any]], Sequence[Any]]


class Task(NamedTuple):
    """A job and who waits for it: a thread, or a task of an event loop.

    A shared job receives the `item`s of those that wait side by side, and returns a result for
    each. `is_record` marks what runs send: when the disk is full, it has no claim on the reserve.
    """

    future: "Future[Any] | asyncio.Future[Any]"
    job: Job | None = None
    shared: SharedJob | None = None
    item: Any = None
    is_record: bool = False

    def start(self) -> bool:
        """Whether somebody still waits; a job that was given up before its turn is not run."""
        if isinstance(self.future, Future):
            return self.future.set_running_or_notify_cancel()
        return not self.future.cancelled()


class TaskResult(NamedTuple):
    """What became of a task."""

    task: Task
    result: Any
    error: Exception | None = None

    def deliver(self) -> None:
        """Give it to who waits; not to who has given up meanwhile."""
        future = self.task.future
        if future.done():
            return
        if self.error is None:
            future.set_result(self.result)
        else:
            future.set_exception(self.error)


def deliver(outcomes: Iterable[TaskResult]) -> None:
    """Deliver outcomes to everybody who waits; each event loop is woken once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[TaskResult]] = {}
    for outcome in outcomes:
        if isinstance(outcome.task.future, asyncio.Future):
            by_loop.setdefault(outcome.task.future.get_loop(), []).append(outcome)
        else:
            outcome.deliver()
    for loop, its in by_loop.items():
        with contextlib.suppress(RuntimeError):  # on a loop that has ended, nobody waits
            loop.call_soon_threadsafe(_deliver_in_turns, loop, its)


def _deliver_in_turns(loop: asyncio.AbstractEventLoop, outcomes: list[TaskResult]) -> None:
    """Deliver a few in each turn of the loop, which reads in between what has come meanwhile."""
    for outcome in outcomes[:IN_A_TURN]:
        outcome.deliver()
    if len(outcomes) > IN_A_TURN:
        loop.call_soon(_deliver_in_turns, loop, outcomes[IN_A_TURN:])


class GroupResult(NamedTuple):
    """An outcome for each task, what the group changed, and the trouble that a task met."""

    outcomes: list[TaskResult]
    changed: frozenset[DatabaseChange] = frozenset()
    failure: StorageError | None = None


def write_group(engine: Engine, tasks: Sequence[Task]) -> GroupResult:
    """Run tasks in one transaction and commit it. Never raises."""
    return _write(engine, tasks, savepoints=not _share_one_job(tasks))


def _write(engine: Engine, tasks: Sequence[Task], savepoints: bool) -> GroupResult:
    outcomes: list[TaskResult] = []
    changed: frozenset[DatabaseChange]
    try:
        with engine.connect() as connection, connection.begin():
            changes.forget(connection)
            if savepoints:
                for _, alike in groupby(tasks, lambda task: task.shared or task.future):
                    _run(connection, list(alike), outcomes)
            else:
                outcomes += map(TaskResult, tasks, _call(connection, tasks))
            changed = changes.count(connection)
            notify(connection, changed)
    except Exception as error:  # noqa: BLE001  (delivered to everyone who waits)
        if not (savepoints or is_trouble(error)):
            return _write(engine, tasks, savepoints=True)  # to see whose failure it is
        failure = _convert(error)
        outcomes, changed = list(_fail(tasks, outcomes, failure)), frozenset()
    return GroupResult(outcomes, changed, _find_trouble(outcomes))


def _share_one_job(tasks: Sequence[Task]) -> bool:
    """Whether all of it is one call: then the transaction is savepoint enough.

    On a busy console each statement waits for its turn of the interpreter.
    """
    return bool(tasks) and tasks[0].shared is not None and len({task.shared for task in tasks}) == 1


def _find_trouble(outcomes: Sequence[TaskResult]) -> StorageError | None:
    errors = (outcome.error for outcome in outcomes)
    return next((error for error in errors if isinstance(error, StorageError)), None)


def _run(connection: Connection, tasks: list[Task], outcomes: list[TaskResult]) -> None:
    """Run tasks in one savepoint, or, when that fails, each in its own.

    Raises only when the whole transaction is lost.
    """
    connection.exec_driver_sql("SAVEPOINT job")  # begin_nested() takes four times as long
    try:
        results = _call(connection, tasks)
        connection.exec_driver_sql("RELEASE SAVEPOINT job")
    except Exception as error:  # noqa: BLE001  (delivered to the one who waits)
        try:
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
            connection.exec_driver_sql("RELEASE SAVEPOINT job")
        except SQLAlchemyError:
            # SQLite has given up the transaction by itself, as it does when the disk is full.
            raise error from None
        if len(tasks) == 1:
            outcomes.append(TaskResult(tasks[0], None, _convert(error)))
            return
        for task in tasks:
            _run(connection, [task], outcomes)
    else:
        outcomes += map(TaskResult, tasks, results)


def _call(connection: Connection, tasks: Sequence[Task]) -> Sequence[Any]:
    if tasks[0].shared is not None:
        return tasks[0].shared(connection, [task.item for task in tasks])
    return [task.job(connection) for task in tasks if task.job is not None]


def _fail(
    tasks: Sequence[Task], outcomes: Sequence[TaskResult], failure: Exception
) -> Iterator[TaskResult]:
    """Outcomes of a lost group; a job that failed before keeps its own error."""
    own = {id(outcome.task.future): outcome for outcome in outcomes if outcome.error}
    for task in tasks:
        yield own.get(id(task.future)) or TaskResult(task, None, failure)


def _convert(error: Exception) -> Exception:
    """A job's own exception as it is; the database's troubles as `CannotWrite`."""
    if not is_trouble(error):
        return error
    kind = DiskFull if is_disk_full(error) else CannotWrite
    failure = kind(f"the database did not keep it: {describe_error(error)}")
    failure.__cause__ = error
    return failure
