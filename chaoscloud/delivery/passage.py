"""The way of one spool's records to the console: one letter after the other, in order."""

import random
from collections.abc import Callable
from datetime import UTC, datetime

from chaoscloud.delivery.courier import Courier
from chaoscloud.delivery.letters import Letter, Undeliverable, write
from chaoscloud.delivery.losses import NotStored, courtesy
from chaoscloud.delivery.retry import Again, Decision, Reply, SetAside, Stored, decide
from chaoscloud.delivery.spool import Spool

__all__ = ["MOST_AT_ONCE", "Learn", "Passage"]

MOST_AT_ONCE = 200  # events in a batch
UNWANTED_FORM = 415

Learn = Callable[[dict[str, str], str | None], None]
"""Is told the ids the console gave, and the page of what was created."""


def utc_now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


class Passage:
    """Delivers what a spool holds, a letter at each `step`."""

    def __init__(
        self,
        spool: Spool,
        courier: Courier,
        team_url: str,
        learn: Learn = lambda ids, address: None,
        now: Callable[[], datetime] = utc_now,
        rng: random.Random | None = None,
    ) -> None:
        self.attempt = 0
        self._spool = spool
        self._courier = courier
        self._team_url = team_url
        self._learn = learn
        self._now = now
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, protects nothing
        self._alone_until = 0

    def step(self) -> Decision | None:
        """Send what is next, and say what follows from it; None when nothing is left."""
        entries = self._spool.first(MOST_AT_ONCE)
        if not entries:
            return None
        batches = self._courier.batches and entries[0].n > self._alone_until
        try:
            with courtesy(Undeliverable):
                letter = write(entries, self._spool.contents.ids, self._team_url, batches=batches)
        except (Undeliverable, NotStored) as x:
            self._spool.refuse([entries[0].n], str(x))
            return SetAside(str(x))
        return self._send(letter)

    def _send(self, letter: Letter) -> Decision:
        self.attempt += 1
        outcome = self._courier.carry(letter)
        decision = decide(self.attempt, outcome, self._now(), self._rng)
        if isinstance(decision, SetAside) and self._may_go_otherwise(letter, outcome):
            return Again(0.0, decision.reason)
        if isinstance(decision, Stored | SetAside):
            self.attempt = 0
        if isinstance(decision, Stored):
            self._stored(letter)
        elif isinstance(decision, SetAside):
            self._spool.refuse(letter.numbers, decision.reason)
        return decision

    def _may_go_otherwise(self, letter: Letter, outcome: object) -> bool:
        """Whether it may be taken in smaller pieces, or in the plain form."""
        if len(letter.entries) > 1:
            self._alone_until = letter.entries[-1].n
            return True
        unwanted = isinstance(outcome, Reply) and outcome.status == UNWANTED_FORM
        return unwanted and self._courier.was_compressed

    def _stored(self, letter: Letter) -> None:
        if letter.gives is not None and self._courier.given is not None:
            ids = {letter.gives: self._courier.given}
            self._spool.learn(**ids)
            self._learn(ids, self._courier.address)
        self._spool.done(letter.numbers)
