"""The events of the console: what they are called, what they carry, and the sentence they say.

An event is made of facts that the console keeps in columns of its own. Nothing in it is text of a
journal's activities (outputs, errors, arguments, paths): a message can hold no secret of those.
"""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from chaoscloud.outcome import Outcome
from chaoscloud.outcome.durations import format_duration

STARTED = "execution.started"
FINISHED = "execution.finished"
STOPPED = "execution.stopped"
REFUSED = "execution.refused"
UNANSWERED = "execution.unanswered"
LOST_CONTACT = "execution.lost-contact"
CORRECTED = "execution.corrected"  # goes to who hears of ends: they have heard what was wrong
IMPACTED = "verification.impacted"
SAFEGUARD_SET = "safeguard.set"
SAFEGUARD_CHANGED = "safeguard.changed"
SAFEGUARD_RELEASED = "safeguard.released"
MISSED = "expected-run.missed"
TEST = "test"  # sent when somebody asks for it, whatever was subscribed to

# Every type that can be subscribed to, with what it tells.
TYPES: Mapping[str, str] = {
    STARTED: "An execution started",
    FINISHED: "An execution ended by itself",
    STOPPED: "A safeguard stopped an execution",
    REFUSED: "Safeguards did not let an execution start",
    UNANSWERED: "Safeguards were required and the console did not answer",
    LOST_CONTACT: "An execution has said nothing for 15 minutes",
    IMPACTED: "A verification found more impact than its objective allows",
    SAFEGUARD_SET: "A safeguard was set, or a stop",
    SAFEGUARD_CHANGED: "A safeguard was changed",
    SAFEGUARD_RELEASED: "A safeguard was removed, or a stop released",
    MISSED: "An expected run did not come",
}
ENDS = frozenset({FINISHED, STOPPED, REFUSED, UNANSWERED})  # one of them for each execution
WITH_OUTCOME = ENDS | {CORRECTED}
USUAL = (FINISHED, STOPPED, REFUSED, UNANSWERED, LOST_CONTACT, IMPACTED, MISSED)

LONGEST_TITLE = 200  # characters
MOST_TAGS = 64
LONGEST_TAG = 128

# What the plugin names where nobody answered a run that requires an answer of safeguards.
_NO_ANSWER = "Safeguards are required"

_LEFT_BEHIND = ("rollbacks-not-played", "rollback-failed")  # codes of warnings

_ENDINGS: Mapping[str, str] = {
    "passed": "passed",
    "deviated": "deviated: the steady state did not hold",
    "baseline-not-met": "did not run its method: the steady state did not hold before it",
    "probe-error": "is undecided: a probe of the steady state failed",
    "failed": "failed",
    "aborted": "was aborted by an error",
    "interrupted": "was interrupted",
    "refused": "was not started: a safeguard denied it",
    "unknown": "ended; its journal does not say how",
}


class ConsoleEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened. `subject_id` is what it is about: such events are told in order.

    `path` is the page about it, below the console's address; `sentence` says it in words, with its
    full stop. `tags` None: it has none, and concerns everything. Times are UTC, `duration` is in
    seconds.
    """

    type: str
    subject_id: str
    organization_id: str
    organization: str  # as they stand in addresses
    time: datetime
    sentence: str
    path: str
    id: str = msgspec.field(default_factory=lambda: str(uuid.uuid4()))
    team_id: str | None = None
    team: str | None = None
    title: str | None = None
    tags: tuple[str, ...] | None = None
    experiment_id: str | None = None
    execution_id: str | None = None
    outcome: str | None = None
    earlier_outcome: str | None = None  # of a correction: what was told before
    conclusive: bool | None = None
    warnings: tuple[str, ...] = ()  # codes
    dry: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration: float | None = None
    safeguard_id: str | None = None
    kind: str | None = None  # of the safeguard
    verification_id: str | None = None


def find_end_type(outcome: str, safeguards: Iterable[object]) -> str:
    """The type of the event of an execution's end; `safeguards` are the policies that denied it."""
    policies = list(safeguards)
    names = {policy.get("name") for policy in policies if isinstance(policy, dict)}
    if _NO_ANSWER in names:
        return UNANSWERED
    if outcome == "refused":
        return REFUSED
    return STOPPED if outcome == "interrupted" and policies else FINISHED


def find_execution_event(
    before: str | None,
    outcome: Outcome | None,
    safeguards: Iterable[object],
    earlier_outcome: str | None = None,
) -> str | None:
    """The type of the event that a journal makes; None for one that tells nothing new.

    `before` is the status of the execution until now, None for a new one. One that is recorded only
    at its end makes one event, its end; one that had ended makes another one only where a later
    journal changes its `earlier_outcome`.
    """
    if outcome is None:
        return STARTED if before is None else None
    if before in (None, "running"):
        return find_end_type(outcome.outcome, safeguards)
    is_corrected = earlier_outcome not in (None, outcome.outcome)
    return CORRECTED if is_corrected else None


def describe_end(title: str, type_: str, outcome: Outcome, duration: float | None) -> str:
    """How an execution ended, in a sentence."""
    ending = _ENDINGS.get(outcome.outcome, _ENDINGS["unknown"])
    if type_ == UNANSWERED:
        ending = "did not run: safeguards are required, and the console did not answer"
    elif type_ == STOPPED:
        ending = "was stopped by a safeguard"
    is_timed = duration and outcome.outcome != "refused"
    after = f" after {format_duration(duration)}" if is_timed else ""
    doubts = []
    if outcome.dry:
        doubts.append("a dry run")
    elif outcome.outcome == "passed" and not outcome.conclusive:
        doubts.append("which does not answer its question")
    if any(caveat.code in _LEFT_BEHIND for caveat in outcome.warnings):
        doubts.append("what its method did may still be there")
    words = ", ".join([f"{quote(title)} {ending}{after}", *doubts])
    return f"{words}."


def describe_correction(end: str, earlier_outcome: str) -> str:
    """The sentence of a correction: how the execution ended, and what had been said before."""
    before = earlier_outcome.replace("-", " ")
    return f"{end} A later journal says so; before, its outcome was “{before}”."


def quote(title: str) -> str:
    """A title in a sentence: on one line, and not too long."""
    return f"“{cut(title)}”"


def cut(text: str, longest: int = LONGEST_TITLE) -> str:
    """Text on one line, no longer than that."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def bound_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags of a run, as many and as long as a message may hold."""
    return tuple(cut(tag, LONGEST_TAG) for tag in list(tags)[:MOST_TAGS])


_DATA_FIELDS = tuple(
    name
    for name in ConsoleEvent.__struct_fields__
    if name not in ("type", "subject_id", "time", "id", "path", "organization_id", "team_id")
)


def write_cloud_event(event: ConsoleEvent, address: str) -> dict[str, Any]:
    """The event as a CloudEvent 1.0; `address` is the console's, without a slash at its end."""
    values = ((name, getattr(event, name)) for name in _DATA_FIELDS)
    data = {name: value for name, value in values if value not in (None, (), False)}
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": f"{address}/{event.organization}",
        "type": f"chaosiq.{event.type}",
        "subject": event.subject_id,
        "time": event.time,
        "datacontenttype": "application/json",
        "data": {**data, "url": url_of(event, address)},
    }


def url_of(event: ConsoleEvent, address: str) -> str:
    """The address of the page about an event."""
    return f"{address}{event.path}"
