"""The question that is answered before a run starts, asked beside the recording of its start.

A console that hangs holds up both, and a run starts after a few seconds in all. The question goes
out first, about the run. Once the console has filed the execution, it is asked about that: only
then does it count among those that a limit lets run.
"""

import threading
import time
from collections.abc import Callable

from chaoscloud.api.policies import Denied, NoAnswer
from chaoscloud.safeguards.question import PolicyReply
from chaoscloud.safeguards.timing import TIMING, Timing

__all__ = ["Ask", "FirstQuestion"]

Ask = Callable[[PolicyReply | None, float], PolicyReply]
"""Asks, given the last answer, and the seconds that the question may take."""

TimedReply = tuple[PolicyReply, float, float]
"""A reply, the seconds it took to come, and those that have passed since."""

IN_TIME = PolicyReply(NoAnswer("the console did not answer in time"))


class FirstQuestion:
    """Asked once, in a thread. `is_superseded` is whether there is a better one to ask by now."""

    def __init__(
        self, ask: Ask, timing: Timing = TIMING, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.is_superseded = False
        self._ask = ask
        self._timing = timing
        self._clock = clock
        self._began: float | None = None
        self._ended = 0.0
        self._reply: PolicyReply | None = None
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """Start to ask; where no thread can be had, the run asks when it needs the answer."""
        self._began = self._clock()
        thread = threading.Thread(target=self._work, name="first-question", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter shuts down, or has too many threads
            return
        self._thread = thread

    def wait_for_reply(self) -> TimedReply:
        """The best reply that can be had within the limit, which counts from `ask`."""
        if self._thread is None:
            return self._ask_now()
        self._thread.join(max(self._time_left(), 0.0))
        if self._thread.is_alive():
            return IN_TIME, self._timing.limit, 0.0
        if self._reply is None:  # a mistake of ours, which is not to be hidden in a thread
            return self._ask_now()
        age = self._clock() - self._ended
        first = self._reply, self._ended - (self._began or 0.0), age
        is_recent = age < self._timing.every and self._time_left() < self._timing.every
        if not self.is_superseded or isinstance(self._reply.answer, Denied):
            return first
        if isinstance(self._reply.answer, NoAnswer):
            return self._ask_now()
        if is_recent:
            return first
        second = self._ask_now()
        return first if isinstance(second[0].answer, NoAnswer) else second

    def _ask_now(self) -> TimedReply:
        began = self._clock()
        reply = self._ask(self._reply, max(self._time_left(), self._timing.every))
        return reply, self._clock() - began, 0.0

    def _time_left(self) -> float:
        began = self._clock() if self._began is None else self._began
        return began + self._timing.limit - self._clock()

    def _work(self) -> None:
        self._reply = self._ask(None, self._timing.limit)
        self._ended = self._clock()
