"""May this run go on? Decided from the safeguards, the run, the time and the facts: nothing else.

The API, the pages and "would it be allowed at …?" all ask here. Each kind of safeguard is one file
with a function that says no or nothing, and the shape of its settings; `KINDS` names them all. An
unknown kind is an error of ours, which is never turned into a decision.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from chaoscloud.console.rules.verdict import alert, limit, stop, tags, webhook, windows
from chaoscloud.console.rules.verdict.words import (
    Facts,
    Policy,
    Question,
    Run,
    Safeguard,
    Said,
    Verdict,
)

__all__ = [
    "KINDS",
    "Facts",
    "Kind",
    "Policy",
    "Run",
    "Safeguard",
    "Verdict",
    "concerns",
    "in_force",
    "verdict",
]


class Kind(msgspec.Struct, frozen=True):
    """A kind of safeguard: what it is told, what it says, and itself in a few words."""

    settings: type[msgspec.Struct]
    says: Callable[[Safeguard, Any, Question], Said]
    words: str


KINDS: Mapping[str, Kind] = {
    "stop": Kind(stop.Settings, stop.says, "stop switch"),
    "windows": Kind(windows.Settings, windows.says, "time windows"),
    "tags": Kind(tags.Settings, tags.says, "tags"),
    "limit": Kind(limit.Settings, limit.says, "runs at once"),
    "webhook": Kind(webhook.Settings, webhook.says, "webhook"),
    "alert": Kind(alert.Settings, alert.says, "alert"),
}

NOTHING_KNOWN = Facts()


def verdict(
    safeguards: Iterable[Safeguard],
    now: datetime,
    run: Run | None = None,
    facts: Facts = NOTHING_KNOWN,
) -> Verdict:
    """What the safeguards say together: one "no" is enough, and every one is named.

    Without a run: whether anything at all may run, whatever it is.
    """
    asked = Question(now, run, facts)
    holding = [each for each in safeguards if in_force(each, now) and concerns(each, run)]
    said = [_says(each, asked) for each in holding]
    policies = tuple(each.policy for each in said if each.policy is not None)
    turns = (*(each.turns_at for each in said), *(each.expires_at for each in holding))
    return Verdict(not policies, policies, min((at for at in turns if at), default=None))


def in_force(safeguard: Safeguard, now: datetime) -> bool:
    """Whether a safeguard has a say at all."""
    return safeguard.enabled and (safeguard.expires_at is None or safeguard.expires_at > now)


def concerns(safeguard: Safeguard, run: Run | None) -> bool:
    """Whether a safeguard of the run's team or organization is about this run."""
    if safeguard.execution_id is not None:
        return run is not None and run.id == safeguard.execution_id
    if not safeguard.tags:
        return True
    return run is not None and not set(run.tags).isdisjoint(safeguard.tags)


def _says(safeguard: Safeguard, asked: Question) -> Said:
    kind = KINDS[safeguard.kind]
    return kind.says(safeguard, msgspec.json.decode(safeguard.settings, type=kind.settings), asked)
