"""What needs somebody's attention, of all that is recorded: one rule for pages, API and messages.

A run needs attention when what its method did may still be there, or when the console lost contact
with it. The last run of an experiment that says something also does when it did not pass; a later
one that passes settles that. An expected run that did not come is settled by any run since. What
somebody has seen needs no attention any more.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, get_args

import msgspec

Kind = Literal[
    "stop",
    "left-behind",
    "lost-contact",
    "deviated",
    "failed",
    "missed",
    "impacted",
    "inconclusive",
]
KINDS: tuple[Kind, ...] = get_args(Kind)  # the most urgent first
WORDS: Mapping[str, str] = {
    "stop": "Stopped",
    "left-behind": "Not rolled back",
    "lost-contact": "Lost contact",
    "deviated": "Deviated",
    "failed": "Could not be tested",
    "missed": "Did not come",
    "impacted": "Impacted",
    "inconclusive": "Inconclusive",
}


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the rule asks of an execution."""

    id: str
    at: datetime  # its start
    outcome: str | None  # None while it goes on
    conclusive: bool | None = None
    dry: bool = False
    left_behind: bool = False
    is_lost: bool = False
    is_last: bool = False  # the last one of its experiment that says something


class OtherFacts(msgspec.Struct, frozen=True):
    """A stop in force, an expected run that did not come, or a verification run with an impact."""

    kind: Kind
    id: str
    at: datetime


class SeenMark(msgspec.Struct, frozen=True):
    """Who took something off the list, when, and what they wrote."""

    person_name: str
    at: datetime
    note: str


class AttentionCause(msgspec.Struct, frozen=True):
    """Something that needs attention, or has needed it until somebody saw it."""

    kind: Kind
    subject_id: str
    at: datetime
    seen: SeenMark | None = None


Key = tuple[str, str]  # a kind, and the id of what it is about


def find_attention(
    runs: Iterable[RunFacts], others: Iterable[OtherFacts], seen: Mapping[Key, SeenMark]
) -> list[AttentionCause]:
    """What needs attention and what has been seen, the most urgent first, then the latest."""
    found = {(kind, run.id): run.at for run in runs for kind in _kinds_of(run)}
    found |= {(other.kind, other.id): other.at for other in others}
    findings = [
        AttentionCause(kind, subject_id, at, seen.get((kind, subject_id)))
        for (kind, subject_id), at in found.items()
    ]
    findings.sort(key=lambda finding: finding.at, reverse=True)
    return sorted(findings, key=lambda finding: KINDS.index(finding.kind))


def _kinds_of(run: RunFacts) -> list[Kind]:
    if run.is_lost:
        return ["lost-contact"]
    if run.outcome is None or run.dry:
        return []
    if run.left_behind:  # says the more urgent thing of the same run
        return ["left-behind"]
    kind = _judge_outcome(run) if run.is_last else None
    return [kind] if kind else []


def _judge_outcome(run: RunFacts) -> Kind | None:
    if run.outcome == "deviated":
        return "deviated"
    if run.outcome == "passed":
        return None if run.conclusive else "inconclusive"
    return None if run.outcome in ("interrupted", "refused") else "failed"
