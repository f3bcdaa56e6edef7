"""What a verification found: held side by side with what the console computes of the same run."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoscloud.api.verification import results_of
from chaoscloud.console.records.run_results import Results, compare_results, read_times
from chaoscloud.outcome.verdict import Objective, describe_verdict, find_verdict

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def sample(seconds: float, met: bool | None) -> dict[str, Any]:
    """A sample taken so many seconds after the start."""
    start = (START + timedelta(seconds=seconds)).isoformat()
    probe = {"activity": {"name": "orders"}, "status": "succeeded", "start": start}
    return {"steady_state_met": met, "probes": [probe]}


def journal_of(samples: list[dict[str, Any]], duration: float, **fields: Any) -> dict[str, Any]:
    """The journal of a verification run that took `duration` seconds."""
    return {
        "start": START.isoformat(),
        "end": (START + timedelta(seconds=duration)).isoformat(),
        "duration": duration,
        "status": "completed",
        "experiment": {"title": "Orders", **fields},
        "steady_states": {"during": samples},
        "measurements": samples,
    }


SAMPLES = st.lists(st.tuples(st.floats(0.1, 20), st.sampled_from([True, False, None])), max_size=30)


@given(
    gaps=SAMPLES,
    frequency=st.floats(0.1, 60),
    rest=st.floats(0, 60),
    target=st.floats(1, 100),
    dry=st.sampled_from([None, "probes"]),
    timed=st.booleans(),
)
def test_plugin_and_console_say_the_same(
    gaps: list[tuple[float, bool | None]],
    frequency: float,
    rest: float,
    target: float,
    dry: str | None,
    timed: bool,
) -> None:
    """Whatever the samples were: at their pace or not, dry, without times."""
    at, samples = 0.0, []
    for gap, met in gaps:
        at += gap
        samples.append(sample(at, met) if timed else {"steady_state_met": met, "probes": []})
    journal = journal_of(samples, at + rest, dry=dry)

    verdict = find_verdict(journal, frequency, Objective(target))

    sent = msgspec.convert(results_of(journal), Results)
    results = read_times(sent, msgspec.json.encode(journal), frequency)
    assert verdict.insight == compare_results(results, frequency, target)
    assert (verdict.successful, verdict.deviated, verdict.not_run) == (
        results.successful_samples,
        results.deviated_samples,
        results.not_run_samples,
    )
    assert (verdict.sampled_time, verdict.deviated_time, verdict.pace) == (
        results.sampled_time,
        results.deviated_time,
        results.pace,
    )


TEN = [sample(10 * number, number != 3) for number in range(10)]

LINES: dict[str, tuple[dict[str, Any], Objective | None, list[str]]] = {
    "impacted": (
        journal_of(TEN, 100),
        Objective(99.9, 30 * 86400),
        [
            "Samples: 10 (9 within the tolerance, 1 deviated).",
            "Impacted: the objective did not hold for 10 s of 1 min 40 s, 10 % of the time; "
            "0.1 % is allowed.",
            "That is 10 s of the 43 min 12 s that 99.9 % allows in 30 days.",
        ],
    ),
    "not impacted": (
        journal_of([sample(10 * number, True) for number in range(10)], 100),
        Objective(99),
        [
            "Samples: 10 (10 within the tolerance, 0 deviated).",
            "Not impacted: the objective held all the time; 1 % is allowed.",
        ],
    ),
    "no target": (
        journal_of(TEN, 100),
        None,
        [
            "Samples: 10 (9 within the tolerance, 1 deviated).",
            "Impact: not known, because the objective's target is not. The objective did not hold "
            "for 10 s of 1 min 40 s, 10 % of the time.",
        ],
    ),
    "without times": (
        journal_of([{"steady_state_met": met, "probes": []} for met in (True, True, False)], 100),
        Objective(99),
        [
            "Samples: 3 (2 within the tolerance, 1 deviated).",
            "Impacted: the objective did not hold for 10 % of the time; 1 % is allowed.",
        ],
    ),
    "without times and target": (
        journal_of([{"steady_state_met": met, "probes": []} for met in (True, False, False)], 100),
        None,
        [
            "Samples: 3 (1 within the tolerance, 2 deviated).",
            "Impact: not known, because the objective's target is not. The objective did not hold "
            "in 2 samples.",
        ],
    ),
    "no duration": (
        journal_of(TEN, 100) | {"duration": None},
        Objective(99),
        [
            "Samples: 10 (9 within the tolerance, 1 deviated).",
            "Impact: not known, because the journal does not say how long the run took.",
        ],
    ),
    "nothing is known of one": (
        journal_of([sample(0, True), sample(10, None)], 20),
        Objective(99),
        [
            "Samples: 2 (1 within the tolerance, 0 deviated, 1 not run).",
            "Not impacted: the objective held all the time; 1 % is allowed.",
        ],
    ),
    "what is neither true nor false": (
        journal_of([sample(0, True), {**sample(10, None), "steady_state_met": "yes"}], 20),
        Objective(99),
        [
            "Samples: 2 (1 within the tolerance, 0 deviated, 1 not run).",
            "Not impacted: the objective held all the time; 1 % is allowed.",
        ],
    ),
    "held all the time, without a target": (
        journal_of([sample(0, True)], 10),
        None,
        [
            "Samples: 1 (1 within the tolerance, 0 deviated).",
            "Impact: not known, because the objective's target is not. The objective held all the "
            "time.",
        ],
    ),
    "no sample": (
        journal_of([], 5),
        Objective(99),
        [
            "Samples: 0 (0 within the tolerance, 0 deviated).",
            "Impact: not known, because no sample was run.",
        ],
    ),
    "a dry run": (
        journal_of(TEN, 100, dry="activities"),
        Objective(99),
        [
            "Samples: 10 (0 within the tolerance, 0 deviated, 10 not run).",
            "Impact: not known, because no sample was run.",
        ],
    ),
}


@pytest.mark.parametrize(("journal", "objective", "lines"), LINES.values(), ids=LINES)
def test_people_read_samples_impact_and_budget(
    journal: dict[str, Any], objective: Objective | None, lines: list[str]
) -> None:
    """In times and shares, and where something is not known, why."""
    assert describe_verdict(find_verdict(journal, 10, objective)) == lines


def test_a_pace_that_was_not_kept_is_said() -> None:
    """Short deviations may lie between two samples."""
    lines = describe_verdict(find_verdict(journal_of(TEN, 100), 1, Objective(99)))

    assert lines[-1] == (
        "The pace was not kept: a sample was taken every 10 s, not every 1 s; "
        "short deviations may have been missed."
    )


@pytest.mark.parametrize(
    ("met", "deviated_time", "impact"),
    [
        ((True, True), 0, 0),
        ((False, False), 14, 100),
        ((False, True), 10, 1000 / 14),
        ((True, False), 4, 400 / 14),
    ],
)
def test_samples_stand_until_the_run_ends(
    met: tuple[bool, bool], deviated_time: float, impact: float
) -> None:
    """Whatever they found: the share is that of the time they stand for."""
    journal = journal_of([sample(0, met[0]), sample(10, met[1])], 14)

    verdict = find_verdict(journal, 1, Objective(99))

    assert (verdict.sampled_time, verdict.deviated_time) == (14, deviated_time)
    assert verdict.insight is not None
    assert verdict.insight.observed_impact == pytest.approx(impact)
    assert verdict.impacted is (impact > 1)


def test_where_one_sample_has_no_time_no_times_are_known() -> None:
    """The share is then that of the samples."""
    untimed = {"steady_state_met": False, "probes": []}
    journal = journal_of([sample(0, True), untimed], 20)

    verdict = find_verdict(journal, 10, Objective(99))

    assert (verdict.sampled_time, verdict.deviated_time, verdict.pace) == (None, None, None)
    assert verdict.insight is not None
    assert verdict.insight.observed_impact == 50


@pytest.mark.parametrize(("frequency", "is_kept"), [(7, True), (10 / 1.5, True), (6.6, False)])
def test_a_pace_half_as_slow_again_as_asked_for_is_kept(frequency: float, is_kept: bool) -> None:
    """Only one that is slower is worth a line."""
    verdict = find_verdict(journal_of(TEN, 100), frequency, Objective(99))

    is_warned = describe_verdict(verdict)[-1].startswith("The pace was not kept")
    assert is_warned is not is_kept
