"""What happens when in a run's phases, by a clock that is only a number."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from chaoslib.exceptions import InterruptExecution

from chaoscloud.types import Journal
from chaoscloud.verify.phases import TICK, Phases
from chaoscloud.verify.plan import Plan
from chaoscloud.verify.sampling import Sampler


class Run:
    """One run: its clock, its journal, and what happened in it at which second."""

    def __init__(self, plan: Plan, method: float = 0) -> None:
        self.now = 0.0
        self.story: list[tuple[float, str]] = []
        self.journal: Journal = {"status": None}
        self.at: dict[float, Callable[[], object]] = {}
        self.sampling = Sampling(self)
        self.stopped_activities = 0
        self._method = method
        self.phases = Phases(
            plan,
            self.sampling,
            self,
            clock=lambda: self.now,
            wait=self.wait,
            stop_activity=self.stop_activity,
        )

    def play(self) -> Any:
        """Play the method in its phases."""
        return self.phases.around(self.method, self.journal, self)

    def method(self) -> list[dict[str, Any]]:
        self.note("method starts")
        self.pass_time(self._method)
        self.note("method ends")
        return [{"status": "succeeded"}]

    def wait(self, event: threading.Event, seconds: float) -> None:
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        self.now = round(self.now + seconds, 6)
        for due in sorted(due for due in self.at if due <= self.now):
            self.at.pop(due)()

    def stop_activity(self) -> None:
        self.stopped_activities += 1

    def note(self, what: str) -> None:
        self.story.append((self.now, what))

    def begin(self, phase: str, seconds: float) -> None:
        self.note(f"{phase} begins")

    def show(self, phase: str, left: float, journal: Journal) -> None:
        self.left = left

    def end(self) -> None:
        self.note("wait ends")

    def start_cooldown(self, duration: float) -> None:
        self.note(f"told of a cool-down of {duration}")

    def cooldown_completed(self) -> None:
        self.note("told that it is over")


class Sampling(Sampler):
    """Samples nobody takes, whose last one may take its time."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self.last_sample_takes = 0.0

    def stop(self) -> None:
        self.run.note("sampling ends")

    def is_done(self, seconds: float) -> bool:
        if self.last_sample_takes <= 0:
            return True
        self.last_sample_takes -= seconds
        self.run.pass_time(seconds)
        return False


FULL = Plan("orders", frequency=1, warm_up=10, duration=300, cool_down=5.5)


def test_the_phases_come_in_their_order_and_take_their_time() -> None:
    """Warm up, apply the conditions, hold them, cool down, and only then stop sampling."""
    run = Run(FULL, method=20)

    runs = run.play()

    assert runs == [{"status": "succeeded"}]
    assert run.story == [
        (0, "Warm-up begins"),
        (10, "wait ends"),
        (10, "method starts"),
        (30, "method ends"),
        (30, "Conditions begins"),
        (330, "wait ends"),
        (330, "told of a cool-down of 5.5"),
        (330, "Cool-down begins"),
        (335.5, "wait ends"),
        (335.5, "told that it is over"),
        (335.5, "sampling ends"),
    ]


def test_phases_of_no_length_do_not_take_place() -> None:
    """A missing warm-up or cool-down is none, and nobody is told of one."""
    run = Run(Plan("orders", frequency=1, warm_up=0, duration=0, cool_down=0))

    run.play()

    assert [what for _, what in run.story] == ["method starts", "method ends", "sampling ends"]


def test_the_last_sample_ends_before_what_follows() -> None:
    """A sample under way when sampling stops is waited for: nothing of the run overtakes it."""
    run = Run(FULL)
    run.sampling.last_sample_takes = 2

    run.play()

    assert run.now == pytest.approx(315.5 + 2, abs=TICK)


@pytest.mark.parametrize("second", [0.1, 3, 9.9, 12, 100, 310.1, 313])
def test_an_interruption_ends_any_wait_within_a_tick(second: float) -> None:
    """A safeguard met in a sample ends warm-up, conditions or cool-down, and nothing follows."""
    run = Run(FULL)
    run.at[second] = run.phases.interrupt

    with pytest.raises(InterruptExecution):
        run.play()

    assert second <= run.now <= second + TICK
    assert run.story[-1][1] == "wait ends"


@pytest.mark.parametrize("second", [5, 100, 312])
def test_a_journal_marked_as_interrupted_ends_the_wait(second: float) -> None:
    """A signal whose exception was swallowed is still noticed."""
    run = Run(FULL)
    run.at[second] = lambda: run.journal.update(status="interrupted")

    with pytest.raises(InterruptExecution):
        run.play()

    assert run.now == pytest.approx(second, abs=TICK)


def test_an_interruption_during_the_warm_up_keeps_the_method_from_playing() -> None:
    """Nothing is done to a system in a run that was stopped before."""
    run = Run(FULL)
    run.at[10] = run.phases.interrupt

    with pytest.raises(InterruptExecution):
        run.play()

    assert "method starts" not in [what for _, what in run.story]


@pytest.mark.parametrize("status", ["failed", "aborted"])
def test_a_run_the_host_gave_up_waits_for_nothing(status: str) -> None:
    """When sampling failed fast, or broke, the phases that follow are left out."""
    run = Run(FULL)
    run.at[4] = lambda: run.journal.update(status=status)

    assert run.play() is None
    assert run.now == pytest.approx(4, abs=TICK)
    assert run.story[-1][1] == "sampling ends"


def test_a_method_that_could_not_be_played_is_followed_by_no_phase() -> None:
    """The host gives no runs for a method that broke."""
    run = Run(Plan("orders", frequency=1, warm_up=0, duration=300, cool_down=5))

    assert run.phases.around(lambda: None, run.journal, run) is None
    assert run.story == [(0, "sampling ends")]


def test_an_interruption_reaches_a_running_activity_once() -> None:
    """While the method plays, it is stopped where it stands."""
    run = Run(FULL, method=20)
    run.at[15] = run.phases.interrupt
    run.at[16] = run.phases.interrupt

    with pytest.raises(InterruptExecution):
        run.play()

    assert run.stopped_activities == 1


@pytest.mark.parametrize("second", [5, 100])
def test_no_activity_is_stopped_outside_of_the_method(second: float) -> None:
    """A signal that arrives late would end the rollbacks."""
    run = Run(FULL)
    run.at[second] = run.phases.interrupt

    with pytest.raises(InterruptExecution):
        run.play()
    run.phases.interrupt()

    assert run.stopped_activities == 0


def test_a_method_left_by_a_signal_is_not_stopped_again() -> None:
    """What a sample says after Ctrl-C must not reach the rollbacks."""
    run = Run(FULL, method=20)

    def interrupted_by_hand() -> None:
        raise KeyboardInterrupt

    run.at[15] = interrupted_by_hand
    with pytest.raises(KeyboardInterrupt):
        run.play()
    run.phases.interrupt()

    assert run.stopped_activities == 0


def test_a_progress_line_is_taken_away_when_a_wait_is_interrupted() -> None:
    """Ctrl-C leaves no half line on the terminal."""
    run = Run(FULL)

    def interrupted_by_hand() -> None:
        raise KeyboardInterrupt

    run.at[5] = interrupted_by_hand
    with pytest.raises(KeyboardInterrupt):
        run.play()

    assert run.story[-1] == (5, "wait ends")
