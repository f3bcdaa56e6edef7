"""A no that arrives in the midst of something, through the host and its signals."""

import asyncio
import faulthandler
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from chaoslib.types import Schedule, Strategy

from chaoscloud.safeguards.stop_signal import RETRY, may_be_interrupted
from tests.plugin import activities
from tests.plugin.guarding import SENTENCE, Switch
from tests.plugin.runs import activity, block_of, orders, run
from tests.plugin.stub_console import StubConsole, serving

pytestmark = pytest.mark.loopback

LONG = 60.0  # seconds: a test that waits that long was not stopped
ALWAYS = {"runtime": {"rollbacks": {"strategy": "always"}}}


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


@pytest.fixture
def switch(console: StubConsole) -> Switch:
    """Its stop switch."""
    console.answer = switch = Switch(console)
    return switch


@pytest.fixture(autouse=True)
def nothing_done() -> Iterator[None]:
    """No test sees what another did, and the process keeps its handlers."""
    activities.done.clear()
    activities.moments.clear()
    before = signal.getsignal(signal.SIGUSR1)
    yield
    assert signal.getsignal(signal.SIGUSR1) == before


def sleepers(*names: str) -> dict[str, Any]:
    """An experiment whose method is these activities, each of which does what the test wants."""
    return orders() | {"method": [activity("live", name=name) for name in names]}


def stopped_in(name: str, switch: Switch) -> None:
    """Have the switch set once this activity has begun, which then goes on for ever."""

    def moment() -> None:
        threading.Timer(0.05, switch.stop).start()
        time.sleep(LONG)

    activities.moments[name] = moment


def test_a_running_activity_is_interrupted(
    console: StubConsole, switch: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    """Log, journal and console name the policies, and how long it took."""
    stopped_in("lose the broker", switch)

    journal = run(sleepers("lose the broker", "lose another"), console.settings)

    block = block_of(journal)
    assert journal["status"] == "interrupted"
    assert activities.done == ["keep the orders", "lose the broker"]
    assert SENTENCE in caplog.text
    assert block["safeguards"][0]["name"] == "Black Friday"
    assert 0 <= block["stop"]["latency"] < LONG / 2
    assert block["rollbacks_not_played"] == ["do"]
    assert console.events.count("safeguard-stop") == 1
    assert console.data("safeguard-stop")[0]["context"] == block["stop"]
    assert journal["interruption"] == {
        "kind": "safeguard",
        "name": "Black Friday",
        "reason": "Black Friday: nobody touches the shop",
    }


def test_a_pause_between_activities_is_interrupted(console: StubConsole, switch: Switch) -> None:
    """The host sleeps there on the run's own thread."""
    experiment = sleepers("lose the broker", "lose another")
    experiment["method"][0]["pauses"] = {"after": LONG}
    activities.moments["lose the broker"] = lambda: threading.Timer(0.2, switch.stop).start()

    journal = run(experiment, console.settings)

    assert journal["status"] == "interrupted"
    assert "lose another" not in activities.done


def test_the_pause_after_an_interrupted_activity_is_not_waited_for(
    console: StubConsole, switch: Switch
) -> None:
    """The host would play it on the way out."""
    experiment = sleepers("lose the broker")
    experiment["method"][0]["pauses"] = {"after": LONG}
    stopped_in("lose the broker", switch)

    journal = run(experiment, console.settings)

    assert journal["status"] == "interrupted"
    assert journal["duration"] < LONG


def test_a_probe_of_the_hypothesis_is_interrupted(console: StubConsole, switch: Switch) -> None:
    """Before the method, too."""
    experiment = sleepers("lose the broker")
    experiment["steady-state-hypothesis"]["probes"] = [
        activity("live", "probe", name="look") | {"tolerance": "look is done"}
    ]
    stopped_in("look", switch)

    journal = run(experiment, console.settings)

    assert journal["status"] == "interrupted"
    assert activities.done == ["look"]


def test_an_activity_that_swallows_the_signal_is_the_last(
    console: StubConsole, switch: Switch
) -> None:
    """The next control stops the run."""

    def stubborn() -> None:
        threading.Timer(0.05, switch.stop).start()
        try:
            time.sleep(LONG)
        except BaseException:  # noqa: BLE001 - activities do such things
            activities.done.append("swallowed")

    activities.moments["lose the broker"] = stubborn

    journal = run(sleepers("lose the broker", "lose another"), console.settings)

    assert activities.done == ["keep the orders", "lose the broker", "swallowed"]
    assert journal["status"] == "interrupted"


def test_rollbacks_are_not_interrupted(console: StubConsole, switch: Switch) -> None:
    """A no that comes while they are played is noted."""
    experiment = orders() | {"rollbacks": [activity("live", name="bring the broker back")]}

    def moment() -> None:
        switch.stop()
        questions = switch.asked
        ends = time.monotonic() + LONG
        while switch.asked == questions and time.monotonic() < ends:
            time.sleep(0.01)
            if "too late" in activities.done:
                return
            if not any(t.name == "safeguards" for t in threading.enumerate()):
                activities.done.append("too late")  # the watch has heard, and ended

    activities.moments["bring the broker back"] = moment

    journal = run(experiment, console.settings)

    assert journal["status"] == "completed"
    assert journal["rollbacks"][0]["status"] == "succeeded"
    assert block_of(journal)["safeguards"] is None
    assert block_of(journal)["safeguards_during_rollbacks"][0]["name"] == "Black Friday"


def test_the_rollbacks_after_a_stop_are_played_to_the_end(
    console: StubConsole, switch: Switch
) -> None:
    """With the strategy that wants them; a second interruption would kill them."""
    experiment = sleepers("lose the broker")
    experiment["rollbacks"] = [activity("live", name="bring it back") for _ in range(2)]
    activities.moments["bring it back"] = lambda: time.sleep(0.2)
    stopped_in("lose the broker", switch)

    journal = run(experiment, console.settings | ALWAYS)

    assert journal["status"] == "interrupted"
    assert [entry["status"] for entry in journal["rollbacks"]] == ["succeeded"] * 2
    assert "rollbacks_not_played" not in block_of(journal)


def test_a_background_activity_does_not_keep_the_run_from_being_stopped(
    console: StubConsole, switch: Switch
) -> None:
    """The one in the foreground is interrupted; the host waits for the other."""
    experiment = sleepers("watch the queue", "lose the broker", "lose another")
    experiment["method"][0]["background"] = True
    release = threading.Event()
    activities.moments["watch the queue"] = lambda: release.wait(LONG)

    def moment() -> None:
        threading.Timer(0.05, switch.stop).start()
        try:
            time.sleep(LONG)
        finally:
            release.set()

    activities.moments["lose the broker"] = moment

    journal = run(experiment, console.settings)

    assert journal["status"] == "interrupted"
    assert "lose another" not in activities.done


def test_the_method_under_a_continuous_hypothesis_is_interrupted(
    console: StubConsole, switch: Switch
) -> None:
    """Sampling in another thread goes on meanwhile, and ends with the run."""
    stopped_in("lose the broker", switch)

    journal = run(
        sleepers("lose the broker"),
        console.settings,
        strategy=Strategy.CONTINUOUS,
        schedule=Schedule(continuous_hypothesis_frequency=0.05),
    )

    assert journal["status"] == "interrupted"
    assert block_of(journal)["stop"]["latency"] is not None


def test_a_console_that_does_not_keep_questions_is_asked_again_and_again(
    console: StubConsole,
) -> None:
    """A running activity is interrupted all the same, about a second later."""
    console.answer = switch = Switch(console, pushes=False)
    stopped_in("lose the broker", switch)

    journal = run(sleepers("lose the broker"), console.settings)

    assert journal["status"] == "interrupted"
    assert block_of(journal)["stop"]["latency"] < LONG / 2


NOT_INTERRUPTED = "the running activity cannot be interrupted"


def take_signal_over(take: Callable[[], object], switch: Switch) -> Callable[[], None]:
    """An activity that takes SIGUSR1 for itself, is stopped meanwhile, and ends by itself."""

    def moment() -> None:
        take()
        switch.stop()
        ends = time.monotonic() + LONG
        while (
            any(t.name == "safeguards" for t in threading.enumerate()) and time.monotonic() < ends
        ):
            time.sleep(0.01)  # until the watch has heard
        time.sleep(4 * RETRY)  # a signal that is to come would have come

    return moment


def test_a_signal_that_would_end_the_process_is_not_sent(
    console: StubConsole, switch: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    """An asyncio client puts the default handler back; the next control stops the run."""

    def leave_default() -> None:
        loop = asyncio.new_event_loop()
        loop.add_signal_handler(signal.SIGUSR1, lambda: None)
        loop.remove_signal_handler(signal.SIGUSR1)
        loop.close()

    activities.moments["lose the broker"] = take_signal_over(leave_default, switch)

    journal = run(sleepers("lose the broker", "lose another"), console.settings)

    assert journal["status"] == "interrupted"
    assert activities.done == ["keep the orders", "lose the broker"]
    assert journal["run"][0]["status"] == "succeeded"
    assert caplog.text.count(NOT_INTERRUPTED) == 1


def test_a_signal_that_c_code_has_taken_is_not_sent(
    console: StubConsole, switch: Switch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """`faulthandler` would write where all threads are, again and again."""
    with (tmp_path / "dump").open("w") as dump:
        take = partial(faulthandler.register, signal.SIGUSR1, file=dump)
        activities.moments["lose the broker"] = take_signal_over(take, switch)

        try:
            journal = run(sleepers("lose the broker", "lose another"), console.settings)
        finally:
            faulthandler.unregister(signal.SIGUSR1)

    assert (tmp_path / "dump").read_text() == ""
    assert journal["status"] == "interrupted"
    assert "lose another" not in activities.done
    assert NOT_INTERRUPTED in caplog.text


def test_somebody_else_s_signal_is_the_host_s(console: StubConsole, switch: Switch) -> None:
    """`kill -USR1` ends the run as it always did, and no safeguard is blamed."""
    activities.moments["lose the broker"] = lambda: os.kill(os.getpid(), signal.SIGUSR1)

    journal = run(sleepers("lose the broker"), console.settings)

    assert journal["status"] == "interrupted"
    assert block_of(journal)["safeguards"] is None
    assert "stop" not in block_of(journal)


def test_ctrl_c_and_a_stop_at_once_leave_a_journal(console: StubConsole, switch: Switch) -> None:
    """Two interruptions of one activity are one end."""

    def moment() -> None:
        switch.stop()
        signal.raise_signal(signal.SIGINT)
        time.sleep(LONG)

    activities.moments["lose the broker"] = moment

    journal = run(sleepers("lose the broker"), console.settings)

    assert journal["status"] == "interrupted"
    assert journal["end"]


def test_many_stops_at_any_moment_leave_a_journal_and_no_thread(
    console: StubConsole, switch: Switch
) -> None:
    """Whatever the run is doing as the no arrives: hooks, activities, rollbacks or its end."""
    statuses = set()
    for n in range(40):
        switch.resume()
        timer = threading.Timer(0.0015 * n, switch.stop)
        activities.moments["start the clock"] = timer.start
        experiment = sleepers("start the clock", *["lose a broker"] * 5)
        activities.moments["lose a broker"] = lambda: time.sleep(0.001)
        journal = run(experiment, console.settings | ALWAYS)
        timer.join()
        statuses.add(journal["status"])
        assert journal["end"]
        assert [entry["status"] for entry in journal["rollbacks"]] == ["succeeded"]

    assert statuses <= {"interrupted", "completed"}
    ours = [t for t in threading.enumerate() if t.name in ("safeguards", "stop-signal")]
    for thread in ours:
        thread.join(LONG)
    assert not [thread for thread in ours if thread.is_alive()]


def test_nothing_outside_of_a_run_may_be_interrupted() -> None:
    """The host would lose the journal over it."""
    assert may_be_interrupted(None) is False
