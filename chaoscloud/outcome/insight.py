"""What a verification run cost the objective."""

from dataclasses import dataclass

__all__ = ["Insight", "compute_insight"]


@dataclass(frozen=True, slots=True)
class Insight:
    """Percentages of the time; `impacted` is None when no sample was made."""

    allowed_budget: float
    observed_impact: float | None
    impacted: bool | None


def compute_insight(
    target: float,
    *,
    frequency: float,
    sampled: int,
    deviated: int,
    total_duration: float,
    sampled_time: float | None = None,
    deviated_time: float | None = None,
) -> Insight:
    """Compare what was observed with what the objective allows.

    `target` is a percentage; `frequency`, `total_duration` and the two times are seconds. The share
    is that of the time in which samples stood. Where that is not known each deviated sample counts
    for `frequency` seconds of the whole run, which is too little when probes are slow.
    """
    allowed = round(100 - target, 9)  # 99.9 leaves 0.1, not 0.09999999999999432
    if sampled <= 0 or total_duration <= 0:
        return Insight(allowed, None, None)
    if sampled_time and deviated_time is not None:
        observed = 100 * deviated_time / sampled_time
    else:
        observed = deviated * frequency / total_duration * 100
    return Insight(allowed, observed, observed > allowed)
