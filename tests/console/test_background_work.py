"""What the console does beside requests goes on, whatever fails in it once."""

import asyncio
import logging

import pytest

from chaoscloud.console.background import repeat, start
from chaoscloud.console.db import StorageError


@pytest.mark.parametrize(
    ("failure", "level"),
    [(StorageError("the disk is full"), logging.WARNING), (ValueError("odd"), logging.ERROR)],
)
def test_a_failure_is_logged_and_the_work_is_done_again(
    failure: Exception, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that is away is a line; anything else comes with its traceback."""
    times: list[int] = []

    async def work() -> None:
        times.append(len(times))
        if len(times) == 1:
            raise failure
        raise asyncio.CancelledError

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await repeat(work, 0, "retention")

    asyncio.run(main())

    assert times == [0, 1]
    [record] = caplog.records
    assert (record.levelno, "retention" in record.getMessage()) == (level, True)


def test_work_that_ends_by_a_failure_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits for its result, so the log is where it is seen."""

    async def fail() -> None:
        raise ValueError("odd")

    async def main() -> None:
        await start(fail(), "the delivery of messages")

    asyncio.run(main())

    assert [record.getMessage() for record in caplog.records] == [
        "the delivery of messages has ended"
    ]
