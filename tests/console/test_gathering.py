"""Requests that come one right after another are written together."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import Connection

from chaoscloud.console.db import CannotWrite, Database
from chaoscloud.console.db.writer import GROUP
from tests.console.test_writer import occupied


class Job:
    """A job that notes with how many items it was called each time."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, connection: Connection, items: Sequence[int]) -> Sequence[int]:
        """Return the items."""
        self.sizes.append(len(items))
        return items


def test_a_crowd_that_comes_one_in_a_turn_is_one_group(database: Database) -> None:
    """The first does not get a commit of its own for having been there a turn earlier."""
    job = Job()

    async def send_crowd() -> list[int]:
        waiting = []
        for number in range(20):
            waiting.append(asyncio.create_task(database.recording_together(job, number)))
            await asyncio.sleep(0)
        return await asyncio.gather(*waiting)

    assert asyncio.run(send_crowd()) == list(range(20))
    assert job.sizes == [20]


def test_a_large_item_is_queued_at_once(database: Database) -> None:
    """It waits for no other: that would cost more than a commit."""
    job = Job()

    async def send() -> int:
        with occupied(database):
            small = asyncio.create_task(database.recording_together(job, 1))
            large = asyncio.create_task(database.recording_together(job, 2, is_large=True))
            await asyncio.sleep(0)
            queued = database.pending_writes
        await asyncio.gather(small, large)
        return queued

    assert asyncio.run(send()) == 1


def test_a_crowd_without_end_keeps_nobody_waiting(database: Database) -> None:
    """The first is answered though others still come."""
    job, most = Job(), 100_000

    async def send_until_answered() -> int:
        first = asyncio.create_task(database.recording_together(job, 0))
        others: list[asyncio.Task[int]] = []
        while not first.done() and len(others) < most:
            others.append(asyncio.create_task(database.recording_together(job, len(others))))
            await asyncio.sleep(0)
        await asyncio.gather(*others, return_exceptions=True)
        return len(others)

    assert asyncio.run(send_until_answered()) < most
    assert max(job.sizes) <= GROUP


def test_a_second_event_loop_waits_for_nothing_of_the_first(database: Database) -> None:
    """One that has ended has left a request behind, which nobody waits for any more."""
    job = Job()

    async def leave() -> None:
        task = asyncio.create_task(database.recording_together(job, 1))
        await asyncio.sleep(0)
        task.cancel()

    async def send() -> int:
        return await database.recording_together(job, 2)

    asyncio.run(leave())

    assert asyncio.run(send()) == 2


def test_a_closed_database_is_told_to_each_of_a_crowd(database: Database) -> None:
    """Nobody waits for ever."""
    job = Job()

    async def send_crowd() -> list[object]:
        crowd = [database.recording_together(job, number) for number in range(3)]
        return await asyncio.gather(*crowd, return_exceptions=True)

    database.close()

    errors = asyncio.run(send_crowd())
    assert [type(error) for error in errors] == [CannotWrite] * 3
    assert job.sizes == []
