"""The phases around the method: warm up, hold the conditions, cool down, then stop sampling."""

import signal
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol

from chaoslib.exceptions import InterruptExecution
from chaoslib.exit import exit_gracefully

from chaoscloud.types import Journal
from chaoscloud.verify.plan import Plan
from chaoscloud.verify.sampling import Clock, Sampler

__all__ = ["Phases", "Progress"]

TICK = 0.2  # seconds between two looks at the run, and between two signs of life
OVER = ("failed", "interrupted", "aborted")  # what the host no longer goes on from

Runs = list[dict[str, Any]]


class Progress(Protocol):
    """Shows people where a wait is. See `chaoscloud.verify.progress`."""

    def begin(self, phase: str, seconds: float) -> None:
        """A wait of `seconds` begins."""

    def show(self, phase: str, left: float, journal: Journal) -> None:
        """There are `left` seconds to go; the journal holds the samples so far."""

    def end(self) -> None:
        """The wait is over."""


class Cooldown(Protocol):
    """Who is told of the cool-down: the host's event registry, which never tells it itself."""

    def start_cooldown(self, duration: float) -> None:
        """It begins, and takes `duration` seconds."""

    def cooldown_completed(self) -> None:
        """It is over."""


def stop_activity() -> None:
    """Interrupt the main thread in the midst of an activity, where the platform can."""
    if hasattr(signal, "SIGUSR1"):
        exit_gracefully()


class Phases:
    """Plays a method within its phases, on the run's own thread.

    Here a wait can be interrupted: the host swallows what is raised in an event handler, but not
    what is raised around its method. `clock` gives seconds; `wait` waits for some, or until the
    event it is given is set; `stop_activity` interrupts the main thread.
    """

    def __init__(
        self,
        plan: Plan,
        sampler: Sampler,
        progress: Progress,
        clock: Clock = monotonic,
        wait: Callable[[threading.Event, float], object] = threading.Event.wait,
        stop_activity: Callable[[], None] = stop_activity,
    ) -> None:
        self._plan = plan
        self._sampler = sampler
        self._progress = progress
        self._clock = clock
        self._wait = wait
        self._stop_activity = stop_activity
        self._interrupted = threading.Event()
        self._playing = False
        self._lock = threading.Lock()

    def interrupt(self) -> None:
        """End the wait or the activity under way, from any thread, and let nothing follow."""
        self._interrupted.set()
        with self._lock:
            # Under the lock: once the method is left, a signal would hit the rollbacks.
            if self._playing:
                self._playing = False
                self._stop_activity()

    def leave(self) -> None:
        """Nothing is played any more that `interrupt` should end."""
        with self._lock:
            self._playing = False

    def around(
        self, play: Callable[[], Runs | None], journal: Journal, cooldown: Cooldown
    ) -> Runs | None:
        """What `play`, the host's method, returns: its runs, or None when it could not be played.

        Raises `InterruptExecution` when the run was interrupted meanwhile, by a safeguard met in a
        sample for instance.
        """
        while not self._sampler.has_begun(TICK):
            self._check(journal)
        self._hold("Warm-up", self._plan.warm_up, journal)
        runs = self._play(play) if journal["status"] not in OVER else None
        self._check(journal)
        if runs is not None:
            self._hold("Conditions", self._plan.duration, journal)
            self._cool_down(journal, cooldown)
        self._sampler.stop()
        self._last_sample(journal)
        return runs

    def _play(self, play: Callable[[], Runs | None]) -> Runs | None:
        with self._lock:
            self._playing = not self._interrupted.is_set()
        try:
            return play() if self._playing else None
        finally:
            self.leave()

    def _cool_down(self, journal: Journal, cooldown: Cooldown) -> None:
        if self._plan.cool_down and journal["status"] not in OVER:
            cooldown.start_cooldown(self._plan.cool_down)
            self._hold("Cool-down", self._plan.cool_down, journal)
            cooldown.cooldown_completed()

    def _hold(self, phase: str, seconds: float, journal: Journal) -> None:
        if not seconds or journal["status"] in OVER:
            return
        ends = self._clock() + seconds
        self._progress.begin(phase, seconds)
        try:
            while (left := ends - self._clock()) > 0 and journal["status"] not in OVER:
                self._progress.show(phase, left, journal)
                self._wait(self._interrupted, min(left, TICK))
                self._check(journal)
        finally:
            self._progress.end()

    def _last_sample(self, journal: Journal) -> None:
        """Let the sample under way end: what comes after it must not overtake it."""
        while not self._sampler.is_done(TICK):
            self._check(journal)
        self._check(journal)

    def _check(self, journal: Journal) -> None:
        if self._interrupted.is_set() or journal["status"] == "interrupted":
            raise InterruptExecution("The verification was interrupted, no further phase follows")
