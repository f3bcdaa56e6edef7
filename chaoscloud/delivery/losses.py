"""What was not delivered: said once, counted always, and never the experiment's trouble."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chaoslib.exceptions import ExperimentExitedException, InterruptExecution

logger = logging.getLogger("chaostoolkit")


class NotStored(Exception):
    """Something did not reach the console; the message is the reason, a phrase for people."""


@contextmanager
def courtesy(*expected: type[Exception]) -> Iterator[None]:
    """The policy on our own mistakes: whatever goes wrong inside comes out as `NotStored`.

    What is `expected` passes, and what the host raises on purpose: signals arrive as exceptions
    wherever we are, and swallowing one would keep an experiment running that somebody stopped.
    """
    try:
        yield
    except (NotStored, InterruptExecution, ExperimentExitedException, *expected):
        raise
    except Exception as x:
        logger.debug("The chaosiq-cloud plugin failed", exc_info=True)
        raise NotStored(f"a mistake of the plugin ({type(x).__name__}: {x})") from x


class Losses:
    """The parts of a run's record that did not arrive. Safe to use from several threads."""

    def __init__(self) -> None:
        self.count = 0
        self._reason = ""
        self._lock = threading.Lock()

    def note(self, what: str, reason: str) -> None:
        """Count a loss; the first one is a warning, the others are for the debug log."""
        with self._lock:
            self.count += 1
            first = self.count == 1
            self._reason = self._reason or f"{what}: {reason}"
        level = logging.WARNING if first else logging.DEBUG
        logger.log(level, "Not recorded in the console: %s: %s.", what, reason)

    def summary(self) -> dict[str, Any] | None:
        """What the journal's block shows; None when nothing was lost."""
        return {"lost": self.count, "reason": self._reason} if self.count else None
