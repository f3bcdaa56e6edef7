"""Where a wait is: one line redrawn on a terminal, or a line of the log now and then."""

import logging
import math
import sys
from contextlib import suppress
from typing import TextIO

from chaoscloud.api.verification import count_samples
from chaoscloud.types import Journal
from chaoscloud.verify.phases import Progress

__all__ = ["LogProgress", "TerminalProgress", "describe", "progress_on"]

logger = logging.getLogger("chaostoolkit")

EVERY = 30.0  # seconds between two lines of the log
CLEAR = "\r\x1b[2K"


def describe(phase: str, left: float, journal: Journal) -> str:
    """One line: which phase, how long still, the samples so far and how many deviated."""
    samples = count_samples(journal)
    total, deviated = samples["total_number_of_samples"], samples["deviated_samples"]
    plural = "" if total == 1 else "s"
    return f"{phase}: {math.ceil(left)}s left, {total} sample{plural}, {deviated} deviated"


def progress_on(stream: TextIO | None = None) -> Progress:
    """The fitting progress for `stream`, the standard error unless given."""
    stream = sys.stderr if stream is None else stream
    return TerminalProgress(stream) if stream.isatty() else LogProgress()


class LogProgress:
    """A line of the log when a wait begins, and another every half minute."""

    def __init__(self) -> None:
        self._next = -math.inf

    def begin(self, phase: str, seconds: float) -> None:
        """Say it, and when the next line is due."""
        _announce(phase, seconds)
        self._next = seconds - EVERY

    def show(self, phase: str, left: float, journal: Journal) -> None:
        """Say how far it is, if a line is due."""
        if left <= self._next:
            self._next -= EVERY
            logger.info("%s", describe(phase, left, journal))

    def end(self) -> None:
        """Say nothing: what comes next says it."""


class TerminalProgress:
    """One line at the bottom of the terminal, which gives way to each line of the log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._line = ""

    def begin(self, phase: str, seconds: float) -> None:
        """Draw below the log from now on."""
        _announce(phase, seconds)
        logger.addFilter(self._give_way)

    def show(self, phase: str, left: float, journal: Journal) -> None:
        """Redraw the line when it says something new."""
        line = describe(phase, left, journal)
        if line != self._line:
            self._line = line
            self._write(CLEAR + line)

    def end(self) -> None:
        """Leave no trace."""
        logger.removeFilter(self._give_way)
        self._clear()

    def _give_way(self, record: logging.LogRecord) -> bool:
        self._clear()
        return True

    def _clear(self) -> None:
        if self._line:
            self._line = ""
            self._write(CLEAR)

    def _write(self, text: str) -> None:
        # A terminal that went away must not take the run with it.
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


def _announce(phase: str, seconds: float) -> None:
    logger.info("%s: %gs", phase, seconds)
