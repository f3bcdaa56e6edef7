"""Interrupts the run's own thread in the midst of what it does, where the platform can.

The host leaves a run when SIGUSR1 arrives (`chaoslib.exit`): whatever the main thread does, an
activity above all, ends with `SystemExit(20)`. But the signal may arrive anywhere: while one of our
hooks holds a lock or writes a file, while rollbacks are played, or where the host would lose the
journal over it. So the signal passes through here first, on the main thread itself, where it can be
seen what that thread is doing. What is not let through is tried again a moment later, and the next
control raises it in any case.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from chaoslib.exceptions import ExperimentExitedException, InterruptExecution
from chaoslib.exit import exit_gracefully

__all__ = ["Brake", "is_leaving", "may_be_interrupted"]

AGAIN = 0.05  # seconds until a signal that was not let through is sent again

LEAVING = (InterruptExecution, ExperimentExitedException, KeyboardInterrupt, SystemExit)
"""What ends a run on its way through the host."""

# The parts of a run around which the host handles its exit signals, and our waits within them.
INTERRUPTIBLE = {
    ("chaoslib.run", "run_gate_hypothesis"),
    ("chaoslib.run", "run_method"),
    ("chaoslib.run", "run_deviation_validation_hypothesis"),
    ("chaoscloud.verify.phases", "around"),
}

# Rooms that must not be left half-way. Waits of a verification and probes may.
OURS = ("chaoscloud.api", "chaoscloud.controls", "chaoscloud.delivery", "chaoscloud.safeguards")


def is_leaving() -> bool:
    """Whether this thread is on its way out of the run already."""
    return isinstance(sys.exc_info()[1], LEAVING)


def may_be_interrupted(frame: FrameType | None) -> bool:
    """Whether the host ends the run well if the thread is interrupted in this frame."""
    interruptible = False
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(OURS):
            return False
        interruptible = interruptible or (module, frame.f_code.co_name) in INTERRUPTIBLE
        frame = frame.f_back
    return interruptible


class Brake:
    """The exit signal of one run, sent and received.

    `is_wanted` says whether the run is to be interrupted and has not been; `interrupting` is called
    on the run's thread as it is; `is_used` says whether it was. Neither may take a lock.
    """

    def __init__(
        self,
        is_wanted: Callable[[], bool],
        is_used: Callable[[], bool],
        interrupting: Callable[[], None],
    ) -> None:
        self._is_wanted = is_wanted
        self._is_used = is_used
        self._interrupting = interrupting
        self._before: Callable[..., Any] | None = None
        self._fitted = False
        self._pressed = False
        self._lock = threading.Lock()

    @property
    def works(self) -> bool:
        """Whether a run can be interrupted in the midst of an activity."""
        return self._fitted

    def fit(self) -> None:
        """Stand before the host's handler, where there is one and we are on the main thread."""
        if not hasattr(signal, "SIGUSR1"):
            return
        if threading.current_thread() is not threading.main_thread():
            return
        before = signal.getsignal(signal.SIGUSR1)
        if callable(before):
            self._before, self._fitted = before, True
            signal.signal(signal.SIGUSR1, self._arrived)

    def press(self) -> None:
        """Have the run interrupted, from any thread but its own."""
        if self.works:
            self._pressed = True
            threading.Thread(target=self._press, name="brake", daemon=True).start()

    def release(self) -> None:
        """Send nothing any more, and step back. Without a handler a signal would end the process.

        On the run's thread.
        """
        with self._lock:
            fitted, self._fitted = self._fitted, False
        # Bound methods are made anew each time they are looked up: equal, never the same.
        if fitted and signal.getsignal(signal.SIGUSR1) == self._arrived:
            signal.signal(signal.SIGUSR1, self._before)

    def _press(self) -> None:
        while self._sent():
            time.sleep(AGAIN)

    def _sent(self) -> bool:
        with self._lock:
            if not (self.works and self._is_wanted()):
                return False
            exit_gracefully()
            return True

    def _arrived(self, signum: int, frame: FrameType | None) -> None:
        """Let the signal through, hold it back, or know that it has done its work."""
        if not (self._pressed or self._is_used()):
            if self._before is not None:
                self._before(signum, frame)  # somebody else's
        elif self._is_wanted() and not is_leaving() and may_be_interrupted(frame):
            self._interrupting()
            if self._before is not None:
                self._before(signum, frame)
