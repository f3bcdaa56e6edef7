"""The samples of a verification's run, and their drawing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoscloud.console.rules.curve import curve
from chaoscloud.outcome.samples import (
    Sample,
    SampleEvent,
    SampleTimes,
    Sampling,
    as_not_run,
    bounds,
    from_events,
    from_journal,
    measure_times,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def state(second: float, met: bool | None, output: object = None) -> dict[str, Any]:
    """What a sample saw."""
    activity = {"name": "latency", "tolerance": {"type": "range", "range": [0, 100]}}
    probe = {"activity": activity, "output": output, "start": at(second).isoformat()}
    return {"steady_state_met": met, "probes": [probe]}


def test_samples_and_the_condition_are_told_from_events() -> None:
    """Three samples, the second while the condition held."""
    sampling = from_events(
        [
            SampleEvent("verification-sample", at(0), {"state": state(0, True, 20)}),
            SampleEvent("verification-condition-started", at(5), None),
            SampleEvent("verification-sample", at(10), {"state": state(10, False, 150)}),
            SampleEvent("verification-condition-completed", at(15), {}),
            SampleEvent("verification-sample", at(20), {"state": None}),
        ]
    )

    assert sampling == Sampling(
        (
            Sample(at(0), True, 20.0),
            Sample(at(10), False, 150.0),
            Sample(at(20), None, None),
        ),
        (at(5), at(15)),
        0.0,
        100.0,
    )
    assert (sampling.successful, sampling.deviated, sampling.not_run) == (1, 1, 1)


def test_a_condition_that_goes_on_reaches_to_the_latest_event() -> None:
    """The run has not ended it yet."""
    sampling = from_events(
        [
            SampleEvent("verification-condition-started", at(5), None),
            SampleEvent("verification-sample", at(10), {"state": state(10, True)}),
        ]
    )

    assert sampling.condition == (at(5), at(10))


@pytest.mark.parametrize(
    ("tolerance", "output", "value"),
    [
        (200, 5, 5),
        (200, {"status": 503, "body": 7}, 503),
        ({"type": "range", "target": "body", "range": [0, 9]}, {"status": 503, "body": 7}, 7),
        ({"type": "range", "target": "body", "range": [0, 9]}, {"status": 503}, None),
        (None, "5.5", 5.5),
        (None, True, None),
        (None, "many", None),
        (None, "inf", None),
        (None, 1e18, None),
        (None, -1e17, -1e17),
        (None, None, None),
    ],
)
def test_a_sample_has_the_number_that_its_first_probe_gave(
    tolerance: object, output: object, value: float | None
) -> None:
    """Of an output that is an object, the part that the tolerance looks at."""
    probe = {"activity": {"tolerance": tolerance}, "output": output, "start": at(3).isoformat()}
    state = {"steady_state_met": True, "probes": [probe, {"output": 9}]}

    sampling = from_events([SampleEvent("verification-sample", at(5), {"state": state})])

    assert sampling.samples == (Sample(at(3), True, value),)


def test_a_sample_without_a_moment_of_its_own_has_that_of_its_event() -> None:
    """And what is neither true nor false was not run."""
    state = {"steady_state_met": "yes", "probes": [{"output": 1}]}

    sampling = from_events([SampleEvent("verification-sample", at(5), {"state": state})])

    assert sampling.samples == (Sample(at(5), None, 1.0),)


def test_without_a_start_there_is_no_condition() -> None:
    """The events may not have come so far."""
    sampling = from_events([SampleEvent("verification-sample", at(10), {"state": state(10, True)})])

    assert sampling.condition is None
    assert from_events([]) == Sampling(())


def test_a_journal_tells_them_too() -> None:
    """Its measurements, and its method as the condition."""
    run = {"start": at(5).isoformat(), "end": at(9).isoformat()}
    content = {"measurements": [state(0, True, 1), state(10, False, 2)], "run": [run]}

    sampling = from_journal(content)

    assert [sample.met for sample in sampling.samples] == [True, False]
    assert sampling.condition == (at(5), at(9))


def test_a_journal_without_measurements_tells_them_from_its_tests_during_the_method() -> None:
    """The Chaos Toolkit writes those; a method that did not end is no condition."""
    during = [state(0, True, 1), state(10, False, 2)]
    content = {"steady_states": {"during": during}, "run": [{"start": at(5).isoformat()}]}

    sampling = from_journal(content)

    assert [sample.value for sample in sampling.samples] == [1, 2]
    assert sampling.condition is None


def test_a_sample_stands_until_the_next_one_and_the_last_one_for_its_pace() -> None:
    """One that was not run says nothing of its time; the end of the run bounds the last."""
    samples = tuple(
        Sample(at(second), met, None)
        for second, met in ((0, True), (10, None), (20, False), (30, True))
    )

    times = measure_times(Sampling(samples), at(36), 10)

    assert times == SampleTimes(sampled=26, deviated=10, pace=10)


@pytest.mark.parametrize(
    ("seconds", "end", "frequency", "sampled"),
    [
        ((0,), None, 10, 10),  # nothing but the frequency is known
        ((0,), 4, 10, 4),
        ((0,), 400, 10, 10),
        ((0, 30), None, 10, 60),  # as slow as the samples before it
        ((0, 30), 400, 10, 60),
        ((0, 4), 400, 10, 14),  # and not faster than asked for
        ((0, 10), 5, 10, 10),  # an end that a clock puts before it
        ((0,), 0.5, 1, 0.5),
    ],
)
def test_the_last_sample_stands_for_no_longer_than_is_known(
    seconds: tuple[float, ...], end: float | None, frequency: float, sampled: float
) -> None:
    """Its pace, that of those before it, or until the run was over."""
    sampling = Sampling(tuple(Sample(at(second), True, None) for second in seconds))

    times = measure_times(sampling, None if end is None else at(end), frequency)

    assert times is not None
    assert times.sampled == sampled


def test_samples_that_took_no_time_have_none() -> None:
    """Neither those of a run that ended as it began, nor those that were not run."""
    assert measure_times(Sampling((Sample(at(0), True, None),)), at(0), 10) is None
    assert measure_times(Sampling((Sample(at(0), None, None),)), at(9), 10) is None
    assert measure_times(Sampling(()), at(9), 10) is None


def test_the_samples_of_a_dry_run_keep_their_moments_only() -> None:
    """What they found is left out."""
    sampling = Sampling((Sample(at(0), True, 5.0),), (at(0), at(9)), 1.0, 2.0)

    assert as_not_run(sampling) == Sampling((Sample(at(0), None, None),), (at(0), at(9)), 1.0, 2.0)


@pytest.mark.parametrize(
    ("tolerance", "expected"),
    [
        ([10, 20], (10.0, 20.0)),
        ({"type": "range", "range": [0, 1.5]}, (0.0, 1.5)),
        (200, (None, None)),
        (
            {"provider": {"func": "response_time_under", "arguments": {"duration": 250}}},
            (None, 250.0),
        ),
        (
            {"provider": {"func": "result_value_between", "arguments": {"lower": 1, "upper": 2}}},
            (1.0, 2.0),
        ),
        ({"provider": {"func": "status_must_be", "arguments": {"expected": 200}}}, (None, None)),
        ({"range": "wide"}, (None, None)),
    ],
)
def test_a_tolerance_gives_the_bounds_it_has(
    tolerance: object, expected: tuple[float | None, float | None]
) -> None:
    """Ranges, and our own tolerances that are bounds."""
    assert bounds(tolerance) == expected


def test_samples_with_numbers_are_drawn_at_their_height() -> None:
    """Within the frame, in order, with the tolerance beside them."""
    drawn = curve(
        Sampling(
            (Sample(at(0), True, 0.0), Sample(at(5), True, 50.0), Sample(at(10), False, 100.0)),
            (at(5), at(10)),
            None,
            80.0,
        )
    )

    assert drawn
    assert [round(dot.x, 3) for dot in drawn.dots] == [0, 0.5, 1]
    assert drawn.dots[0].y < drawn.dots[1].y < (drawn.high or 0) < drawn.dots[2].y
    assert drawn.band == (0.5, 1.0)
    assert (drawn.bottom, drawn.top) == ("0", "110")
    assert drawn.dots[2].words == "After 10 s: did not hold, 100"


def test_samples_without_numbers_are_dots_in_a_row() -> None:
    """Nothing is made up for what was not measured."""
    drawn = curve(Sampling((Sample(at(0), True, 5.0), Sample(at(1), None, None)), high=9.0))

    assert drawn
    assert not drawn.measured
    assert {dot.y for dot in drawn.dots} == {0.5}
    assert drawn.high is None


def test_very_many_samples_are_drawn_together() -> None:
    """And the one that deviated is not lost among the others."""
    samples = tuple(Sample(at(n), n != 3_000, 1.0) for n in range(5_000))

    drawn = curve(Sampling(samples))

    assert drawn
    assert len(drawn.dots) <= 201
    assert [round(dot.x, 1) for dot in drawn.dots if dot.look == "deviated"] == [0.6]


def test_no_samples_are_no_drawing() -> None:
    """Rather than an empty frame."""
    assert curve(Sampling(())) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["state", "probes", "activity", "tolerance", "range", "output", "steady_state_met"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.lists(anything, max_size=4))
def test_nothing_a_run_says_breaks_its_drawing(payloads: list[Any]) -> None:
    """Every dot lies in the frame, whatever the payloads are."""
    content = [
        SampleEvent("verification-sample", at(second), payload)
        for second, payload in enumerate(payloads)
    ]

    drawn = curve(from_events(content))

    assert (drawn is None) is (not payloads)
    for dot in drawn.dots if drawn else ():
        assert 0 <= dot.x <= 1
        assert 0 <= dot.y <= 1
