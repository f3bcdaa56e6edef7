"""The control in experiments that declare controls of their own, and in threads."""

from collections.abc import Iterator
from typing import Any

import pytest
from chaoslib.types import Schedule, Strategy

from tests.plugin import activities
from tests.plugin.loopback import Seen
from tests.plugin.runs import ONE_RUN, activity, block_of, orders, run
from tests.plugin.stub_console import Answer, StubConsole, serving

pytestmark = [pytest.mark.loopback, pytest.mark.usefixtures("in_step")]


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


@pytest.fixture
def experiment() -> dict[str, Any]:
    """An experiment with a control at its top level: the host then passes ours by in places."""
    control = {"type": "python", "module": "tests.plugin.activities"}
    return orders() | {"controls": [{"name": "timing", "provider": control}]}


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    """No test sees what another did."""
    activities.done.clear()


def test_no_event_is_lost_and_none_is_doubled(
    console: StubConsole, experiment: dict[str, Any]
) -> None:
    """The method's and the rollbacks' come by another way."""
    run(experiment, console.settings)

    assert console.events == ONE_RUN
    assert console.data("method-finished")[0]["state"][0]["status"] == "succeeded"
    assert console.data("rollback-finished")[0]["state"][0]["status"] == "succeeded"


@pytest.mark.parametrize("func", ["press_ctrl_c", "terminate"])
def test_the_end_of_an_interrupted_method_is_told_once(
    console: StubConsole, experiment: dict[str, Any], func: str
) -> None:
    """On a Ctrl-C the host tells nobody."""
    experiment["method"] = [activity(func)]

    run(experiment, console.settings)

    assert console.events.count("method-finished") == 1
    assert console.events[-1] == "experiment-finished"


def test_rollbacks_are_played_to_the_end_here_too(
    console: StubConsole, experiment: dict[str, Any]
) -> None:
    """A no that comes with the rollbacks' start does not interrupt their activities."""
    no: Answer = (200, {"allowed": False, "policies": [{"name": "Black Friday"}]})

    def answer(kind: str, entries: Seen) -> Answer | None:
        return no if kind == "policies" and "starting-rollback" in console.events else None

    console.answer = answer

    journal = run(experiment, console.settings)

    assert activities.done[-1] == "bring the broker back"
    assert journal["status"] == "completed"


def test_background_activities_share_the_connection_by_turns(
    console: StubConsole, experiment: dict[str, Any]
) -> None:
    """Eight threads at once: each event arrives whole, and once."""
    names = [f"lose broker {n}" for n in range(8)]
    experiment["method"] = [activity("do", name=n) | {"background": True} for n in names]

    journal = run(
        experiment,
        console.settings,
        strategy=Strategy.CONTINUOUS,
        schedule=Schedule(continuous_hypothesis_frequency=0.01),
    )

    content = [
        data["context"]["provider"]["arguments"]["name"]
        for data in console.data("activity-finished")
    ]
    assert sorted(set(content) & set(names)) == names
    assert [content.count(name) for name in names] == [1] * 8
    assert len(console.served.connections) <= 3  # two are for the safeguards
    assert "not_recorded" not in block_of(journal)


def test_the_control_may_be_declared_by_the_experiment(console: StubConsole) -> None:
    """Then the host hands it no settings but those that are loaded."""
    settings = console.settings
    provider = settings["controls"].pop("chaosiq-cloud")["provider"]
    experiment = orders() | {"controls": [{"name": "chaosiq-cloud", "provider": provider}]}

    journal = run(experiment, settings)

    assert console.events == ONE_RUN
    assert block_of(journal)["execution_id"] == "monday"
