"""Sees Ctrl-C and SIGTERM before the host does, so that a run neither misses nor suffers from one.

For SIGTERM the host raises `InterruptExecution` wherever the main thread is. That is an
`Exception`, which `logging.Handler.emit`, the host's registry of run event handlers and the start
of controls swallow: a SIGTERM that arrives while the host logs "Action: …" is lost, and the
activity runs on (chaostoolkit-lib up to 1.45). In such a place the signal is held back, and sent
again a moment later. What an activity makes of it is the activity's, and the host's, business.

Once the experiment is over, either signal would end the host before it has written the journal.
From there on it only cuts our last wait short; the code of another control it interrupts as ever.
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from chaoscloud.safeguards.stop_signal import RETRY, RUNNER
from chaoscloud.types import Journal

__all__ = ["RunSignals"]

NAMES = ("SIGINT", "SIGTERM")
HOST = ("chaoslib", "chaostoolkit")

_SWALLOWING = ("initialize_global_controls", "initialize_controls")


class RunSignals:
    """The signals of one run, on the main thread from `install` to `remove`; elsewhere, none.

    `received` is the name of the first one that the host was given; `at_end` is set once one has
    arrived after the experiment.
    """

    def __init__(self) -> None:
        self.received: str | None = None
        self.at_end = threading.Event()
        self._is_caught = False
        self._previous: dict[int, Callable[..., Any]] = {}
        self._is_installed = False
        self._is_over = False
        self._lock = threading.Lock()

    def install(self) -> None:
        """Stand before the handlers in place."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._is_installed = True
        for number in (getattr(signal, name) for name in NAMES):
            handler = signal.getsignal(number)
            if callable(handler):
                self._previous[number] = handler
                signal.signal(number, self.handle)

    def remove(self) -> None:
        """Step back. A handler that others stand before stays, and passes everything on."""
        with self._lock:  # whoever is about to send again has done so, or sees that it must not
            was_installed, self._is_installed = self._is_installed, False
        if was_installed:
            for number, handler in self._previous.items():
                if signal.getsignal(number) == self.handle:
                    signal.signal(number, handler)

    @contextmanager
    def catching(self) -> Iterator[None]:
        """Let signals through: the block keeps what they raise for a control that may raise it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before, self._is_caught = self._is_caught, True
        try:
            yield
        finally:
            self._is_caught = before

    def end_run(self) -> None:
        """The experiment is over: nothing is left that a signal could stop."""
        self._is_over = True

    def name_in(self, journal: Journal) -> None:
        """Write into the journal which signal interrupted the run, as chaostoolkit 1.21 does."""
        if self.received is not None and journal.get("status") == "interrupted":
            reason = f"received {self.received}"
            interruption = {"kind": "signal", "name": self.received, "reason": reason}
            journal.setdefault("interruption", interruption)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Let a signal through, or hold it back."""
        calls = [*_calls_of_run(frame)]
        if self._is_installed and self._is_over and calls and not _is_elsewhere(calls):
            self.at_end.set()
        elif self._is_installed and number == signal.SIGTERM and self._is_swallowed(calls):
            thread = threading.Timer(RETRY, self._send_again, [number])
            thread.daemon = True
            thread.start()
        else:
            self.received = self.received or signal.Signals(number).name
            self._previous[number](number, frame)

    def _is_swallowed(self, calls: list[tuple[str, str]]) -> bool:
        """Whether an `InterruptExecution` that is raised here would not reach the run."""
        for module, function in calls:
            if module.partition(".")[0] == "logging":
                return True
            is_of_registry = module == RUNNER[0] and function.startswith("EventHandlerRegistry.")
            if is_of_registry or (module == "chaoslib.control" and function in _SWALLOWING):
                return not self._is_caught
        return False

    def _send_again(self, number: int) -> None:
        with self._lock:
            if self._is_installed and signal.getsignal(number) == self.handle:
                _send_to_main_thread(number)


def _send_to_main_thread(number: int) -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:  # on Windows `os.kill` would end the process
        signal.raise_signal(number)


def _calls_of_run(frame: FrameType | None) -> Iterator[tuple[str, str]]:
    """Module and function of each call within the innermost run, the last one first."""
    calls: list[tuple[str, str]] = []
    while frame is not None:
        call = (str(frame.f_globals.get("__name__", "")), frame.f_code.co_qualname)
        if call[0] == RUNNER[0] and frame.f_code.co_name == RUNNER[1]:
            yield from calls
            return
        calls.append(call)
        frame = frame.f_back


def _is_elsewhere(calls: list[tuple[str, str]]) -> bool:
    """Whether neither the host nor the plugin is at work, but something that the host called."""
    for module, _ in reversed(calls):
        package = module.partition(".")[0]
        if package in ("chaoscloud", "logging"):
            return False
        if package not in HOST and package not in sys.stdlib_module_names:
            return True
    return False
