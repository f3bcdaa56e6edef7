"""Asks webhooks: one question at a time for each safeguard, however many runs wait for it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime

import msgspec

from chaoscloud.console.db import Database, StorageError
from chaoscloud.console.records import safeguard_states
from chaoscloud.console.rules.safeguards import Safeguard
from chaoscloud.console.rules.safeguards.kinds.webhook import WebhookSettings
from chaoscloud.console.rules.safeguards.model import WebhookAnswer
from chaoscloud.console.watch.calling import WebhookReply

log = logging.getLogger("chaosiq.console")

PATIENCE = 4.0  # seconds that a run waits for an answer; then what counts without one counts

Ask = Callable[[str], Awaitable[WebhookReply]]


class _LatestAnswer(msgspec.Struct, frozen=True):
    """An answer, what was asked to get it, and when (by the monotonic clock)."""

    settings: str
    answer: WebhookAnswer
    asked_at: float


class Asker:
    """What webhooks said last, never older than their period while somebody wants to know.

    `on_answer` is called when one says something else than before.
    """

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        ask: Ask,
        on_answer: Callable[[], None],
    ) -> None:
        self._database = database
        self._now = now
        self._ask = ask
        self._on_answer = on_answer
        self._known: dict[str, _LatestAnswer] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    def answers(self, recorded: Mapping[str, WebhookAnswer]) -> Mapping[str, WebhookAnswer]:
        """What was said last; `kept` is what the record has, this or another process's."""
        if not self._known:
            return recorded
        return {**recorded, **{id_: known.answer for id_, known in self._known.items()}}

    def want(
        self, safeguard: Safeguard, recorded: WebhookAnswer | None = None
    ) -> asyncio.Task[None] | None:
        """Ask, unless the answer is fresh; the question that is under way, if there is one."""
        if self._is_fresh(safeguard):
            return None
        if safeguard.id in self._known and self._known[safeguard.id].settings != safeguard.settings:
            del self._known[safeguard.id]  # somebody else was asked
        task = self._asking.get(safeguard.id)
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            task = asyncio.create_task(self._question(safeguard, recorded))
            task.add_done_callback(_log_failure)
            self._asking[safeguard.id] = task
        return task

    async def fresh(
        self, safeguards: Iterable[Safeguard], recorded: Mapping[str, WebhookAnswer]
    ) -> None:
        """Wait, for a bounded time, until the answers to these are fresh."""
        asking = [self.want(safeguard, recorded.get(safeguard.id)) for safeguard in safeguards]
        tasks = [task for task in asking if task is not None]
        done = (await asyncio.wait(tasks, timeout=PATIENCE))[0] if tasks else ()
        for task in done:
            task.result()  # an error of ours is no answer: whoever waits hears of it

    def _is_fresh(self, safeguard: Safeguard) -> bool:
        known = self._known.get(safeguard.id)
        if known is None or known.settings != safeguard.settings:
            return False
        every = msgspec.json.decode(safeguard.settings, type=WebhookSettings).every
        return time.monotonic() - known.asked_at < every

    async def _question(self, safeguard: Safeguard, recorded: WebhookAnswer | None) -> None:
        settings = msgspec.json.decode(safeguard.settings, type=WebhookSettings)
        asked_at = time.monotonic()
        reply = await self._ask(settings.url)
        known = self._known.get(safeguard.id)
        before = known.answer if known and known.settings == safeguard.settings else recorded
        same = before is not None and (before.ok, before.message) == (reply.ok, reply.message)
        answer = before if before and same else WebhookAnswer(reply.ok, reply.message, self._now())
        self._known[safeguard.id] = _LatestAnswer(safeguard.settings, answer, asked_at)
        if same:
            return
        self._on_answer()
        try:
            await self._database.writing(
                safeguard_states.record_answer, safeguard.id, answer, self._now()
            )
        except StorageError as error:
            log.warning("what the webhook of '%s' said is not recorded: %s", safeguard.name, error)


def _log_failure(task: asyncio.Task[None]) -> None:
    """Write down what went wrong, also when nobody waited for it."""
    if not task.cancelled() and (error := task.exception()):
        log.error("a webhook could not be asked", exc_info=error)
