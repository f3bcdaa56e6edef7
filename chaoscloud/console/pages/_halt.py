"""How a run was stopped, as its page tells it: who asked, when, and how long it took."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from chaoscloud.console.records.browsing import Asked
from chaoscloud.console.rules.stops import Stop
from chaoscloud.console.rules.story import as_map, as_moment, as_text


class Policy(msgspec.Struct, frozen=True):
    """A safeguard that said no; `by` is who set it, where that is known."""

    name: str
    reason: str
    by: str = ""


class Halt(msgspec.Struct, frozen=True):
    """The stop of a run; what is not known is None, and `latency` is in seconds."""

    policies: tuple[Policy, ...]
    decided: datetime | None = None
    received: datetime | None = None
    interrupted: datetime | None = None
    latency: float | None = None

    @property
    def heard_after(self) -> float | None:
        """Seconds from the decision until the run knew; None where that says nothing."""
        if self.latency is None or self.decided is None or self.received is None:
            return None
        return max(0.0, (self.received - self.decided).total_seconds())


def halt_of(kept: str | None, names: Iterable[str], asked: Iterable[Asked]) -> Halt | None:
    """The stop that a run told of, or what its journal says stopped it; None when nothing did."""
    stop = _stop(kept)
    policies = tuple(_policies(stop.policies if stop else list(names), tuple(asked)))
    if stop is None:
        return Halt(policies) if policies else None
    return Halt(
        policies,
        as_moment(stop.decided_at),
        as_moment(stop.received_at),
        as_moment(stop.interrupted_at),
        stop.latency,
    )


def _stop(kept: str | None) -> Stop | None:
    try:
        return msgspec.json.decode(kept, type=Stop) if kept else None
    except msgspec.DecodeError:
        return None


def _policies(told: list[Any], asked: tuple[Asked, ...]) -> Iterator[Policy]:
    who: Mapping[str, str] = {each.reason: each.person_name or "the operator" for each in asked}
    for each in told:
        name = as_text(each) or as_text(as_map(each).get("name"))
        reason = as_text(as_map(each).get("reason"))
        if name:
            yield Policy(name, reason if reason != name else "", who.get(name, ""))
