"""What could not be recorded or sent: a reason in words, and never the experiment's trouble."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chaoslib.exceptions import ExperimentExitedException, InterruptExecution

__all__ = ["NotRecorded", "best_effort", "deferred_signals"]

logger = logging.getLogger("chaostoolkit")

ENDING = ("SIGTERM", "SIGHUP")
SIGNALS = (*ENDING, "SIGINT", "SIGUSR1", "SIGUSR2", "SIGBREAK")


class NotRecorded(Exception):
    """Something is not in the record; the message is the reason, a phrase for people."""


@contextmanager
def best_effort(*expected: type[Exception]) -> Iterator[None]:
    """The policy on our own mistakes: whatever goes wrong inside comes out as `NotRecorded`.

    What is `expected` passes, and what the host raises on purpose: signals arrive as exceptions
    wherever we are, and swallowing one would keep an experiment running that somebody stopped.
    """
    try:
        yield
    except (NotRecorded, InterruptExecution, ExperimentExitedException, *expected):
        raise
    except Exception as x:
        logger.debug("The chaosiq-cloud plugin failed", exc_info=True)
        raise NotRecorded(f"a mistake of the plugin ({type(x).__name__}: {x})") from x


@contextmanager
def deferred_signals(arrived: threading.Event | None = None) -> Iterator[threading.Event]:
    """Let no signal interrupt the block; the event, `arrived` if given, is set once one has come.

    For the end of a run, when nothing is left that a signal could stop: raised there, it would cost
    the end of the record, and the host's journal with it. Signals interrupt the main thread only;
    in any other this does nothing.
    """
    event = arrived or threading.Event()
    handlers: dict[int, Any] = {}

    def note(number: int, frame: Any) -> None:
        event.set()

    try:
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name, None) for name in SIGNALS):
                if number is not None and _would_interrupt(number):
                    handlers[number] = signal.signal(number, note)
        yield event
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _would_interrupt(number: int) -> bool:
    """Whether the signal has a handler in Python, which may raise, or would end the process."""
    handler = signal.getsignal(number)
    ends = signal.Signals(number).name in ENDING and handler == signal.SIG_DFL
    return ends or callable(handler)
