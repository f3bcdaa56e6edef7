"""What the runs of an experiment show: whether it holds, and whether that can be relied on."""

from datetime import UTC, datetime, timedelta

import pytest

from chaoscloud.console.rules.coverage import TaggedExperiment, cover
from chaoscloud.console.rules.experiment_states import (
    ExperimentState,
    RecentRun,
    find_last_saying,
    find_state,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def runs(*outcomes: str | None, dry: bool = False) -> list[RecentRun]:
    """Runs with these outcomes, the first one an hour ago, each other an hour before."""
    return [
        RecentRun(f"x{number}", NOW - timedelta(hours=number), 1.0, outcome, not dry, dry, "bob")
        for number, outcome in enumerate(outcomes, 1)
    ]


def test_an_experiment_without_runs_was_never_run() -> None:
    """That is another thing than not to know: nobody has tried."""
    state = find_state([], None, None, NOW, 30)

    assert state == ExperimentState("never-run", is_stale=False, is_flapping=False)


@pytest.mark.parametrize(
    ("holds", "name"), [(True, "holds"), (False, "does-not-hold"), (None, "not-known")]
)
def test_the_last_run_that_counts_tells_whether_it_holds(holds: bool | None, name: str) -> None:
    """None counts where all were dry, inconclusive or stopped."""
    assert find_state(runs("passed"), holds, NOW, NOW, 30).name == name


def test_it_is_stale_when_nothing_counted_for_too_long() -> None:
    """Runs that count for nothing keep nothing fresh."""
    fresh, old = NOW - timedelta(days=6), NOW - timedelta(days=8)

    assert not find_state(runs("passed"), True, fresh, NOW, 7).is_stale
    assert find_state(runs("passed"), True, old, NOW, 7).is_stale
    assert not find_state(runs("interrupted"), None, None, NOW, 7).is_stale


def test_it_flaps_when_its_last_runs_contradict_each_other() -> None:
    """Three changes among the last eight that count; dry runs in between change nothing."""
    changing = runs("passed", "deviated", "passed", "deviated")

    assert find_state(changing, True, NOW, NOW, 30).is_flapping
    assert not find_state(changing[:3], True, NOW, NOW, 30).is_flapping
    assert not find_state(
        runs("passed", "deviated", "passed", "deviated", dry=True), True, NOW, NOW, 30
    ).is_flapping


def test_the_last_run_that_says_something_is_neither_stopped_nor_dry_nor_going_on() -> None:
    """Somebody who stops the next run has not answered what the last one asked."""
    recent = runs(None, "refused", "interrupted", "deviated", "passed")

    matches = find_last_saying(recent)

    assert matches is not None
    assert matches.id == "x4"
    assert find_last_saying(runs("passed", dry=True)) is None


def test_coverage_counts_experiments_by_tag() -> None:
    """Since when all that hold do so is the start of the youngest of them."""
    early, late = NOW - timedelta(days=9), NOW - timedelta(days=2)
    experiments = [
        TaggedExperiment(("service:orders", "kafka"), "holds", False, early, NOW),
        TaggedExperiment(("service:orders",), "holds", True, late, late),
        TaggedExperiment(("kafka",), "does-not-hold", False, early, early),
        TaggedExperiment(("service:orders",), "never-run", False, None, None),
    ]

    orders, kafka = cover(experiments)

    assert (orders.tag, orders.holds, orders.never_tried, orders.stale) == (
        "service:orders",
        2,
        1,
        1,
    )
    assert (orders.since, orders.last_at) == (late, NOW)
    assert (kafka.tag, kafka.holds, kafka.does_not_hold) == ("kafka", 1, 1)
