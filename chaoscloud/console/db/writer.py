"""One thread that writes: what waits is committed as one group, and only then acknowledged.

A disk keeps a few hundred commits a second whatever their size, so jobs that arrive while one
group is being written travel together in the next.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

from sqlalchemy import Connection, Engine

from chaoscloud.console.db import changes
from chaoscloud.console.db.changes import DatabaseChange
from chaoscloud.console.db.failures import CannotWrite, DiskFull, QueueFull, StorageError
from chaoscloud.console.db.groups import GroupResult, Task, TaskResult, deliver, write_group
from chaoscloud.console.db.space import DiskSpace
from chaoscloud.console.db.trouble import Trouble

T = TypeVar("T")
OnChange = Callable[[frozenset[DatabaseChange]], None]

GROUP = 256  # jobs in one transaction
WAITING = 1024  # jobs in the queue before new ones are turned away
LONGEST_GATHERING = 0.002  # seconds in which a crowd of requests is gathered into one group
QUIET_TURNS = 2  # of an event loop without another request, after which a crowd is complete


class Writer:
    """The queue and its thread; `write` from any thread, `close` to finish what waits and stop.

    `on_change` is called in the writer's thread with what a group changed (`db.changes`): after it
    is on disk, before anybody hears who waits for it. `trouble` is why the last group was lost,
    until one is on disk again.
    """

    def __init__(
        self,
        engine: Engine,
        space: DiskSpace | None = None,
        waiting: int = WAITING,
        on_change: OnChange = lambda names: None,
    ) -> None:
        changes.watch(engine)
        self.trouble = Trouble("writing")
        self._engine = engine
        self._space = space or DiskSpace(None)
        self._on_change = on_change
        self._waiting = waiting
        self._queue: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="console-writer", daemon=True)
        self._thread.start()

    def write(self, job: Callable[[Connection], T]) -> Future[T]:
        """Queue a job; its future is done once the job is on disk, or has failed.

        Raises `QueueFull` when too many wait already, `CannotWrite` after `close`.
        """
        future: Future[T] = Future()
        self.add(Task(future, job))
        return future

    def add(self, task: Task) -> None:
        """Queue a task. Raises `QueueFull` when too many wait, `CannotWrite` after `close`."""
        if self._closed:
            raise CannotWrite("the database is closed")
        if self._queue.qsize() >= self._waiting:  # a bound for memory, so a rough one will do
            raise QueueFull("too many writes are waiting")
        self._queue.put(task)

    @property
    def pending(self) -> int:
        """How many tasks wait, about."""
        return self._queue.qsize()

    def close(self) -> None:
        """Write what waits, then stop; a job that slips in meanwhile fails rather than hangs."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        failure = CannotWrite("the database is closed")
        deliver(TaskResult(task, None, failure) for task in self._drain() if task)

    def _run(self) -> None:
        self._space.keep_reserve()
        while (task := self._queue.get()) is not None:
            group, is_last = self._collect(task)
            deliver(self._write_group([task for task in group if task.start()]))
            self._space.keep_reserve()
            if is_last:
                return

    def _collect(self, first: Task) -> tuple[list[Task], bool]:
        """What waits now, up to a bound, and whether the end of the queue was among it."""
        group = [first]
        for task in self._drain():
            if task is None:
                return group, True
            group.append(task)
            if len(group) == GROUP:
                break
        return group, False

    def _drain(self) -> Iterator[Task | None]:
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._queue.get_nowait()

    def _write_group(self, group: list[Task]) -> list[TaskResult]:
        """Write a group; when the disk is full, all but records once more, into the reserve."""
        refused, group = self._refuse_records(group)
        outcomes = refused + self._write_once(group).outcomes
        lacking = [outcome.task for outcome in outcomes if _may_use_reserve(outcome)]
        if lacking and self._space.release_reserve():
            outcomes = [outcome for outcome in outcomes if not _may_use_reserve(outcome)]
            outcomes += self._write_once(lacking).outcomes
        return outcomes

    def _refuse_records(self, group: list[Task]) -> tuple[list[TaskResult], list[Task]]:
        """Turn what runs send away while there is little room; and what else there is to write."""
        if any(task.is_record for task in group):
            try:
                self._space.check()
            except DiskFull as error:
                return (
                    [TaskResult(task, None, error) for task in group if task.is_record],
                    [task for task in group if not task.is_record],
                )
        return [], group

    def _write_once(self, tasks: list[Task]) -> GroupResult:
        result = write_group(self._engine, tasks)
        if result.failure:
            self.trouble.report(result.failure)
        elif any(outcome.error is None for outcome in result.outcomes):
            self.trouble.clear()
        if result.changed:
            self._on_change(result.changed)
        return result


def _may_use_reserve(outcome: TaskResult) -> bool:
    return isinstance(outcome.error, DiskFull) and not outcome.task.is_record


class Gathering:
    """What the requests of a crowd bring is queued together, so that it becomes one group.

    Requests begin one in a turn of the event loop. While each turn brings another one, the writer
    would begin with the first alone, and the others would pay for commits of their own. A request
    that comes alone is queued two empty turns later, which take some microseconds.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._tasks: list[Task] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, task: Task) -> None:
        """Add a task of the running event loop; its future tells of a queue that is full."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop or not self._tasks:  # nothing of an earlier loop will go on
            self._loop, self._tasks = loop, []
            loop.call_soon(self._look, loop, self._tasks, 0, QUIET_TURNS, loop.time())
        self._tasks.append(task)

    def _look(
        self,
        loop: asyncio.AbstractEventLoop,
        tasks: list[Task],
        count: int,
        turns: int,
        began: float,
    ) -> None:
        turns = QUIET_TURNS if len(tasks) > count else turns - 1
        if turns and len(tasks) < GROUP and loop.time() - began < LONGEST_GATHERING:
            loop.call_soon(self._look, loop, tasks, len(tasks), turns, began)
            return
        if tasks is self._tasks:
            self._tasks = []
        for task in tasks:
            try:
                self._writer.add(task)
            except StorageError as error:
                TaskResult(task, None, error).deliver()
