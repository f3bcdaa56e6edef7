"""A write that waits for its turn, and what became of it."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from sqlalchemy import Connection

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
            loop.call_soon_threadsafe(_deliver_all, its)


def _deliver_all(outcomes: list[TaskResult]) -> None:
    for outcome in outcomes:
        outcome.deliver()
