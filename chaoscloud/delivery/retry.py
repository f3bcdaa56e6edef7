"""What to do after an attempt to send something: a pure decision."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

__all__ = ["Blocked", "Decision", "NoReply", "Outcome", "Rejected", "Reply", "Retry", "Sent"]

FIRST_WAIT = 0.5  # seconds
LONGEST_WAIT = 30.0
LONGEST_ASKED = 60.0
"""The longest wait, in seconds, that a console can ask for with `Retry-After`."""

PAGES = 5
"""How often a proxy has to answer in the console's place before a record is given up for it."""

NOT_ALLOWED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
LATER = (
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.MISDIRECTED_REQUEST,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
)


@dataclass(frozen=True)
class Reply:
    """An HTTP answer. `from_console` is False for what no console says: a proxy's page, say.

    `id` and `address` are those of what was created, `execution` the id and the address of one that
    was created with it.
    """

    status: int
    reason: str = ""
    retry_after: str | None = None
    from_console: bool = True
    id: str | None = None
    address: str | None = None
    execution: tuple[str, str | None] | None = None


@dataclass(frozen=True)
class NoReply:
    """No answer came; `reason` is a phrase for people."""

    reason: str


Outcome = Reply | NoReply


@dataclass(frozen=True)
class Sent:
    """The console has it."""


@dataclass(frozen=True)
class Retry:
    """Try again after some seconds; not earlier, where the console asked for them (`is_minimum`).

    `unreachable` is whether there was no answer at all.
    """

    seconds: float
    reason: str
    is_minimum: bool = False
    unreachable: bool = False


@dataclass(frozen=True)
class Blocked:
    """Nothing of this run will be taken from this token, as long as nobody does anything."""

    reason: str


@dataclass(frozen=True)
class Rejected:
    """The console does not take this one, and says so with a status; the others may go on."""

    reason: str
    status: int | None = field(default=None, compare=False)


Decision = Sent | Retry | Blocked | Rejected


def decide(attempt: int, outcome: Outcome, now: datetime, rng: random.Random) -> Decision:
    """What follows from the outcome of the n-th attempt, counted from 1."""
    if isinstance(outcome, NoReply):
        return Retry(_back_off(attempt, rng), outcome.reason, unreachable=True)
    status = outcome.status
    if status in NOT_ALLOWED and outcome.from_console:
        return Blocked(outcome.reason)
    if 400 <= status < 500 and status not in LATER:
        return Rejected(outcome.reason, status)
    if 200 <= status < 300 and outcome.from_console:
        return Sent()
    minimum = seconds_asked(outcome.retry_after, now)
    return Retry(max(_back_off(attempt, rng), minimum), outcome.reason, minimum > 0)


def needs_a_second_opinion(outcome: Outcome) -> bool:
    """Whether a rejection may mean something else: that the team is gone, or a proxy speaks."""
    if not isinstance(outcome, Reply) or outcome.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return False
    return outcome.status == HTTPStatus.NOT_FOUND or not outcome.from_console


def reconsider(
    outcome: Outcome, team: Outcome, attempt: int, now: datetime, rng: random.Random
) -> Decision:
    """What a rejection means, once the console has been asked for the team itself.

    A proxy's page about a record is believed when the console answers all the while.
    """
    decision = decide(attempt, team, now, rng)
    if isinstance(team, Reply) and team.from_console:
        if team.status == HTTPStatus.NOT_FOUND:
            return Blocked("the console does not know the team, choose another with `chaos team`")
        if isinstance(decision, Blocked | Retry):
            return decision
        if attempt >= PAGES or (isinstance(outcome, Reply) and outcome.from_console):
            return decide(attempt, outcome, now, rng)
    return Retry(_back_off(attempt, rng), outcome.reason)


def seconds_asked(retry_after: str | None, now: datetime) -> float:
    """What a `Retry-After` asks for, in seconds or as a date; 0 for what makes no sense."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return LONGEST_ASKED if len(text) > 9 else min(float(text), LONGEST_ASKED)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_ASKED)


def _back_off(attempt: int, rng: random.Random) -> float:
    """Twice as long each time, and never quite the same: a fleet must not come back at once."""
    longest: float = min(FIRST_WAIT * 2 ** min(attempt - 1, 10), LONGEST_WAIT)
    return longest * rng.uniform(0.5, 1.0)
