"""Watches the console's decision while a run goes on: one thread, one connection, no hurry.

A console that holds questions until its decision changes is asked again as soon as it answered; any
other one every second. Failures, restarts of the console and lost networks are no answer, which
the guard hears of as of any other reply; the watch goes on asking.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chaoscloud.api.policies import Denied, NoAnswer
from chaoscloud.safeguards.question import PolicyReply, RunQuestion, ask_console
from chaoscloud.safeguards.timing import TIMING, Timing

__all__ = ["Watch"]

logger = logging.getLogger("chaostoolkit")

QUICK_REPLIES = 5
"""So many changes in a row may be asked about at once; further ones wait for their turn."""

GOODBYE = 0.5  # seconds the thread is given to end


class Watch:
    """Asks in a daemon thread, over a session of its own, and calls `hear` with each reply.

    `hear` returns whether there is anything left to watch for; `lease_left` says how long the run
    may still go on without an answer, in seconds; `rest` waits for some, or until the end.
    `is_held` is whether a question is under way that the console may hold.
    """

    def __init__(
        self,
        session: Any,
        question: RunQuestion,
        hear: Callable[[PolicyReply, float], bool],
        lease_left: Callable[[], float],
        timing: Timing = TIMING,
        clock: Callable[[], float] = time.monotonic,
        rest: Callable[[threading.Event, float], object] = threading.Event.wait,
    ) -> None:
        self._session = session
        self._question = question
        self._hear = hear
        self._lease_left = lease_left
        self._timing = timing
        self._clock = clock
        self._rest = rest
        self._wait = timing.wait
        self._server_holds = False
        self.is_held = False
        self._address_changed = False
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_blind(self) -> bool:
        """Whether a change would go unnoticed now.

        The console tells of changes while it holds a question of ours, and it holds none: the last
        one was cut, or the next one is on its way.
        """
        return self._server_holds and not self.is_held

    def start(self, reply: PolicyReply) -> None:
        """Watch from here on; `reply` is what is known."""
        self._thread = threading.Thread(
            target=self._watch, args=(reply,), name="safeguards", daemon=True
        )
        self._thread.start()

    def change_address(self) -> None:
        """Ask again at once: the console now knows the execution. From any thread."""
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._address_changed = True
            self._session.cut()

    def close(self, patience: float = 0.0) -> None:
        """End it, the question under way included, which has `patience` seconds to be answered."""
        self._closing.set()
        if self._thread is None:
            return
        if patience:
            self._thread.join(patience)
        self._session.hang_up()
        self._thread.join(GOODBYE)

    def _watch(self, known: PolicyReply) -> None:
        quick, reply = 0, known
        self._rest(self._closing, 0 if known.etag else self._timing.every)
        while not self._closing.is_set():
            began, is_lost = self._clock(), isinstance(reply.answer, NoAnswer)
            reply = self._ask_until_answered(known, None if is_lost else self._wait)
            duration = self._clock() - began
            self._server_holds = reply.is_held
            if not self._report(reply, duration):
                return
            pause = self._timing.pause(known, reply, duration)
            quick = quick + 1 if pause == 0 and duration < self._timing.every else 0
            self._rest(self._closing, self._timing.every if quick > QUICK_REPLIES else pause)
            known = known if isinstance(reply.answer, NoAnswer) else reply

    def _ask_until_answered(self, known: PolicyReply, wait: int | None) -> PolicyReply:
        """Ask, and once more where that failed for reasons of our own or of a proxy.

        Proxies cut connections on which nothing moves: a held question that fails says nothing
        about the console. It is asked again without a wait, and the next one waits less.
        """
        began = self._clock()
        reply = self._ask(known, wait)
        duration = self._clock() - began
        if not isinstance(reply.answer, NoAnswer) or self._closing.is_set():
            return reply
        if self._address_changed:
            self._address_changed = False
            return self._ask(known, wait)
        if known.etag is None or wait is None:
            return reply
        again = self._ask(known, None)
        if isinstance(again.answer, NoAnswer):
            return again
        self._wait = self._timing.shorter_wait(self._wait, duration)
        logger.debug("A held question was cut after %.1f s; next wait: %d s", duration, self._wait)
        return replace(again, is_held=True)

    def _ask(self, known: PolicyReply, wait: int | None) -> PolicyReply:
        limit = self._timing.time_limit(known, wait, self._lease_left())
        self._session.timeout = (min(3.0, limit), limit)
        self._session.call_limit = limit
        self.is_held = known.etag is not None and wait is not None
        try:
            return ask_console(self._session, self._question, known, wait)
        finally:
            self.is_held = False

    def _report(self, reply: PolicyReply, duration: float) -> bool:
        """Have the guard hear the reply; then acknowledge a denial. Returns whether to go on."""
        if self._closing.is_set() and not isinstance(reply.answer, Denied):
            return False
        try:
            goes_on = self._hear(reply, duration)
        except Exception:
            # The watch must outlive our worst mistake: a run without it would go unguarded.
            logger.warning("The safeguards' watch made a mistake and goes on", exc_info=True)
            goes_on = True
        if isinstance(reply.answer, Denied) and reply.is_held and reply.etag:
            # The console waits for this to say that the run has heard. The answer says nothing new.
            self._ask(reply, None)
        return goes_on
