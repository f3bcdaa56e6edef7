"""Ctrl-C and signals that arrive while the control speaks to the console."""

import copy
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.plugin import activities
from tests.plugin.loopback import Seen
from tests.plugin.runs import activity, block_of, orders, run
from tests.plugin.stub_console import Answer, StubConsole, serving

pytestmark = [pytest.mark.loopback, pytest.mark.usefixtures("in_step")]

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


@pytest.fixture(autouse=True)
def nothing_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees what another did, nor waits long for a console that hangs."""
    activities.done.clear()
    monkeypatch.setenv("CHAOSIQ_FLUSH_TIMEOUT", "0.5")


def stopping(console: StubConsole, number: int, kind: str, event_type: str = "") -> None:
    """Have the signal arrive, once, while the control waits for the answer to such a request."""
    sent: list[int] = []

    def answer(item: str, entries: Seen) -> Answer | None:
        expected = item == kind and (not event_type or console.events[-1] == event_type)
        if not expected or sent:
            return None
        sent.append(number)
        os.kill(os.getpid(), number)
        return console.hang() if kind != "event" else None

    console.answer = answer


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("kind", ["experiment", "execution"])
def test_a_stop_during_the_start_stops_the_run(
    console: StubConsole, number: int, kind: str
) -> None:
    """The host would lose the journal over it, or the stop: it comes through a moment later."""
    stopping(console, number, kind)

    journal = run(orders(), console.settings)

    assert journal["status"] == "interrupted"
    assert activities.done == []
    assert block_of(journal)["pending"]["records"] > 0


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("event_type", ["starting-experiment", "starting-activity"])
def test_a_stop_during_a_hook_stops_the_run(
    console: StubConsole, number: int, event_type: str
) -> None:
    """As it would between two activities; the end is told."""
    stopping(console, number, "event", event_type)

    journal = run(orders(), console.settings)

    assert journal["status"] == "interrupted"
    assert activities.done == []
    assert console.kinds[-1] == "journal"
    assert console.bodies("journal")[0]["journal"]["status"] == "interrupted"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_stop_between_the_method_s_start_and_its_first_activity_is_not_lost(
    console: StubConsole, number: int
) -> None:
    """There the host swallows what a run event handler raises."""
    stopping(console, number, "event", "starting-method")

    journal = run(orders(), console.settings)

    assert journal["status"] == "interrupted"
    assert activities.done == ["keep the orders"]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_stop_as_the_rollbacks_start_does_not_lose_the_journal(
    console: StubConsole, number: int
) -> None:
    """An exception from the handler would leave the host without writing it."""
    stopping(console, number, "event", "starting-rollback")

    journal = run(orders(), console.settings)

    assert journal["status"] == "interrupted"
    assert "bring the broker back" not in activities.done


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("kind", ["event", "journal"])
def test_a_stop_at_the_end_does_not_lose_the_journal(
    console: StubConsole, number: int, kind: str
) -> None:
    """The experiment is over: only our sending is cut short."""
    stopping(console, number, kind, "experiment-finished")

    journal = run(orders(), console.settings)

    assert journal["status"] == "completed"
    assert block_of(journal)["execution_id"] == "monday"


@pytest.mark.parametrize("func", ["press_ctrl_c", "terminate"])
def test_a_stop_during_an_activity_is_told(console: StubConsole, func: str) -> None:
    """It ends as it would without us (hosts differ in what they make of SIGTERM), and is told."""
    experiment = orders()
    experiment["method"] = [activity(func), activity("do", name="lose the broker")]
    plain = run(copy.deepcopy(experiment), {})

    journal = run(experiment, console.settings)

    assert journal["status"] == plain["status"]
    assert console.events.count("method-finished") == 1
    assert console.bodies("journal")[0]["journal"]["status"] == plain["status"]


def test_a_stopped_start_leaves_nothing_for_the_next_run(console: StubConsole) -> None:
    """The stop that was held back belongs to its own run."""
    stopping(console, signal.SIGTERM, "journal", "experiment-finished")

    journals: list[Any] = [run(orders(), console.settings) for _ in range(2)]

    assert [journal["status"] for journal in journals] == ["completed", "completed"]
