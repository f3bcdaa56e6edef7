"""Decisions from memory, and runs that wait for theirs to change.

A question is answered from a snapshot whose reading began after it was asked (`snapshots`), by
decisions that are made once for all runs alike (`decisions`). Runs that wait (`waiting`) are looked
at as soon as this process changes something of their organization, within `TICK` when another one
does (the command line, another console).
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from datetime import datetime

from chaoscloud.console.db import Database, StorageError
from chaoscloud.console.db.changes import (
    ACCESS,
    ALL_ORGANIZATIONS,
    MESSAGES,
    RUNS,
    DatabaseChange,
    Revisions,
)
from chaoscloud.console.outgoing import Client
from chaoscloud.console.records import safeguard_states
from chaoscloud.console.records.lost_access import find_lost
from chaoscloud.console.rules.safeguards import Facts, Run, Safeguard, is_in_force
from chaoscloud.console.watch.acknowledging import AcknowledgementNotes
from chaoscloud.console.watch.answers import Answer, Place
from chaoscloud.console.watch.asker import Asker
from chaoscloud.console.watch.calling import ask
from chaoscloud.console.watch.decisions import OrganizationDecisions
from chaoscloud.console.watch.snapshots import Snapshots
from chaoscloud.console.watch.waiting import Waiting, WaitingQuestions

__all__ = ["Answer", "Place", "Undecided", "Watch"]

log = logging.getLogger("chaosiq.console")

TICK = 0.05  # seconds between two looks at what other processes may have changed
PAUSE = 0.01  # seconds at least between two looks, however fast things change
LINGER = 5.0  # seconds the looks go on after the last question
READABLE_WITHIN = 2.0  # seconds in which the database must be read for a decision
NOTED_AGAIN = 30.0  # seconds between two notes that a run is alive
MOST_NOTED = 10_000  # runs whose last note is remembered


class Undecided(Exception):
    """The console cannot make decisions; the message says why."""


class Watch:
    """One for each console; `stopping` lets everybody go who waits.

    Webhooks are called by `client`.
    """

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        stopping: asyncio.Event,
        client: Client | None = None,
    ) -> None:
        caller = client or Client()
        self._database = database
        self._now = now
        self._stopping = stopping
        self._asker = Asker(database, now, lambda url: ask(url, caller), self._note_webhook)
        self._snapshots = Snapshots(database, now)
        self._acknowledgements = AcknowledgementNotes(database, now)
        self._decisions: dict[str, OrganizationDecisions] = {}
        self._questions = WaitingQuestions()
        self._looks: dict[str, asyncio.Task[None]] = {}  # by organization
        self._access_checked = -1
        self._access_check: asyncio.Task[None] | None = None
        self._asked_at = 0.0
        self._noted_alive: dict[str, float] = {}
        self._failures: dict[str, Exception] = {}  # by organization
        self._ticking: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._poked = asyncio.Event()
        database.on_change(self._note_changes)

    # --- questions ------------------------------------------------------------------------------

    async def revisions(self) -> Revisions:
        """How often everything has changed, read after this call."""
        self._asked_at = time.monotonic()
        return await self._snapshots.revisions()

    async def answer(self, place: Place, revisions: Revisions | None = None) -> Answer:
        """The decision right now, or as of `revisions`. Raises what kept it from being made."""
        decisions = await self._find_decisions(place.organization_id, revisions)
        webhooks = list(decisions.webhooks(place, self._now()))
        if webhooks:
            await self._asker.fresh(webhooks, decisions.snapshot.answers)
            decisions = await self._find_decisions(place.organization_id)
        self._keep_ticking()
        self._note_alive(place.run)
        return self._decide(decisions, place)

    async def wait_for_another(self, place: Place, known: Answer, seconds: float) -> Answer:
        """The first answer that is another than `known`; else, in the end, `known`.

        Ends at once when the console is asked to stop, or the access to the run is lost.
        """
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        question = Waiting(place, known, future)
        self._questions.add(question)
        self._keep_ticking()
        self._poked.set()  # something may have changed since `known` was decided
        try:
            async with asyncio.timeout(seconds):
                return await future or known
        except TimeoutError:
            return known
        finally:
            self._questions.remove(question)

    def note_acknowledgement(self, place: Place, answer: Answer) -> None:
        """Write down that a run knows a decision, so that who set the safeguard hears of it."""
        self._acknowledgements.note(place, answer)

    async def facts(self, organization_id: str, safeguards: Iterable[Safeguard]) -> Facts:
        """The facts about an organization, with fresh answers to these safeguards' webhooks."""
        snapshot = (await self._find_decisions(organization_id)).snapshot
        now = self._now()
        webhooks = [
            safeguard
            for safeguard in safeguards
            if safeguard.kind == "webhook" and is_in_force(safeguard, now)
        ]
        await self._asker.fresh(webhooks, snapshot.answers)
        running = await self._snapshots.read(safeguard_states.list_running, organization_id, now)
        return Facts(tuple(running), self._asker.answers(snapshot.answers), snapshot.alerts)

    async def is_required(self, organization_id: str) -> bool:
        """Whether the organization wants no run to go on without an answer."""
        return (await self._find_decisions(organization_id)).snapshot.required

    async def check(self) -> None:
        """Raise `Undecided` when the console cannot make decisions."""
        try:
            async with asyncio.timeout(READABLE_WITHIN):
                await self._snapshots.revisions()
        except Exception as error:
            raise Undecided(f"the database cannot be read ({type(error).__name__})") from error
        for failure in self._failures.values():
            raise Undecided(f"a decision failed ({type(failure).__name__})") from failure

    @property
    def waiting(self) -> int:
        """How many runs wait right now."""
        return len(self._questions)

    # --- decisions ------------------------------------------------------------------------------

    async def _find_decisions(
        self, organization_id: str, revisions: Revisions | None = None
    ) -> OrganizationDecisions:
        """The organization's decisions as of `revisions`, else as of now."""
        if revisions is None:
            revisions = await self.revisions()
        snapshot = await self._snapshots.find(organization_id, revisions)
        decisions = self._decisions.get(organization_id)
        answers = self._asker.answers(snapshot.answers)
        if (
            decisions is None
            or decisions.snapshot is not snapshot
            or decisions.facts.answers != answers
        ):
            decisions = OrganizationDecisions(snapshot, answers)
            self._decisions[organization_id] = decisions
        return decisions

    def _decide(self, decisions: OrganizationDecisions, place: Place) -> Answer:
        try:
            answer = decisions.decide(place, self._now())
        except Exception as error:
            self._failures[place.organization_id] = error
            raise
        self._failures.pop(place.organization_id, None)
        return answer

    def _note_alive(self, run: Run | None) -> None:
        """A run that asks is alive; nobody waits for the note."""
        if run is None or run.id is None:
            return
        id_, at, now = run.id, time.monotonic(), self._now()
        if at - self._noted_alive.get(id_, -NOTED_AGAIN) < NOTED_AGAIN:
            return
        if len(self._noted_alive) >= MOST_NOTED:
            self._noted_alive.clear()
        self._noted_alive[id_] = at
        with contextlib.suppress(StorageError):
            self._database.write(
                lambda connection: safeguard_states.record_contact(connection, id_, now)
            )

    # --- changes --------------------------------------------------------------------------------

    def _note_changes(self, changes: frozenset[DatabaseChange]) -> None:
        """Something was changed in this process; called in the writer's thread."""
        if any(map(self._concerns_waiting, changes)):
            self._poke()

    def _concerns_waiting(self, change: DatabaseChange) -> bool:
        if change.subject == MESSAGES:
            return False
        if change.subject == ACCESS or change.organization_id == ALL_ORGANIZATIONS:
            return True
        if change.organization_id not in self._questions.by_organization:
            return False
        snapshot = self._snapshots.latest(change.organization_id)
        return change.subject != RUNS or snapshot is None or snapshot.counts_executions

    def _note_webhook(self) -> None:
        """A webhook says something else than before."""
        self._poke()

    def _poke(self) -> None:
        """Look at what waits now; from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # a loop that has ended waits for nothing
                self._loop.call_soon_threadsafe(self._poked.set)

    def _keep_ticking(self) -> None:
        loop = asyncio.get_running_loop()
        if self._ticking is None or self._ticking.done() or self._ticking.get_loop() is not loop:
            self._loop, self._poked = loop, asyncio.Event()
            self._ticking = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        while len(self._questions) or time.monotonic() - self._asked_at < LINGER:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._poked.wait()
            self._poked.clear()
            self._acknowledgements.flush()
            if self._stopping.is_set():
                for question in self._questions:
                    question.finish(None)
                continue
            await self._look_at_all()
            await asyncio.sleep(PAUSE)

    async def _look_at_all(self) -> None:
        try:
            revisions = await self._snapshots.revisions()
        except Exception as error:  # noqa: BLE001  (logged, and handed to those who wait)
            _log_failure("runs that wait cannot be answered", error)
            for question in self._questions:
                question.fail(error)
            return
        if revisions.access != self._access_checked and not _is_busy(self._access_check):
            self._access_check = asyncio.create_task(self._end_lost(revisions.access))
        for organization_id in list(self._questions.by_organization):
            if not _is_busy(self._looks.get(organization_id)):
                self._looks[organization_id] = asyncio.create_task(
                    self._look(organization_id, revisions)
                )

    async def _look(self, organization_id: str, revisions: Revisions) -> None:
        """Give an organization's runs another answer where there is one."""
        try:
            decisions = await self._find_decisions(organization_id, revisions)
            self._want_webhooks(decisions)
            await self._questions.look(decisions, self._now())
        except Exception as error:  # noqa: BLE001  (logged, and handed to those who wait)
            _log_failure("runs that wait cannot be answered", error)
            for question in list(self._questions.by_organization.get(organization_id, ())):
                question.fail(error)

    def _want_webhooks(self, decisions: OrganizationDecisions) -> None:
        """Ask the webhooks again whose answers have grown old."""
        if not decisions.asks_webhooks:
            return
        organization_id, now = decisions.snapshot.organization_id, self._now()
        questions = self._questions.by_organization.get(organization_id, ())
        places = {
            (question.place.team_id, question.place.run and question.place.run.tags): question.place
            for question in questions
        }
        webhooks = {
            webhook.id: webhook
            for place in places.values()
            for webhook in decisions.webhooks(place, now)
        }
        for webhook in webhooks.values():
            self._asker.want(webhook, decisions.snapshot.answers.get(webhook.id))

    async def _end_lost(self, revision: int) -> None:
        """End the wait of those who may not have an answer any more: they are told so."""
        holders = {question.holder for question in self._questions if question.place.token_id}
        try:
            lost = await self._snapshots.read(find_lost, holders, self._now())
        except Exception as error:  # noqa: BLE001  (logged)
            _log_failure("who may still wait for a decision could not be read", error)
            return
        self._access_checked = revision
        for question in self._questions:
            if question.holder in lost:
                question.finish(None)


def _is_busy(task: "asyncio.Task[None] | None") -> bool:
    return task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop()


def _log_failure(message: str, error: Exception) -> None:
    """Log what went wrong here; trouble with the database has its own line in the log already."""
    if not isinstance(error, StorageError):
        log.error(message, exc_info=error)
