"""What is known, tag by tag: what holds and since when, what does not, what was never tried."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from chaoscloud.console.rules.experiment_states import StateName


class TaggedExperiment(msgspec.Struct, frozen=True):
    """What coverage asks of an experiment."""

    tags: tuple[str, ...]
    state: StateName
    is_stale: bool
    holds_since: datetime | None  # or since when it does not
    counted_at: datetime | None


class Coverage(msgspec.Struct, frozen=True):
    """How many experiments with one tag hold, do not hold, and are not known to do either.

    `since` is since when all that hold have done so, `last_at` the start of the last run that
    counts. Stale ones are counted with what they showed, and once more in `stale`.
    """

    tag: str
    holds: int
    does_not_hold: int
    never_tried: int
    stale: int
    since: datetime | None
    last_at: datetime | None


def cover(experiments: Iterable[TaggedExperiment]) -> list[Coverage]:
    """One line for each tag, by name; tags like `service:orders` stand together by their key."""
    by_tag: dict[str, list[TaggedExperiment]] = {}
    for experiment in experiments:
        for tag in dict.fromkeys(experiment.tags):
            by_tag.setdefault(tag, []).append(experiment)
    return [_cover_tag(tag, by_tag[tag]) for tag in sorted(by_tag, key=_order)]


def _order(tag: str) -> tuple[bool, str]:
    return ":" not in tag, tag.casefold()


def _cover_tag(tag: str, experiments: list[TaggedExperiment]) -> Coverage:
    states = [experiment.state for experiment in experiments]
    holding = [item.holds_since for item in experiments if item.state == "holds"]
    counted = [item.counted_at for item in experiments if item.counted_at]
    return Coverage(
        tag,
        holds=states.count("holds"),
        does_not_hold=states.count("does-not-hold"),
        never_tried=states.count("never-run") + states.count("not-known"),
        stale=sum(item.is_stale for item in experiments),
        since=max((moment for moment in holding if moment), default=None),
        last_at=max(counted, default=None),
    )
