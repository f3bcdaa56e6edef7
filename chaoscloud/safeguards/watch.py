"""Watches the console's verdict while a run goes on: one thread, one connection, never in a hurry.

A console that keeps questions until its verdict changes is asked again as soon as it answered; any
other one every second. Failures, restarts of the console and lost networks are no answer, which
the guard hears of as of any other reply; the watch goes on asking.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from chaoscloud.safeguards.ask import Reply, ask
from chaoscloud.safeguards.pace import PACE, Pace
from chaoscloud.types import Extensions

__all__ = ["Watch"]

logger = logging.getLogger("chaostoolkit")

QUICK_NEWS = 5
"""So many verdicts in a row may come at once; from then on they are asked for in their turn."""

GOODBYE = 0.5  # seconds the thread is given to end


class Watch:
    """Asks in a daemon thread, over a session of its own, and tells `hear` each reply.

    `hear` returns whether there is anything left to watch for; `lease_left` says how long the run
    may still go on without an answer, in seconds; `rest` waits for some, or until the end.
    """

    def __init__(
        self,
        session: Any,
        extensions: Extensions,
        hear: Callable[[Reply, float], bool],
        lease_left: Callable[[], float],
        pace: Pace = PACE,
        clock: Callable[[], float] = time.monotonic,
        rest: Callable[[threading.Event, float], object] = threading.Event.wait,
    ) -> None:
        self._session = session
        self._extensions = extensions
        self._hear = hear
        self._lease_left = lease_left
        self._pace = pace
        self._clock = clock
        self._rest = rest
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, reply: Reply) -> None:
        """Watch from here on; `reply` is what is known."""
        self._thread = threading.Thread(
            target=self._watch, args=(reply,), name="safeguards", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """End it, the question under way included."""
        self._closing.set()
        self._session.hang_up()
        if self._thread is not None:
            self._thread.join(GOODBYE)

    def _watch(self, reply: Reply) -> None:
        quick = 0
        self._rest(self._closing, 0 if reply.tag else self._pace.every)
        while not self._closing.is_set():
            before, began = reply, self._clock()
            reply = self._ask(before)
            took = self._clock() - began
            if self._closing.is_set() or not self._heard(reply, took):
                return
            pause = self._pace.pause(before, reply, took)
            quick = quick + 1 if pause == 0 and took < self._pace.every else 0
            self._rest(self._closing, self._pace.every if quick > QUICK_NEWS else pause)

    def _ask(self, before: Reply) -> Reply:
        limit = self._pace.time_limit(before, self._lease_left())
        self._session.timeout = (min(3.0, limit), limit)
        self._session.call_limit = limit
        return ask(self._session, self._extensions, before, self._pace.wait)

    def _heard(self, reply: Reply, took: float) -> bool:
        try:
            return self._hear(reply, took)
        except Exception:
            # The watch must outlive our worst mistake: a run without it would go unguarded.
            logger.warning("The safeguards' watch stumbled and goes on", exc_info=True)
            return True
