"""What the console does beside requests, again and again: one failure ends none of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from chaoscloud.console.db import StorageError

log = logging.getLogger("chaosiq.console")


async def repeat(work: Callable[[], Awaitable[object]], seconds: float, purpose: str) -> None:
    """Do it every so many seconds, until cancelled. `purpose` names it in the log."""
    while True:
        try:
            await work()
        except StorageError as error:
            log.warning("%s waits: %s", purpose, error)
        except Exception:  # whatever it was, the next time may succeed
            log.exception("%s failed", purpose)
        await asyncio.sleep(seconds)


def start(work: Awaitable[None], purpose: str) -> asyncio.Task[None]:
    """Start a task; when it ends by a failure, the log says so."""

    async def run() -> None:
        try:
            await work
        except Exception:
            log.exception("%s has ended", purpose)

    return asyncio.create_task(run(), name=purpose)
