"""How a run was stopped, as its page shows it: who set the stop, when, and how long it took."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from chaoscloud.console.rules.stops import Stop
from chaoscloud.outcome.values import as_map, as_moment, as_text


class StoppingPolicy(msgspec.Struct, frozen=True):
    """A safeguard that denied; `author` is who set it, where that is known."""

    name: str
    reason: str
    author: str = ""


class StopDetails(msgspec.Struct, frozen=True):
    """The stop of a run; what is not known is None, and `latency` is in seconds."""

    policies: tuple[StoppingPolicy, ...]
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

    def with_authors(self, authors: Mapping[str, str]) -> "StopDetails":
        """The same, with who set the safeguards of these names."""
        policies = (
            msgspec.structs.replace(policy, author=authors.get(policy.name, ""))
            for policy in self.policies
        )
        return msgspec.structs.replace(self, policies=tuple(policies))


def stop_details(recorded: str | None, names: Iterable[str]) -> StopDetails | None:
    """The stop that a run reported, or what its journal says stopped it; None when nothing did.

    `recorded` is a `Stop` as JSON, `names` the safeguards in the journal.
    """
    stop = _decode(recorded)
    policies = tuple(_policies(stop.policies if stop else list(names)))
    if stop is None:
        return StopDetails(policies) if policies else None
    return StopDetails(
        policies,
        as_moment(stop.decided_at),
        as_moment(stop.received_at),
        as_moment(stop.interrupted_at),
        stop.latency,
    )


def _decode(recorded: str | None) -> Stop | None:
    try:
        return msgspec.json.decode(recorded, type=Stop) if recorded else None
    except msgspec.DecodeError:
        return None


def _policies(policies: list[Any]) -> Iterator[StoppingPolicy]:
    for policy in policies:
        name = as_text(policy) or as_text(as_map(policy).get("name"))
        reason = as_text(as_map(policy).get("reason"))
        if name:
            yield StoppingPolicy(name, reason if reason != name else "")
