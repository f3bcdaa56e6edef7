"""What the runs of an experiment show today: whether it holds, and whether that can be relied on.

Dry, inconclusive and stopped runs answer nothing, so they count for nothing here.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal, get_args

import msgspec

StateName = Literal["never-run", "not-known", "does-not-hold", "holds"]
STATES: tuple[StateName, ...] = get_args(StateName)
FLAPPING_RUNS = 8  # the last runs that count, among which changes are looked for
FLAPPING_CHANGES = 3  # so many changes between passed and deviated are flapping
_SAYING = frozenset(
    ("passed", "deviated", "baseline-not-met", "probe-error", "failed", "aborted", "unknown")
)


class RecentRun(msgspec.Struct, frozen=True, array_like=True):
    """One of the last runs of an experiment; `outcome` is None while it goes on."""

    id: str
    started_at: datetime
    duration: float | None  # seconds
    outcome: str | None
    conclusive: bool | None
    dry: bool
    person_id: str | None

    @property
    def counts(self) -> bool:
        """Whether it answers the question of its experiment."""
        return not self.dry and bool(self.conclusive)


class ExperimentState(msgspec.Struct, frozen=True):
    """Whether an experiment holds, by the last run that counts.

    `is_stale` is whether no run counted for longer than the team allows, `is_flapping` whether its
    last runs contradict each other.
    """

    name: StateName
    is_stale: bool
    is_flapping: bool


def find_state(
    recent: Sequence[RecentRun],
    holds: bool | None,
    counted_at: datetime | None,
    now: datetime,
    stale_days: int,
) -> ExperimentState:
    """The state of an experiment; `recent` are its last runs, newest first."""
    if not recent:
        return ExperimentState("never-run", is_stale=False, is_flapping=False)
    name: StateName = "not-known" if holds is None else "holds" if holds else "does-not-hold"
    last = counted_at or min(run.started_at for run in recent)
    is_stale = now - last > timedelta(days=stale_days)
    return ExperimentState(name, is_stale, _is_flapping(recent))


def find_last_saying(recent: Iterable[RecentRun]) -> RecentRun | None:
    """The last run that says something of the system: neither dry, nor stopped, nor going on."""
    return next((run for run in recent if not run.dry and run.outcome in _SAYING), None)


def _is_flapping(recent: Iterable[RecentRun]) -> bool:
    outcomes = [run.outcome for run in recent if run.counts][:FLAPPING_RUNS]
    changes = sum(one != other for one, other in pairwise(outcomes))
    return changes >= FLAPPING_CHANGES
