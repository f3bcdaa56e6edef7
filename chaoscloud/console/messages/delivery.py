"""The delivery: one task of the console that sends what waits in the outbox.

It claims messages, sends each in a task of its own, and writes down what came of it. Every wait is
somewhere else than in the writer's queue or on the event loop, so a target that hangs costs ingest
and decisions nothing. With several consoles on one database each message is claimed by one of them.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from chaoscloud.console.config import Config
from chaoscloud.console.db import Database, StorageError
from chaoscloud.console.db.changes import MESSAGES, DatabaseChange
from chaoscloud.console.messages import outbox
from chaoscloud.console.messages.outbox import OutboxMessage, SendResult
from chaoscloud.console.messages.settings import load_settings
from chaoscloud.console.messages.targets import TARGETS, Sending
from chaoscloud.console.metrics import MESSAGES_SENT
from chaoscloud.console.outgoing import Client

log = logging.getLogger("chaosiq.console")

LOOK_EVERY = 2.0  # seconds between two looks for what other processes wrote or left
MOST_AT_ONCE = 32  # messages under way
MOST_OF_ONE = 4  # of one subscription; one while its target fails
LONGEST = 30.0  # seconds for one message, whatever its target does


class Delivery:
    """Sends what is in the outbox until it is stopped; `now` is the console's clock."""

    def __init__(
        self,
        database: Database,
        config: Config,
        client: Client,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._config = config
        self._client = client
        self._now = now
        self._tasks: dict[asyncio.Task[None], OutboxMessage] = {}
        self._changed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        database.on_change(self._note_changes)

    async def run(self) -> None:
        """Send until cancelled; what is under way then is given back to be sent again."""
        self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()
        try:
            await self._release_claims()
            while True:
                await self._send_due()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY):
                        await self._changed.wait()
        finally:
            await self._stop()

    def _note_changes(self, changes: frozenset[DatabaseChange]) -> None:
        """Something was written; called in the writer's thread."""
        if self._loop is not None and any(change.subject == MESSAGES for change in changes):
            with contextlib.suppress(RuntimeError):  # a loop that has ended sends nothing
                self._loop.call_soon_threadsafe(self._changed.set)

    async def _release_claims(self) -> None:
        """Forget what an earlier process had under way, where there can be no other process."""
        if self._database.file is not None:
            with contextlib.suppress(StorageError):
                await self._database.writing(outbox.give_all_back)

    async def _send_due(self) -> None:
        """Start to send what is due, as much as may be under way at once."""
        self._changed.clear()
        room = MOST_AT_ONCE - len(self._tasks)
        busy = self._find_busy()
        try:
            if room <= 0 or not await self._database.reading(outbox.has_due, self._now(), busy):
                return
            claimed = await self._database.writing(outbox.claim, self._now(), room, busy)
            surplus = self._start(claimed)
            if surplus:
                await self._database.writing(outbox.give_back, surplus)
        except StorageError as error:
            log.warning("messages wait: %s", error)

    def _find_busy(self) -> list[str]:
        """The subscriptions that have as many messages under way as they may."""
        under_way = Counter(message.subscription.id for message in self._tasks.values())
        failing = {m.subscription.id for m in self._tasks.values() if m.subscription.failures}
        return [id_ for id_, n in under_way.items() if n >= MOST_OF_ONE or id_ in failing]

    def _start(self, claimed: Iterable[OutboxMessage]) -> list[int]:
        """Start to send messages; the numbers of those that are too many for their target."""
        surplus = []
        for message in claimed:
            if message.subscription.id in self._find_busy():
                surplus.append(message.seq)
                continue
            task = asyncio.create_task(self._deliver(message))
            self._tasks[task] = message
            task.add_done_callback(self._finish)
        return surplus

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        self._changed.set()

    async def _deliver(self, message: OutboxMessage) -> None:
        """Send one message and write down what came of it."""
        result = await self._send(message)
        MESSAGES_SENT.labels(message.subscription.target, "sent" if result.sent else "failed").inc()
        try:
            await self._database.writing(outbox.record_result, message, result, self._now())
        except StorageError as error:  # it stays claimed for a while, and is then sent again
            log.warning("what came of a message is not recorded: %s", error)

    async def _send(self, message: OutboxMessage) -> SendResult:
        subscription = message.subscription
        now = self._now()
        try:
            target = TARGETS[subscription.target]
            if problem := target.find_problem(self._config):
                return SendResult(sent=False, answer=problem, retry=True)
            settings = load_settings(subscription.target, subscription.settings)
            sending = Sending(self._config, self._client, now, subscription.secrets(now))
            async with asyncio.timeout(LONGEST):
                return await target.send(message.event, settings, sending)
        except TimeoutError:
            return SendResult(sent=False, answer=f"not done within {LONGEST:g} s", retry=True)
        except Exception as error:
            log.exception("a message of the subscription '%s' could not be sent", subscription.name)
            answer = f"the console failed: {type(error).__name__}; its log says how"
            return SendResult(sent=False, answer=answer, retry=True)

    async def _stop(self) -> None:
        """End what is under way, and let it be sent again."""
        tasks = dict(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if seqs := [message.seq for message in tasks.values()]:
            with contextlib.suppress(StorageError):
                await self._database.writing(outbox.give_back, seqs)
