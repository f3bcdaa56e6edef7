"""What a safeguard's no does to a run, through the host."""

from collections.abc import Iterator
from typing import Any

import pytest
from chaoslib.types import Schedule, Strategy

from tests.plugin import activities
from tests.plugin.guarding import (
    AT_EACH_HOOK,
    FRIDAY,
    NO,
    SENTENCE,
    YES,
    about_safeguards,
    answering,
    no_from,
    use_timing,
)
from tests.plugin.runs import ONE_RUN, activity, block_of, orders, run
from tests.plugin.stub_console import Answer, StubConsole, serving

pytestmark = [pytest.mark.loopback, pytest.mark.usefixtures("in_step")]

AWAY: Answer = (503, None)
ALWAYS = {"runtime": {"rollbacks": {"strategy": "always"}}}


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


@pytest.fixture(autouse=True)
def nothing_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees what another did, and each control asks for itself."""
    activities.done.clear()
    use_timing(monkeypatch, AT_EACH_HOOK)


def question(moment: str, nth: int = 1) -> int:
    """Which question of a run is asked at the n-th moment of a kind."""
    return [i for i, event in enumerate(ONE_RUN, start=1) if event == moment][nth - 1]


def test_they_are_asked_at_each_hook_but_the_last(console: StubConsole) -> None:
    """Where no answer is recent enough; after the experiment's end there is nothing to ask."""
    run(orders(), console.settings)

    assert console.kinds.count("policies") == len(ONE_RUN) - 1


def test_a_no_at_the_start_lets_nothing_happen(
    console: StubConsole, caplog: pytest.LogCaptureFixture
) -> None:
    """No probe, no action; the run is interrupted, and the policies named in log and journal."""
    no_from(console, 1)

    journal = run(orders(), console.settings)

    assert activities.done == []
    assert journal["status"] == "interrupted"
    assert SENTENCE in caplog.text
    assert block_of(journal)["safeguards"] == [FRIDAY]
    assert block_of(console.bodies("journal")[0]["journal"])["safeguards"] == [FRIDAY]


@pytest.mark.parametrize(
    ("moment", "nth", "done"),
    [
        ("starting-hypothesis", 1, []),
        ("starting-activity", 1, []),
        ("activity-finished", 1, ["keep the orders"]),
        ("hypothesis-finished", 1, ["keep the orders"]),
        ("starting-method", 1, ["keep the orders"]),
        ("starting-activity", 2, ["keep the orders"]),
        ("activity-finished", 2, ["keep the orders", "lose the broker"]),
        ("method-finished", 1, ["keep the orders", "lose the broker"]),
        ("starting-hypothesis", 2, ["keep the orders", "lose the broker"]),
        ("starting-activity", 3, ["keep the orders", "lose the broker"]),
        ("hypothesis-finished", 2, ["keep the orders", "lose the broker", "keep the orders"]),
    ],
)
def test_a_no_at_any_moment_stops_what_follows(
    console: StubConsole, moment: str, nth: int, done: list[str]
) -> None:
    """The run ends there, interrupted, and its end is told."""
    no_from(console, question(moment, nth))

    journal = run(orders(), console.settings)

    assert activities.done == done
    assert journal["status"] == "interrupted"
    assert block_of(journal)["safeguards"] == [FRIDAY]
    assert console.kinds[-1] == "journal"
    assert console.events[-1] == "experiment-finished"


def test_a_stopped_run_is_not_asked_about_again(console: StubConsole) -> None:
    """The decision is made; what the host still calls while it ends asks nothing."""
    no_from(console, question("starting-activity", 2))

    run(orders(), console.settings)

    assert console.kinds.count("policies") == question("starting-activity", 2)


def test_the_rollbacks_of_a_stopped_run_are_played_when_asked_for(console: StubConsole) -> None:
    """The stop switch does not stop what repairs."""
    no_from(console, question("starting-method"))

    journal = run(orders(), console.settings | ALWAYS)

    assert activities.done == ["keep the orders", "bring the broker back"]
    assert journal["status"] == "interrupted"


@pytest.mark.parametrize("moment", ["starting-rollback", "rollback-finished"])
def test_a_no_during_rollbacks_is_noted_and_stops_nothing(
    console: StubConsole, caplog: pytest.LogCaptureFixture, moment: str
) -> None:
    """Half a rollback would be worse than the rest of one."""
    no_from(console, question(moment))

    journal = run(orders(), console.settings)

    assert activities.done[-1] == "bring the broker back"
    assert journal["status"] == "completed"
    assert block_of(journal)["safeguards"] is None
    assert block_of(journal)["safeguards_during_rollbacks"] == [FRIDAY]
    assert len(about_safeguards(caplog)) == 1


def test_a_no_to_a_background_activity_stops_the_run(console: StubConsole) -> None:
    """The host swallows what is raised in its thread; the run's next hook stops it."""
    experiment = orders()
    experiment["method"] = [
        activity("do", name="watch") | {"background": True},
        activity("do", name="lose the broker") | {"pauses": {"after": 0.2}},
        activity("do", name="lose another"),
    ]
    no_from(console, question("starting-method") + 1)

    journal = run(experiment, console.settings)

    assert "lose another" not in activities.done
    assert journal["status"] == "interrupted"
    assert block_of(journal)["safeguards"] == [FRIDAY]


def test_a_no_to_the_continuous_hypothesis_stops_the_run(console: StubConsole) -> None:
    """It is sampled in a thread of its own."""
    experiment = orders()
    experiment["method"] = [activity("do", name=f"lose broker {n}") for n in range(40)]
    no_from(console, question("starting-method") + 4)

    journal = run(
        experiment,
        console.settings,
        strategy=Strategy.CONTINUOUS,
        schedule=Schedule(continuous_hypothesis_frequency=0.01),
    )

    assert journal["status"] == "interrupted"
    assert "lose broker 39" not in activities.done


@pytest.mark.parametrize("status", [401, 404, 500, 503])
def test_without_an_answer_the_run_goes_on_and_says_so(
    console: StubConsole, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """One warning when contact is lost; the journal keeps the gap, which never ended."""
    console.answer = lambda kind, request: (status, None) if kind == "policies" else None

    journal = run(orders(), console.settings)

    assert journal["status"] == "completed"
    assert len(about_safeguards(caplog)) == 1
    [gap] = block_of(journal)["safeguards_without_answer"]
    assert str(status) in gap["reason"]
    assert gap["until"] is None


def test_a_gap_in_the_middle_is_said_at_both_ends(
    console: StubConsole, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost with the method's first activity, back with the rollbacks."""
    lost_for = question("starting-rollback") - question("starting-method")
    answering(console, *[YES] * (question("starting-method") - 1), *[AWAY] * lost_for, YES)

    journal = run(orders(), console.settings)

    lost, back = about_safeguards(caplog)
    assert "could not be asked" in lost
    assert "answer again" in back
    [gap] = block_of(journal)["safeguards_without_answer"]
    assert gap["until"] is not None


def test_a_no_after_a_gap_counts(console: StubConsole) -> None:
    """Who comes back may say no."""
    answering(console, *[AWAY] * (question("starting-method") - 1), NO)

    journal = run(orders(), console.settings)

    assert journal["status"] == "interrupted"
    assert activities.done == ["keep the orders"]


def test_no_action_starts_after_a_no_in_many_runs(console: StubConsole) -> None:
    """Whatever the timing: a refused start is a start of nothing."""
    no_from(console, 1)

    statuses: list[Any] = [run(orders(), console.settings)["status"] for _ in range(200)]

    assert statuses == ["interrupted"] * 200
    assert activities.done == []
