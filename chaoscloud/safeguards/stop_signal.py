"""Interrupts the run's own thread while an activity runs, where the platform can.

The host leaves a run when SIGUSR1 arrives (`chaoslib.exit`): whatever the main thread does, an
activity above all, ends with `SystemExit(20)`. But the signal may arrive anywhere: while one of our
hooks holds a lock or writes a file, while rollbacks run, or where the host would lose the journal
over it. So the signal passes through here first, on the main thread itself, where one can see what
that thread is doing. What is not let through is sent again a moment later.

An activity may take the signal for itself: an asyncio client that leaves the default handler (the
signal would end the process), `faulthandler`. So it is sent only while our handler, which leads to
the host's, is in place. Otherwise the run ends at its next control, which stops it in any case.
"""

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from chaoslib.exceptions import ExperimentExitedException, InterruptExecution
from chaoslib.exit import exit_gracefully

__all__ = ["StopSignal", "is_leaving", "may_be_interrupted"]

RETRY = 0.05  # seconds until the signal is sent again

LEAVING = (InterruptExecution, ExperimentExitedException, KeyboardInterrupt, SystemExit)
"""What ends a run on its way through the host."""

# The parts of a run around which the host handles its exit signals, and our waits within them.
INTERRUPTIBLE = {
    ("chaoslib.run", "run_gate_hypothesis"),
    ("chaoslib.run", "run_method"),
    ("chaoslib.run", "run_deviation_validation_hypothesis"),
    ("chaoscloud.verify.phases", "around"),
}
RUNNER = ("chaoslib.run", "_run")

# Rooms that must not be left half-way. Waits of a verification and probes may.
OURS = ("chaoscloud.api", "chaoscloud.controls", "chaoscloud.delivery", "chaoscloud.safeguards")

logger = logging.getLogger("chaostoolkit")


def is_leaving() -> bool:
    """Whether this thread is on its way out of the run already."""
    return isinstance(sys.exc_info()[1], LEAVING)


def may_be_interrupted(frame: FrameType | None) -> bool:
    """Whether the host ends the run well if the thread is interrupted in this frame.

    Of runs within runs the innermost counts: it is the one that the signal ends.
    """
    interruptible = False
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        place = (module, frame.f_code.co_name)
        if module.startswith(OURS):
            return False
        if place == RUNNER:
            return interruptible
        interruptible = interruptible or place in INTERRUPTIBLE
        frame = frame.f_back
    return False


class StopSignal:
    """The exit signal of one run.

    `is_wanted` says whether the run is to be interrupted and has not been; `note_interruption` is
    called on the run's thread as it is. Neither may take a lock.
    """

    def __init__(
        self, is_wanted: Callable[[], bool], note_interruption: Callable[[], None]
    ) -> None:
        self.is_wanted = is_wanted
        self.note_interruption = note_interruption
        self._is_replaced = False

    @property
    def is_installed(self) -> bool:
        """Whether a run can be interrupted while an activity runs."""
        return self in _handler.stop_signals

    def install(self) -> None:
        """Stand before the host's handler, where there is one and we are on the main thread."""
        _handler.add(self)

    def send(self) -> None:
        """Have the run interrupted, from any thread but its own."""
        if self.is_installed:
            threading.Thread(target=self._send, name="stop-signal", daemon=True).start()

    def remove(self) -> None:
        """Send nothing any more, and step back. On the run's thread."""
        _handler.remove(self)

    def _send(self) -> None:
        while self.is_installed and self.is_wanted():
            if not _handler.send(self):
                self._log_replacement()
            time.sleep(RETRY)

    def _log_replacement(self) -> None:
        if not self._is_replaced:
            self._is_replaced = True
            logger.warning(
                "A safeguard denies this run, and the running activity cannot be interrupted: it "
                "has replaced the handler of SIGUSR1. The run stops at its next step."
            )


class _Handler:
    """What gets SIGUSR1 instead of the host, for all runs of this process. Used by one instance.

    Runs may be nested, and one run may have several guards: with a handler for each, the end of one
    would take the handler of another away.
    """

    def __init__(self) -> None:
        self.stop_signals: tuple[StopSignal, ...] = ()
        self._host_handler: Callable[..., Any] | None = None
        self._c_function: int | None = None
        self._is_pending = False
        self._lock = threading.Lock()

    def add(self, stop_signal: StopSignal) -> None:
        """Take the place of the host's handler for this one as well."""
        if not hasattr(signal, "SIGUSR1"):
            return
        if threading.current_thread() is not threading.main_thread():
            return
        current = signal.getsignal(signal.SIGUSR1)
        if current == self.handle:
            self.stop_signals += (stop_signal,)
        elif _is_of_host(current):
            self._host_handler = current  # type: ignore[assignment]  # a function, as was checked
            signal.signal(signal.SIGUSR1, self.handle)
            self._c_function = _read_c_function()
            self._is_pending = False
            self.stop_signals += (stop_signal,)

    def remove(self, stop_signal: StopSignal) -> None:
        """Forget this one; after the last one the host's handler is back."""
        with self._lock:  # whoever is about to send has sent, or sees that it must not
            left = tuple(other for other in self.stop_signals if other is not stop_signal)
            was_last, self.stop_signals = bool(self.stop_signals) and not left, left
        if was_last and signal.getsignal(signal.SIGUSR1) == self.handle:
            signal.signal(signal.SIGUSR1, self._host_handler)

    def send(self, stop_signal: StopSignal) -> bool:
        """Send the signal, one at a time; False when our handler would not get it."""
        with self._lock:
            if stop_signal not in self.stop_signals:
                return True
            if not self._is_in_place():
                return False
            if not self._is_pending:
                self._is_pending = True
                exit_gracefully()
            return True

    def handle(self, signum: int, frame: FrameType | None) -> None:
        """Let the signal through to the host, or hold it back."""
        was_pending, self._is_pending = self._is_pending, False
        due = [stop_signal for stop_signal in self.stop_signals if stop_signal.is_wanted()]
        if due and not is_leaving() and may_be_interrupted(frame):
            for stop_signal in due:
                stop_signal.note_interruption()
            self._pass_on(signum, frame)
        elif not was_pending:
            self._pass_on(signum, frame)  # somebody else's

    def _pass_on(self, signum: int, frame: FrameType | None) -> None:
        if self._host_handler is not None:
            self._host_handler(signum, frame)

    def _is_in_place(self) -> bool:
        if signal.getsignal(signal.SIGUSR1) != self.handle:
            return False
        return self._c_function is None or _read_c_function() == self._c_function


_handler = _Handler()


def _is_of_host(handler: object) -> bool:
    return callable(handler) and getattr(handler, "__module__", None) == "chaoslib.exit"


def _read_c_function() -> int | None:
    """The address of what the system calls on SIGUSR1, or None where that cannot be read.

    `signal.getsignal` knows only what was set through `signal.signal`; `faulthandler` and other C
    code call `sigaction` themselves. Its structure starts with the function on Linux and macOS.
    """
    if os.name != "posix" or not sys.platform.startswith(("linux", "darwin")):
        return None
    try:
        action = ctypes.create_string_buffer(512)
        if ctypes.CDLL(None).sigaction(int(signal.SIGUSR1), None, action) != 0:
            return None
    except (AttributeError, OSError):
        return None
    return int.from_bytes(action.raw[: ctypes.sizeof(ctypes.c_void_p)], sys.byteorder)
