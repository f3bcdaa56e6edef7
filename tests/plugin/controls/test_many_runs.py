"""More than one run, or more than one control for a run: each is guarded, and none ends another."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from chaoslib.experiment import run_experiment

from chaoscloud import controls
from tests.plugin import activities
from tests.plugin.guarding import AT_EACH_HOOK, NO, SENTENCE, Switch, answering, use_timing
from tests.plugin.runs import ONE_RUN, activity, block_of, orders, run
from tests.plugin.stub_console import StubConsole, serving

pytestmark = pytest.mark.loopback

LONG = 60.0  # seconds: what waits that long was not stopped


@pytest.fixture
def open_console() -> Iterator[Callable[[], StubConsole]]:
    """Opens consoles that are well."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(serving())


@pytest.fixture(autouse=True)
def nothing_done() -> Iterator[None]:
    """No test sees what another did, and none leaves a watch behind."""
    activities.done.clear()
    activities.moments.clear()
    yield
    watches = [thread for thread in threading.enumerate() if thread.name == "safeguards"]
    for thread in watches:
        thread.join(LONG)
    assert not any(thread.is_alive() for thread in watches)


def nest_in_experiment(experiment: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """An experiment whose first activity runs another one, with the same controls."""

    def moment() -> None:
        journals.append(run_experiment(experiment, settings=settings))

    journals: list[dict[str, Any]] = []
    activities.moments["run another"] = moment
    method = [activity("live", name="run another"), activity("live", name="lose the broker")]
    return orders() | {"title": "Outer", "method": method, "extensions": [{"name": "x"}]}


def test_a_run_is_guarded_after_one_that_it_holds(
    open_console: Callable[[], StubConsole], caplog: pytest.LogCaptureFixture
) -> None:
    """The end of the inner run takes the outer one's controls away, and not its guard."""
    console = open_console()
    console.answer = switch = Switch(console)

    def moment() -> None:
        threading.Timer(0.05, switch.stop).start()
        time.sleep(LONG)

    activities.moments["lose the broker"] = moment

    journal = run(nest_in_experiment(orders(), console.settings), console.settings)

    assert journal["status"] == "interrupted"
    assert activities.done == [
        *["keep the orders", "run another"],
        *["keep the orders", "lose the broker", "keep the orders", "bring the broker back"],
        "lose the broker",
    ]
    assert SENTENCE in caplog.text


def test_a_stop_between_two_activities_reaches_a_run_that_has_lost_its_controls(
    open_console: Callable[[], StubConsole],
) -> None:
    """Its run event handler stops it where no control does."""
    console = open_console()
    console.answer = switch = Switch(console)
    experiment = nest_in_experiment(orders(), console.settings)
    inner = activities.moments["run another"]

    def moment() -> None:
        inner()
        switch.stop()
        ends = time.monotonic() + LONG
        while (
            any(t.name == "safeguards" for t in threading.enumerate()) and time.monotonic() < ends
        ):
            pass  # the watch has heard; the activity swallows what interrupts it

    def stubborn() -> None:
        try:
            moment()
        except BaseException:  # noqa: BLE001 - activities do such things
            activities.done.append("swallowed")

    activities.moments["run another"] = stubborn

    journal = run(experiment, console.settings)

    assert journal["status"] == "interrupted"
    assert activities.done.count("lose the broker") == 1  # of the inner run


def test_a_stop_of_the_inner_run_is_not_one_of_the_outer(
    open_console: Callable[[], StubConsole],
) -> None:
    """Each asks for itself, at its own console."""
    outer, inner = open_console(), open_console()
    answering(inner, NO)
    journals: list[Any] = []
    experiment = nest_in_experiment(orders(), outer.settings)

    def moment() -> None:
        journals.append(run(orders(), inner.settings))

    activities.moments["run another"] = moment

    journal = run(experiment, outer.settings)

    assert [inner_journal["status"] for inner_journal in journals] == ["interrupted"]
    assert journal["status"] == "completed"
    assert "lose the broker" in activities.done


def own_control(console: StubConsole, name: str = "chaosiq-cloud") -> dict[str, Any]:
    """Our control, as it may stand in an experiment."""
    return {"name": name, **console.settings["controls"]["chaosiq-cloud"]}


@pytest.mark.parametrize("who", ["settings", "experiment"])
def test_a_control_in_the_settings_and_one_in_the_experiment_ask_for_themselves(
    open_console: Callable[[], StubConsole], who: str
) -> None:
    """Two consoles guard the run: a no of either stops it, and both have its record."""
    of_settings, of_experiment = open_console(), open_console()
    answering(of_settings if who == "settings" else of_experiment, NO)
    experiment = orders() | {"controls": [own_control(of_experiment, "another console")]}
    settings = of_settings.settings
    settings["auths"] |= of_experiment.settings["auths"]

    journal = run(experiment, settings)

    assert journal["status"] == "interrupted"
    assert activities.done == []
    assert "policies" in of_settings.kinds or who == "experiment"
    assert {"experiment", "execution"} <= set(of_settings.kinds) & set(of_experiment.kinds)


@pytest.mark.parametrize("name", ["chaosiq-cloud", "a copy"])
@pytest.mark.usefixtures("in_step")
def test_the_same_control_in_both_places_records_and_guards_one_run(
    open_console: Callable[[], StubConsole], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Nothing is recorded twice; the first control's end does not end the guard."""
    use_timing(monkeypatch, AT_EACH_HOOK)
    console = open_console()
    experiment = orders() | {"controls": [own_control(console, name)]}

    journal = run(experiment, console.settings)

    assert journal["status"] == "completed"
    assert console.kinds.count("execution") == 1
    assert console.events == ONE_RUN
    assert block_of(journal)["execution_id"] == "monday"


def test_a_hook_acts_for_the_ids_that_it_is_called_with(
    open_console: Callable[[], StubConsole],
) -> None:
    """Somebody's own program calls it for another execution than the one under way."""
    console = open_console()
    settings = console.settings
    arguments = settings["controls"]["chaosiq-cloud"]["provider"]["arguments"]
    experiment = orders()
    other = [{"name": "chaosiq", "experiment_id": "pay", "execution_id": "tuesday"}]
    controls.configure_control(experiment, settings, **arguments)

    for extensions in (experiment["extensions"], other):
        controls.before_activity_control(
            {"name": "x"}, settings=settings, extensions=extensions, **arguments
        )
    controls.cleanup_control()

    paths = {request.path.partition("experiments/")[2] for request in console.served.seen}
    assert "orders/executions/monday/events" in paths
    assert {"pay/executions/tuesday/events", "pay/executions/tuesday/policies"} <= paths
