"""The wait at the end of a run, for what is still to be sent."""

import logging
import os
import threading
from collections.abc import Callable, Mapping

from chaoscloud.delivery.sender import Sender

__all__ = ["ENOUGH_FAILURES", "read_flush_timeout", "wait_for_rest"]

logger = logging.getLogger("chaostoolkit")

FLUSH_WITHIN = 5.0
"""Seconds that a run waits at its end, unless CHAOSIQ_FLUSH_TIMEOUT says otherwise."""

OUT_OF_CONTACT = 0.5
"""Seconds it waits for a console that did not answer the last time, or takes long to do so."""

SAY_AFTER = 0.5  # seconds
LOOK_AGAIN = 0.1  # seconds after which a wait looks whether a signal has arrived
ENOUGH_FAILURES = 2


def wait_for_rest(
    sender: Sender, is_empty: Callable[[], bool], interrupted: threading.Event
) -> None:
    """Wait for what is pending: first this run's, then what earlier runs left.

    `is_empty` says whether everything of this run is sent.
    """
    timeout = read_flush_timeout()
    seconds = timeout if timeout is not None else _patience_with(sender)
    enough = sender.failures + (ENOUGH_FAILURES if sender.in_contact else 1)

    def is_over() -> bool:
        hopeless = sender.stopped or (timeout is None and sender.failures >= enough)
        return hopeless or (is_empty() and sender.backlog_done)

    sender.hurry()
    is_done = _wait(sender, is_over, min(SAY_AFTER, seconds), interrupted)
    if is_done or seconds <= SAY_AFTER:
        return
    logger.info(
        "Sending the rest of the record to the console, for up to %g seconds. "
        "Ctrl-C skips that and loses nothing.",
        seconds,
    )
    _wait(sender, is_over, seconds - SAY_AFTER, interrupted)


def read_flush_timeout(environ: Mapping[str, str] = os.environ) -> float | None:
    """The seconds that CHAOSIQ_FLUSH_TIMEOUT gives the end of a run; None when it says nothing."""
    try:
        seconds = float(environ.get("CHAOSIQ_FLUSH_TIMEOUT", "").strip())
    except ValueError:
        return None
    return min(seconds, threading.TIMEOUT_MAX) if seconds >= 0 else None


def _wait(
    sender: Sender, is_over: Callable[[], bool], seconds: float, interrupted: threading.Event
) -> bool:
    """Wait until it is over, `seconds` at most, or a signal arrives; whether to wait no more.

    In short pieces: what a signal sets wakes nobody.
    """
    while seconds > 0 and not interrupted.is_set():
        if sender.wait_for(is_over, min(LOOK_AGAIN, seconds)):
            return True
        seconds -= LOOK_AGAIN
    return interrupted.is_set() or is_over()


def _patience_with(sender: Sender) -> float:
    is_well = sender.in_contact and not sender.is_kept_waiting
    return FLUSH_WITHIN if is_well else OUT_OF_CONTACT
