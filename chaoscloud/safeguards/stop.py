"""The stop of a run: which policies say no, when, and how long it took to reach the run."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from chaoscloud.api.policies import Policy, describe_policy

__all__ = ["Stop", "policies_without_answer"]


@dataclass(frozen=True)
class Stop:
    """A denial of a run, and what became of it; moments are in UTC.

    `interrupted_at` is None until the run is interrupted. `before_start` is a run that never began.
    """

    policies: tuple[Policy, ...]
    received_at: datetime
    interrupted_at: datetime | None = None
    before_start: bool = False

    def with_interruption(self, now: datetime) -> "Stop":
        """The same, with the run interrupted at this moment."""
        return replace(self, interrupted_at=now)

    @property
    def decided_at(self) -> datetime | None:
        """When the first of the policies said no, by the console's clock."""
        moments = [moment for moment in map(_decision_time, self.policies) if moment is not None]
        return min(moments, default=None)

    @property
    def latency(self) -> float | None:
        """Seconds from the decision to the interruption of a run under way.

        Between two clocks, which are taken to agree. None without a decision's time, and for a run
        that was not started: its decision may be of last week.
        """
        decided_at = self.decided_at
        if decided_at is None or self.interrupted_at is None or self.before_start:
            return None
        return max(0.0, (self.interrupted_at - decided_at).total_seconds())

    def as_document(self) -> dict[str, Any]:
        """As the journal's block and the console have it."""
        return {
            "policies": [dict(policy) for policy in self.policies],
            "decided_at": _isoformat(self.decided_at),
            "received_at": _isoformat(self.received_at),
            "interrupted_at": _isoformat(self.interrupted_at),
            "latency": self.latency,
        }

    def as_interruption(self) -> dict[str, Any]:
        """As the host's own report has it (`journal["interruption"]`, chaostoolkit 1.21)."""
        names = ", ".join(str(policy.get("name") or "(unnamed)") for policy in self.policies)
        reasons = "; ".join(map(describe_policy, self.policies))
        return {
            "kind": "safeguard",
            "name": names or None,
            "reason": reasons or "a safeguard that the console did not name",
        }


def policies_without_answer(reason: str) -> tuple[Policy, ...]:
    """What stops a run that requires safeguards when nobody answers."""
    return ({"name": "Safeguards are required", "reason": f"nobody answers: {reason}"},)


def _decision_time(policy: Policy) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(policy.get("decided_at")))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _isoformat(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
