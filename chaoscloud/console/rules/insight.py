"""What a verification run cost the objective."""

import msgspec


class Insight(msgspec.Struct, frozen=True):
    """Percentages of the time; `impacted` is None when no sample was made."""

    allowed_budget: float
    observed_impact: float | None
    impacted: bool | None


def insight(
    target: float, *, frequency: float, sampled: int, deviated: int, total_duration: float
) -> Insight:
    """Hold what was observed against what the objective allows.

    `target` is a percentage, `frequency` and `total_duration` are seconds; each deviated sample
    stands for as long as passes until the next.
    """
    allowed = round(100 - target, 9)  # 99.9 leaves 0.1, not 0.09999999999999432
    if sampled <= 0 or total_duration <= 0:
        return Insight(allowed, None, None)
    observed = deviated * frequency / total_duration * 100
    return Insight(allowed, observed, observed > allowed)
