"""Questions that wait for another decision than the one they know.

Each organization's are looked at by a task of its own, a few milliseconds at a time: thousands of
them, or an organization with many safeguards, hold nobody else up.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from chaoscloud.console.records.lost_access import TokenHolder
from chaoscloud.console.watch.answers import Answer, Place
from chaoscloud.console.watch.decisions import OrganizationDecisions

SLICE = 0.004  # seconds of looking at questions before others get their turn


@dataclass(eq=False)
class Waiting:
    """One question; its future gets another answer, or None to end the wait."""

    place: Place
    known: Answer
    future: "asyncio.Future[Answer | None]"
    decided_by: OrganizationDecisions | None = None
    due_at: datetime | None = None

    @property
    def holder(self) -> TokenHolder:
        """Who asks."""
        place = self.place
        return TokenHolder(place.token_id, place.person_id, place.organization_id, place.team_id)

    def finish(self, answer: Answer | None) -> None:
        """End the wait."""
        if not self.future.done():
            self.future.set_result(answer)

    def fail(self, error: Exception) -> None:
        """End the wait with what kept the console from deciding: that is never a decision."""
        if not self.future.done():
            self.future.set_exception(error)

    def is_settled(self, decisions: OrganizationDecisions, now: datetime) -> bool:
        """Whether these decisions have nothing new for it."""
        return self.decided_by is decisions and (self.due_at is None or self.due_at > now)

    def look(self, decisions: OrganizationDecisions, now: datetime) -> None:
        """Answer the question if it has another answer now."""
        try:
            answer = decisions.decide(self.place, now)
        except Exception as error:  # noqa: BLE001  (handed to the one who waits)
            self.fail(error)
            return
        self.decided_by, self.due_at = decisions, answer.decision.changes_at
        if answer.etag != self.known.etag:
            self.finish(answer)


@dataclass
class WaitingQuestions:
    """Those of one console, by organization."""

    by_organization: dict[str, set[Waiting]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Waiting]:
        """All of them."""
        for questions in list(self.by_organization.values()):
            yield from list(questions)

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self.by_organization.values()))

    def add(self, question: Waiting) -> None:
        """Let a question wait."""
        self.by_organization.setdefault(question.place.organization_id, set()).add(question)

    def remove(self, question: Waiting) -> None:
        """Forget a question."""
        organization_id = question.place.organization_id
        questions = self.by_organization.get(organization_id, set())
        questions.discard(question)
        if not questions:
            self.by_organization.pop(organization_id, None)

    async def look(self, decisions: OrganizationDecisions, now: datetime) -> None:
        """Answer all of an organization's questions that have another answer now."""
        ends = time.monotonic() + SLICE
        for question in list(self.by_organization.get(decisions.snapshot.organization_id, ())):
            if question.is_settled(decisions, now):
                continue
            question.look(decisions, now)
            if time.monotonic() >= ends:
                await asyncio.sleep(0)
                ends = time.monotonic() + SLICE
