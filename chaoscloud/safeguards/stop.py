"""The stop of a run: who said no, when, and how long it took until the run heard of it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from chaoscloud.api.policies import Policy

__all__ = ["Stop", "unanswered"]


@dataclass(frozen=True)
class Stop:
    """A decision against a run, and what became of it; moments are in UTC.

    `interrupted_at` is None until the run is interrupted. `before_start` is a run that never began.
    """

    policies: tuple[Policy, ...]
    received_at: datetime
    interrupted_at: datetime | None = None
    before_start: bool = False

    def interrupted(self, now: datetime) -> "Stop":
        """The same, with the run interrupted at this moment."""
        return replace(self, interrupted_at=now)

    @property
    def decided_at(self) -> datetime | None:
        """When the first of the policies said no, by the console's clock."""
        moments = [each for each in map(_decided, self.policies) if each is not None]
        return min(moments, default=None)

    @property
    def latency(self) -> float | None:
        """Seconds from the decision to the interruption of a run under way.

        Between two clocks, which are taken to agree. None without a decision's time, and for a run
        that was not started: its decision may be of last week.
        """
        decided = self.decided_at
        if decided is None or self.interrupted_at is None or self.before_start:
            return None
        return max(0.0, (self.interrupted_at - decided).total_seconds())

    def as_document(self) -> dict[str, Any]:
        """As the journal's block and the console have it."""
        return {
            "policies": [dict(policy) for policy in self.policies],
            "decided_at": _written(self.decided_at),
            "received_at": _written(self.received_at),
            "interrupted_at": _written(self.interrupted_at),
            "latency": self.latency,
        }


def unanswered(reason: str) -> Iterable[Policy]:
    """What stops a run that requires safeguards when nobody answers."""
    return ({"name": "Safeguards are required", "reason": f"nobody answers: {reason}"},)


def _decided(policy: Policy) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(policy.get("decided_at")))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
