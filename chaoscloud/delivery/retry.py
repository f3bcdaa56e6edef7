"""What to do after an attempt to tell the console something: a pure decision."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

__all__ = ["Again", "Decision", "Reply", "SetAside", "Silence", "Stop", "Stored", "decide"]

FIRST_WAIT = 0.5  # seconds
LONGEST_WAIT = 30.0
LONGEST_ASKED = 60.0
"""The longest wait, in seconds, that a console can ask for with `Retry-After`."""

REFUSED_TOKEN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
PATIENCE = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)

NOBODY_THERE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.MISDIRECTED_REQUEST)
"""What a gateway says, on a page of its own, while no console stands behind it."""


@dataclass(frozen=True)
class Reply:
    """The console's answer. `understood` is False for what no console says: a proxy's page, say."""

    status: int
    reason: str = ""
    retry_after: str | None = None
    understood: bool = True


@dataclass(frozen=True)
class Silence:
    """No answer came; `reason` is a phrase for people."""

    reason: str


Outcome = Reply | Silence


@dataclass(frozen=True)
class Stored:
    """The console has it."""


@dataclass(frozen=True)
class Again:
    """Try again after some seconds; not earlier, if the console `asked` for them."""

    seconds: float
    reason: str
    asked: bool = False


@dataclass(frozen=True)
class Stop:
    """Nothing will be taken until somebody does something about it."""

    reason: str


@dataclass(frozen=True)
class SetAside:
    """The console does not take this one, and says so with a status; the others may go on."""

    reason: str
    status: int | None = field(default=None, compare=False)


Decision = Stored | Again | Stop | SetAside


def decide(attempt: int, outcome: Outcome, now: datetime, rng: random.Random) -> Decision:
    """What follows from the outcome of the n-th attempt, counted from 1."""
    if isinstance(outcome, Silence):
        return Again(_wait(attempt, rng), outcome.reason)
    status = outcome.status
    if status in REFUSED_TOKEN:
        return Stop(outcome.reason)
    nobody = status in NOBODY_THERE and not outcome.understood
    if 400 <= status < 500 and status not in PATIENCE and not nobody:
        return SetAside(outcome.reason, status)
    if 200 <= status < 300 and outcome.understood:
        return Stored()
    asked = seconds_asked(outcome.retry_after, now)
    return Again(max(_wait(attempt, rng), asked), outcome.reason, asked > 0)


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


def _wait(attempt: int, rng: random.Random) -> float:
    """Twice as long each time, and never quite the same: a fleet must not come back at once."""
    longest: float = min(FIRST_WAIT * 2 ** min(attempt - 1, 10), LONGEST_WAIT)
    return longest * rng.uniform(0.5, 1.0)
