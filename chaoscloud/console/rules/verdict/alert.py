"""An alert: what fires stops runs, what is resolved releases them."""

from datetime import timedelta
from typing import Annotated

import msgspec

from chaoscloud.console.rules.verdict.words import Question, Safeguard, Said, refusal


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`forget_after`: seconds after which an alert that nobody repeats is taken for resolved.

    Whoever sends alerts repeats them (Alertmanager every four hours unless told otherwise).
    """

    forget_after: Annotated[float, msgspec.Meta(ge=60, le=30 * 86_400)] = 86_400.0


def says(safeguard: Safeguard, settings: Settings, asked: Question) -> Said:
    """No, while one of its alerts fires."""
    lasts = timedelta(seconds=settings.forget_after)
    heard = asked.facts.alerts.get(safeguard.id, ())
    firing = [each for each in heard if each.told_at + lasts > asked.now]
    if not firing:
        return Said()
    told = ", ".join(sorted({each.said for each in firing})[:5])
    policy = refusal(
        safeguard, reason=f"{safeguard.reason} ({told})", since=min(each.since for each in firing)
    )
    return Said(policy, min(each.told_at + lasts for each in firing))
