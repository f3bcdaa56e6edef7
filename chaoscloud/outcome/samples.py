"""The samples of a verification's run: when the steady state was tested, and what came of it.

Read from the events of a run or, where there are none, from its journal. This trusts no
shape: what is not as the plugin writes it is left out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from chaoscloud.outcome.values import as_list, as_map, as_moment, as_text

# Tolerances of ours that are bounds: the names of their lower and upper argument.
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "response_time_above": ("duration", ""),
    "response_time_under": ("", "duration"),
    "result_value_above": ("lower", ""),
    "result_value_under": ("", "upper"),
    "result_value_between": ("lower", "upper"),
    "status_in_range": ("lower", "upper"),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One test of the steady state."""

    at: datetime
    met: bool | None  # None: it was not run
    value: float | None  # what the first probe measured, when that is a number


@dataclass(frozen=True, slots=True)
class Sampling:
    """All of them, with when the condition held and what was tolerated."""

    samples: tuple[Sample, ...]
    condition: tuple[datetime, datetime] | None = None
    low: float | None = None
    high: float | None = None

    @property
    def successful(self) -> int:
        """Samples that met the tolerance."""
        return sum(sample.met is True for sample in self.samples)

    @property
    def deviated(self) -> int:
        """Samples that did not."""
        return sum(sample.met is False for sample in self.samples)

    @property
    def not_run(self) -> int:
        """Samples nothing is known of."""
        return sum(sample.met is None for sample in self.samples)


@dataclass(frozen=True, slots=True)
class SampleTimes:
    """For how long samples stand, in seconds: all that were run, and those that deviated.

    `pace` is how many seconds passed from one sample to the next, on average.
    """

    sampled: float
    deviated: float
    pace: float


@dataclass(frozen=True, slots=True)
class SampleEvent:
    """One event of a verification's run, its payload decoded."""

    category: str
    at: datetime
    payload: Any


def from_events(events: Iterable[SampleEvent]) -> Sampling:
    """Read the samples from the events, in the order they came."""
    states: list[tuple[datetime, Any]] = []
    start = end = latest = None
    for event in events:
        latest = event.at
        if event.category == "verification-sample":
            states.append((event.at, as_map(event.payload).get("state")))
        elif event.category == "verification-condition-started":
            start = event.at
        elif event.category == "verification-condition-completed":
            end = event.at
    band = (start, end or latest) if start and latest else None
    return _sampling(states, band)


def from_journal(journal: object) -> Sampling:
    """Read the samples from a journal: its measurements, else the tests during the method."""
    document = as_map(journal)
    during = as_list(as_map(document.get("steady_states")).get("during"))
    states = [
        (moment, state)
        for state in as_list(document.get("measurements")) or during
        if (moment := _moment(state))
    ]
    runs = [as_map(run) for run in as_list(document.get("run"))]
    starts = [moment for run in runs if (moment := as_moment(run.get("start")))]
    ends = [moment for run in runs if (moment := as_moment(run.get("end")))]
    return _sampling(states, (min(starts), max(ends)) if starts and ends else None)


def measure_times(sampling: Sampling, end: datetime | None, frequency: float) -> SampleTimes | None:
    """Say for how long samples stand: each one until the next began.

    The last one stands for the pace it was to be made at, `frequency` in seconds, or for as long as
    the samples before it did when they came slower; `end`, the end of the run, bounds it. A sample
    that was not run says nothing about its time. None without a sample that was run.
    """
    samples = sorted(sampling.samples, key=lambda sample: sample.at)
    spans = [(later.at - sample.at).total_seconds() for sample, later in pairwise(samples)]
    pace = sum(spans) / len(spans) if spans else frequency
    if samples:
        rest = (end - samples[-1].at).total_seconds() if end else pace
        spans.append(max(0.0, min(max(pace, frequency), rest)))
    pairs = list(zip(samples, spans, strict=True))
    sampled = sum(span for sample, span in pairs if sample.met is not None)
    deviated = sum(span for sample, span in pairs if sample.met is False)
    return SampleTimes(sampled, deviated, pace) if sampled > 0 else None


def as_not_run(sampling: Sampling) -> Sampling:
    """The same samples as those of a dry run, which say nothing."""
    samples = tuple(Sample(sample.at, None, None) for sample in sampling.samples)
    return replace(sampling, samples=samples)


def _moment(state: object) -> datetime | None:
    probes = as_list(as_map(state).get("probes"))
    return as_moment(as_map(probes[0]).get("start")) if probes else None


def _sampling(
    states: list[tuple[datetime, Any]], condition: tuple[datetime, datetime] | None
) -> Sampling:
    samples = tuple(_sample(at, state) for at, state in states)
    low, high = next(_bounds(states), (None, None))
    return Sampling(samples, condition, low, high)


def _sample(at: datetime, state: object) -> Sample:
    met = as_map(state).get("steady_state_met")
    probes = as_list(as_map(state).get("probes"))
    run = as_map(probes[0]) if probes else {}
    start = as_moment(run.get("start"))
    value = _value(run.get("output"), _tolerance(run))
    return Sample(start or at, met if isinstance(met, bool) else None, value)


def _tolerance(run: Mapping[str, Any]) -> Any:
    return as_map(run.get("activity")).get("tolerance")


def _value(output: Any, tolerance: Any) -> float | None:
    """The number a probe gave: itself, or the part of it that the tolerance looks at."""
    if isinstance(output, dict):
        return _number(output.get(as_text(as_map(tolerance).get("target")) or "status"))
    return _number(output)


def _bounds(states: list[tuple[datetime, Any]]) -> Iterator[tuple[float | None, float | None]]:
    for _, state in states:
        for probe in as_list(as_map(state).get("probes"))[:1]:
            yield bounds(_tolerance(as_map(probe)))


def bounds(tolerance: Any) -> tuple[float | None, float | None]:
    """The lowest and the highest value a tolerance takes, as far as it says."""
    if isinstance(tolerance, dict):
        provider = as_map(tolerance.get("provider"))
        lower, upper = _BOUNDS.get(as_text(provider.get("func")), ("", ""))
        arguments = as_map(provider.get("arguments"))
        if lower or upper:
            return _number(arguments.get(lower)), _number(arguments.get(upper))
        tolerance = tolerance.get("range")
    if isinstance(tolerance, list) and len(tolerance) == 2:
        return _number(tolerance[0]), _number(tolerance[1])
    return None, None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 1e18 else None  # neither NaN nor an infinity is less
