"""What a verification found, from its journal: the samples, and what they mean to the objective.

The console computes the same from what the plugin sends; both use `compute_insight` and
`measure_times`, so that whoever is asked says the same.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaoscloud.outcome.durations import format_duration, format_percentage
from chaoscloud.outcome.insight import Insight, compute_insight
from chaoscloud.outcome.samples import from_journal, measure_times
from chaoscloud.outcome.values import as_list, as_map, as_moment, as_seconds

__all__ = ["TOO_SLOW", "Objective", "Verdict", "describe_verdict", "find_verdict"]

TOO_SLOW = 1.5
"""Times the frequency: samples that came slower than that did not keep their pace."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What must hold: `target` is a percentage of the time, `window` is in seconds if known."""

    target: float
    window: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The samples of one run by what they found; times are in seconds, None where not known.

    `insight` is None where the objective is not known.
    """

    successful: int
    deviated: int
    not_run: int
    frequency: float
    sampled_time: float | None = None
    deviated_time: float | None = None
    pace: float | None = None
    objective: Objective | None = None
    insight: Insight | None = None

    @property
    def impacted(self) -> bool | None:
        """Whether the impact is over the budget; None where that cannot be known."""
        return self.insight.impacted if self.insight else None


def find_verdict(journal: object, frequency: float, objective: Objective | None = None) -> Verdict:
    """Read the samples of a journal, taken every `frequency` seconds, and hold them against it."""
    document = as_map(journal)
    count = _count(document)
    sampling = from_journal(document)
    times = None
    if len(sampling.samples) == count.total() and (count[True] or count[False]):
        times = measure_times(sampling, as_moment(document.get("end")), frequency)
    sampled_time, deviated_time = (times.sampled, times.deviated) if times else (None, None)
    insight = None
    if objective is not None:
        insight = compute_insight(
            objective.target,
            frequency=frequency,
            sampled=count[True] + count[False],
            deviated=count[False],
            total_duration=as_seconds(document.get("duration")) or 0.0,
            sampled_time=sampled_time,
            deviated_time=deviated_time,
        )
    return Verdict(
        successful=count[True],
        deviated=count[False],
        not_run=count[None],
        frequency=frequency,
        sampled_time=sampled_time,
        deviated_time=deviated_time,
        pace=times.pace if times else None,
        objective=objective,
        insight=insight,
    )


def describe_verdict(verdict: Verdict) -> list[str]:
    """Return the lines for people: the samples, the impact against the budget, the pace."""
    lines = [_describe_samples(verdict), *_describe_impact(verdict)]
    if verdict.pace is not None and verdict.pace > TOO_SLOW * verdict.frequency:
        lines.append(
            f"The pace was not kept: a sample was taken every {format_duration(verdict.pace)}, not "
            f"every {format_duration(verdict.frequency)}; short deviations may have been missed."
        )
    return lines


def _count(journal: Mapping[str, Any]) -> Counter[bool | None]:
    """The samples by whether the steady state was met; a dry run ran none."""
    states = as_list(as_map(journal.get("steady_states")).get("during"))
    if as_map(journal.get("experiment")).get("dry"):
        return Counter({None: len(states)})
    met = [as_map(state).get("steady_state_met") for state in states]
    return Counter(value if isinstance(value, bool) else None for value in met)


def _describe_samples(verdict: Verdict) -> str:
    parts = [
        f"{verdict.successful} within the tolerance",
        f"{verdict.deviated} deviated",
        *([f"{verdict.not_run} not run"] if verdict.not_run else []),
    ]
    total = verdict.successful + verdict.deviated + verdict.not_run
    return f"Samples: {total} ({', '.join(parts)})."


def _describe_impact(verdict: Verdict) -> list[str]:
    insight, objective = verdict.insight, verdict.objective
    if not verdict.successful and not verdict.deviated:
        return ["Impact: not known, because no sample was run."]
    if insight is None or objective is None:
        return [
            f"Impact: not known, because the objective's target is not. {_describe_share(verdict)}."
        ]
    if insight.observed_impact is None:
        return ["Impact: not known, because the journal does not say how long the run took."]
    word = "Impacted" if insight.impacted else "Not impacted"
    share = _describe_share(verdict)
    allowed = f"{format_percentage(insight.allowed_budget)} is allowed"
    return [f"{word}: {share[0].lower()}{share[1:]}; {allowed}.", *_describe_budget(verdict)]


def _describe_share(verdict: Verdict) -> str:
    if not verdict.deviated:
        return "The objective held all the time"
    insight = verdict.insight
    percent = insight.observed_impact if insight else None
    if verdict.deviated_time is not None and verdict.sampled_time:
        times = [format_duration(time) for time in (verdict.deviated_time, verdict.sampled_time)]
        share = format_percentage(100 * verdict.deviated_time / verdict.sampled_time)
        return f"The objective did not hold for {times[0]} of {times[1]}, {share} of the time"
    if percent is not None:
        return f"The objective did not hold for {format_percentage(percent)} of the time"
    return f"The objective did not hold in {verdict.deviated} samples"


def _describe_budget(verdict: Verdict) -> list[str]:
    """The budget in time, which is how people use it up."""
    objective = verdict.objective
    if objective is None or not objective.window or not verdict.deviated_time:
        return []
    budget = objective.window * (100 - objective.target) / 100
    return [
        f"That is {format_duration(verdict.deviated_time)} of the {format_duration(budget)} that "
        f"{format_percentage(objective.target)} allows in {format_duration(objective.window)}."
    ]
