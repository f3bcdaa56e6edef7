"""Decisions from memory, and runs that wait for theirs to change.

How things stand is kept in memory and read anew when it changes: at once when this process changes
it, within `TICK` when another one does (the command line, another console). Hundreds of runs wait
on one task, which ticks while anybody waits or has asked a moment ago.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from chaoscloud.console.db import Database, StorageError
from chaoscloud.console.db.changes import ACCESS, RUNS
from chaoscloud.console.records import safeguard_states, standing
from chaoscloud.console.records.standing import Standing
from chaoscloud.console.rules.addresses import Network
from chaoscloud.console.rules.safeguards import Facts, Run, Safeguard, applies_to, is_in_force
from chaoscloud.console.watch.answers import Answer, Place, judged
from chaoscloud.console.watch.asker import Asker
from chaoscloud.console.watch.calling import ask

__all__ = ["Answer", "Place", "Watch"]

log = logging.getLogger("chaosiq.console")

TICK = 0.1  # seconds between two looks at what other processes may have changed
TRUSTED = 0.25  # seconds a look is good for
LINGER = 5.0  # seconds the ticks go on after the last question
HEARD_AGAIN = 30.0  # seconds between two notes that a run is alive
MOST_HEARD = 10_000  # runs whose last note is remembered


@dataclass(eq=False)
class _Waiting:
    """A run that waits for another answer than the one it has; None tells it to wait no more."""

    place: Place
    seen: Answer
    other: asyncio.Future[Answer | None]
    changes_at: datetime | None

    def give(self, answer: Answer | None) -> None:
        """End the wait."""
        if not self.other.done():
            self.other.set_result(answer)

    def fail(self, error: Exception) -> None:
        """End the wait with what kept the console from an answer: that is never a decision."""
        if not self.other.done():
            self.other.set_exception(error)


class Watch:
    """One for each console; `stopping` lets everybody go who waits.

    Webhooks may be called in public networks and in `networks`.
    """

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        stopping: asyncio.Event,
        networks: Iterable[Network] = (),
    ) -> None:
        allowed = tuple(networks)
        self._database = database
        self._now = now
        self._stopping = stopping
        self._asker = Asker(database, now, lambda url: ask(url, allowed), self._answered)
        self._standing: Standing | None = None
        self._told: Standing | None = None  # how things stood when everybody was last told
        self._stale = True
        self._looked = self._asked = 0.0
        self._waiting: set[_Waiting] = set()
        self._heard: dict[str, float] = {}
        self._looking: asyncio.Task[None] | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._poked = asyncio.Event()
        database.on_change(self._changed)

    async def answer(self, place: Place) -> Answer:
        """The decision right now. Raises what kept the console from reaching one."""
        held = await self._fresh()
        self._keep_ticking()
        webhooks = self._webhooks(held, place)
        if webhooks:
            await self._asker.fresh(webhooks, held.answers)
            held = await self._fresh()
        self._note_alive(place.run)
        return judged(held, self._facts(held, place.organization_id), place, self._now())

    async def another(self, place: Place, seen: Answer, seconds: float) -> Answer:
        """The first decision that is told otherwise than `seen`; else, in the end, `seen`.

        Ends at once when the console is asked to stop.
        """
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(place, seen, future, self._now())  # due at once: looked at once more
        self._waiting.add(waiting)
        self._keep_ticking()
        try:
            async with asyncio.timeout(seconds):
                return await future or seen
        except TimeoutError:
            return seen
        finally:
            self._waiting.discard(waiting)

    async def facts(self, organization_id: str, safeguards: Iterable[Safeguard]) -> Facts:
        """The facts about an organization, with fresh answers to these safeguards' webhooks."""
        held = await self._fresh()
        asked = [each for each in safeguards if self._asks(each)]
        await self._asker.fresh(asked, held.answers)
        going = await self._database.reading(safeguard_states.going, [organization_id])
        answers = self._asker.answers(held.answers)
        return Facts(tuple(going.get(organization_id, ())), answers, held.alerts)

    async def access(self) -> int:
        """A number that is another one when who may see what has changed."""
        return (await self._fresh()).numbers.get(ACCESS, 0)

    async def required(self, organization_id: str) -> bool:
        """Whether the organization wants no run to go on without an answer."""
        return organization_id in (await self._fresh()).required

    @property
    def waiting(self) -> int:
        """How many runs wait right now."""
        return len(self._waiting)

    # --- how things stand ----------------------------------------------------------------------

    async def _fresh(self) -> Standing:
        self._asked = began = time.monotonic()
        while self._standing is None or self._stale or self._looked < began - TRUSTED:
            await self._look()
        return self._standing

    async def _look(self) -> None:
        """Look, together with everybody else who wants to."""
        task = self._looking
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            task = self._looking = asyncio.create_task(self._read())
        await asyncio.shield(task)

    async def _read(self) -> None:
        began, self._stale = time.monotonic(), False
        try:
            self._standing = await self._database.reading(
                standing.read, self._standing, self._now()
            )
        except BaseException:
            self._stale = True
            raise
        self._looked = began

    def _facts(self, held: Standing, organization_id: str) -> Facts:
        going = tuple(held.going.get(organization_id, ()))
        return Facts(going, self._asker.answers(held.answers), held.alerts)

    def _asks(self, safeguard: Safeguard) -> bool:
        return safeguard.kind == "webhook" and is_in_force(safeguard, self._now())

    def _webhooks(self, held: Standing, place: Place) -> list[Safeguard]:
        return [
            each
            for each in held.concerning(place.organization_id, place.team_id)
            if self._asks(each) and applies_to(each, place.run)
        ]

    def _note_alive(self, run: Run | None) -> None:
        """A run that asks is alive; nobody waits for the note."""
        if run is None or run.id is None:
            return
        id_, at, now = run.id, time.monotonic(), self._now()
        if at - self._heard.get(id_, -HEARD_AGAIN) < HEARD_AGAIN:
            return
        if len(self._heard) >= MOST_HEARD:
            self._heard.clear()
        self._heard[id_] = at
        with contextlib.suppress(StorageError):
            self._database.write(lambda connection: safeguard_states.alive(connection, id_, now))

    # --- what changes --------------------------------------------------------------------------

    def _changed(self, names: frozenset[str]) -> None:
        """Something was changed in this process; called in the writer's thread."""
        held = self._standing
        if names == {RUNS} and held is not None and not held.counts_runs:
            return
        self._stale = True
        self._poke()

    def _answered(self) -> None:
        """A webhook says something else than before."""
        self._told = None
        self._poke()

    def _poke(self) -> None:
        """Tick now; from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # a loop that has ended waits for nothing
                self._loop.call_soon_threadsafe(self._poked.set)

    def _keep_ticking(self) -> None:
        loop = asyncio.get_running_loop()
        if self._ticking is None or self._ticking.done() or self._ticking.get_loop() is not loop:
            self._loop, self._poked = loop, asyncio.Event()
            self._ticking = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        while self._waiting or time.monotonic() - self._asked < LINGER:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._poked.wait()
            self._poked.clear()
            if self._stopping.is_set():
                for each in self._waiting:
                    each.give(None)
                continue
            try:
                await self._look()
                self._tell()
            except Exception as error:
                log.exception("runs that wait cannot be answered")
                for each in self._waiting:
                    each.fail(error)

    def _tell(self) -> None:
        """Give those another answer for whom there is one."""
        held, now = self._standing, self._now()
        if held is None:
            return
        changed, self._told = held is not self._told, held
        wanted: dict[str, Safeguard] = {}
        for each in self._waiting:
            for webhook in self._webhooks(held, each.place):
                wanted[webhook.id] = webhook
            if changed or (each.changes_at is not None and each.changes_at <= now):
                self._judge(held, each, now)
        for webhook in wanted.values():
            self._asker.want(webhook, held.answers.get(webhook.id))

    def _judge(self, held: Standing, waiting: _Waiting, now: datetime) -> None:
        place = waiting.place
        try:
            answer = judged(held, self._facts(held, place.organization_id), place, now)
        except Exception as error:  # noqa: BLE001  (handed to the one who waits)
            waiting.fail(error)
            return
        waiting.changes_at = answer.decision.changes_at
        if answer.etag != waiting.seen.etag:
            waiting.give(answer)
