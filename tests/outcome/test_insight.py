"""What a verification run cost the objective, as numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoscloud.outcome.insight import Insight, compute_insight


def test_the_known_answer() -> None:
    """4 deviated of 20, at every 10 s, over 341 s is 11.73 %."""
    insight = compute_insight(90, frequency=10, sampled=20, deviated=4, total_duration=341)

    assert insight.observed_impact == pytest.approx(11.73, abs=0.005)
    assert (insight.allowed_budget, insight.impacted) == (10, True)


@pytest.mark.parametrize(("deviated", "impacted"), [(0, False), (1, False), (2, True)])
def test_impacted_means_more_than_is_allowed(deviated: int, impacted: bool) -> None:
    """Exactly what is allowed is allowed."""
    insight = compute_insight(90, frequency=10, sampled=10, deviated=deviated, total_duration=100)

    assert insight.observed_impact == deviated * 10
    assert insight.impacted is impacted


@pytest.mark.parametrize(
    ("sampled_time", "deviated_time", "impact"),
    [
        (50.0, 5.0, 10),
        (50.0, 0.0, 0),
        (None, None, 5),
        (None, 5.0, 5),
        (50.0, None, 5),
        (0.0, 0.0, 5),
    ],
)
def test_the_share_is_that_of_the_time_in_which_samples_stood(
    sampled_time: float | None, deviated_time: float | None, impact: float
) -> None:
    """Where that is not known, each deviated sample counts for its period of the whole run."""
    insight = compute_insight(
        99,
        frequency=10,
        sampled=8,
        deviated=1,
        total_duration=200,
        sampled_time=sampled_time,
        deviated_time=deviated_time,
    )

    assert insight.observed_impact == impact


def test_a_run_may_be_shorter_than_a_second() -> None:
    """It has an impact all the same."""
    insight = compute_insight(99, frequency=0.1, sampled=2, deviated=1, total_duration=0.5)

    assert insight.observed_impact == pytest.approx(20)


@pytest.mark.parametrize(("sampled", "duration"), [(0, 100.0), (5, 0.0), (0, 0.0)])
def test_without_a_sample_or_a_duration_nothing_is_known(sampled: int, duration: float) -> None:
    """Neither impacted nor spared."""
    insight = compute_insight(
        99, frequency=10, sampled=sampled, deviated=0, total_duration=duration
    )

    assert insight == Insight(1, None, None)


def test_the_budget_is_said_as_people_say_it() -> None:
    """99.9 % leaves 0.1, not 0.09999999999999432."""
    insight = compute_insight(99.9, frequency=1, sampled=1, deviated=0, total_duration=1)

    assert insight.allowed_budget == 0.1
    assert compute_insight(
        99.9999999994, frequency=1, sampled=1, deviated=0, total_duration=1
    ).allowed_budget == pytest.approx(1e-9)


@given(
    target=st.floats(0.1, 100),
    frequency=st.floats(0.1, 3600),
    sampled=st.integers(1, 10_000),
    data=st.data(),
)
def test_a_run_without_deviation_never_has_impact(
    target: float, frequency: float, sampled: int, data: st.DataObject
) -> None:
    """And one more deviated sample never lowers it."""
    duration = data.draw(st.floats(1, 1e6))
    deviated = data.draw(st.integers(1, sampled))

    def of(count: int) -> Insight:
        return compute_insight(
            target, frequency=frequency, sampled=sampled, deviated=count, total_duration=duration
        )

    fewer, more = of(deviated - 1), of(deviated)
    assert of(0).impacted is False
    assert fewer.observed_impact is not None
    assert more.observed_impact is not None
    assert fewer.observed_impact < more.observed_impact
