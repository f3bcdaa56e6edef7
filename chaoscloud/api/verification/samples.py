"""How many samples a journal holds, and what they found."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypedDict

from chaoscloud.types import Journal

__all__ = ["Results", "SampleCount", "count_samples", "results_of"]


class SampleCount(TypedDict):
    """The samples by what they found: a sample whose steady state was met is successful."""

    successful_samples: int
    deviated_samples: int
    not_run_samples: int
    total_number_of_samples: int


class Results(SampleCount):
    """What a run found, in how many seconds."""

    total_duration: float


def count_samples(journal: Journal) -> SampleCount:
    """Count the samples of a journal, which may still be growing."""
    states = list((journal.get("steady_states") or {}).get("during") or [])
    found = Counter(map(_met, states))
    return {
        "successful_samples": found[True],
        "deviated_samples": found[False],
        "not_run_samples": found[None],
        "total_number_of_samples": len(states),
    }


def results_of(journal: Journal) -> Results:
    """The results of a run that ended."""
    return {**count_samples(journal), "total_duration": journal.get("duration") or 0}


def _met(state: Any) -> bool | None:
    met = state.get("steady_state_met") if isinstance(state, Mapping) else None
    return met if isinstance(met, bool) else None
