"""At most so many runs at once: the first ones go on, those that come later do not."""

from datetime import timedelta
from typing import Annotated

import msgspec

from chaoscloud.console.rules.verdict.words import (
    Going,
    Question,
    Safeguard,
    Said,
    refusal,
)

SILENCE = timedelta(minutes=10)  # a run not heard of for so long holds nobody up any more


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many runs may go on at once, of those the safeguard concerns."""

    most: Annotated[int, msgspec.Meta(ge=1, le=10_000)]


def says(safeguard: Safeguard, settings: Settings, asked: Question) -> Said:
    """No, when enough others were there before.

    A run that is not recorded comes after all that are. Once admitted it stays: others that begin
    later, or its own record that arrives at last, do not stop it. It takes no place from others,
    as nobody would say when it ends.
    """
    if asked.run is not None and asked.run.admitted:
        return Said()
    before = _before(asked, safeguard)
    if len(before) < settings.most:
        return Said()
    # A place is free once one of them ends, or has been silent for too long.
    return Said(refusal(safeguard), min(each.last_seen_at for each in before) + SILENCE)


def _before(asked: Question, safeguard: Safeguard) -> list[Going]:
    """The runs that count and were created before the one asked about."""
    own = asked.run.id if asked.run else None
    # Whoever asks is alive, however long ago it was written down.
    there = [
        each
        for each in asked.facts.going
        if _counts(each, safeguard) and (each.id == own or each.last_seen_at + SILENCE > asked.now)
    ]
    for place, each in enumerate(there):
        if each.id == own:
            return there[:place]
    return there


def _counts(going: Going, safeguard: Safeguard) -> bool:
    """Whether a run is one of those the safeguard concerns."""
    if safeguard.team_id not in (None, going.team_id):
        return False
    return not safeguard.tags or not set(going.tags).isdisjoint(safeguard.tags)
