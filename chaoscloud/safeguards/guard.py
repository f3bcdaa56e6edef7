"""Guards one run: asks before it starts, watches while it goes on, and stops it when told no.

A no may be heard by the watch or by a control, whichever is first. It becomes one `Stop`, and the
run is interrupted once: by the control it is in, by the brake, or by its next control.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from chaoslib.exceptions import InterruptExecution

from chaoscloud.api.policies import Allowed, NoAnswer, Policy, Refused, refusal
from chaoscloud.safeguards.ask import Reply, ask
from chaoscloud.safeguards.brake import Brake, is_leaving
from chaoscloud.safeguards.contact import GOES_ON, Contact, Gap, utc_now
from chaoscloud.safeguards.pace import PACE, Pace
from chaoscloud.safeguards.stop import Stop, unanswered
from chaoscloud.safeguards.strength import Strength
from chaoscloud.safeguards.watch import Watch
from chaoscloud.types import Extensions

__all__ = ["Guard"]

logger = logging.getLogger("chaostoolkit")

Ask = Callable[[], Reply]

Watched = tuple[Any, Extensions]
"""A session, and what names the execution that is asked about over it."""


class Guard:
    """The safeguards of one run. Safe to use from several threads.

    `ask` asks the console once, for a control; what is `watched` is asked about before the run
    starts, and from then on all the time. The guard belongs to the thread that made it, the run's:
    an interruption raised elsewhere stops a background activity but not the run.
    """

    def __init__(
        self,
        ask: Ask,
        strength: Strength | None = None,
        pace: Pace = PACE,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
        watched: Watched | None = None,
    ) -> None:
        self.stop: Stop | None = None
        self.too_late: tuple[Policy, ...] | None = None
        self._ask = ask
        self._strength = strength or Strength()
        self._pace = pace
        self._now = now
        self._clock = clock
        self._contact = Contact(now)
        self._thread = threading.get_ident()
        self._lock = threading.RLock()
        self._asking = threading.Lock()
        self._answered_at = clock()
        self._current_until = clock()
        self._started = False
        self._rolling_back = False
        self._over = False
        self._interrupted_by_signal = False
        self._told = False
        self._watched = watched
        self._watch: Watch | None = None
        self._brake = Brake(self._wants_the_brake, self._is_interrupted, self._interrupting)

    @property
    def policies(self) -> tuple[Policy, ...] | None:
        """The policies that stopped the run, or None."""
        return self.stop.policies if self.stop is not None and self._is_interrupted() else None

    @property
    def gaps(self) -> list[Gap]:
        """When nobody answered."""
        return self._contact.gaps

    def open(self) -> None:
        """Ask before anything happens, say how the run is guarded, and start to watch.

        Raises the host's `InterruptExecution` when it must not start: a safeguard says no, or
        safeguards are required and nobody answers.
        """
        watched = self._watched
        reply = self._inquire(self._ask if watched is None else lambda: ask(*watched))
        if isinstance(reply.answer, NoAnswer) and self._strength.required:
            self._decide(unanswered(reply.answer.reason))
        self._obey()
        self._started = True
        self._brake.fit()
        if not isinstance(reply.answer, NoAnswer):
            self._say_active()
        if watched is not None:
            self._watch = Watch(*watched, self.hear, self.lease_left, self._pace, self._clock)
            self._watch.start(reply)

    def check(self) -> None:
        """Raise the host's `InterruptExecution` when a safeguard says no.

        What is said while rollbacks are played, or when the run is on its way out, interrupts
        nothing any more.
        """
        if not self._over and self.stop is None and self.too_late is None:
            self._stay_informed()
        if not self._rolling_back:
            self._obey()

    def hear(self, reply: Reply, took: float = 0.0) -> bool:
        """Take in what the console said; returns whether there is more to listen for."""
        with self._lock:
            self._current_until = self._clock() + self._pace.current_for(reply, took)
            match reply.answer:
                case NoAnswer(reason):
                    self._lost(reason)
                case Refused(policies, required):
                    self._answered(required)
                    self._decide(policies)
                case Allowed(required):
                    self._answered(required)
            return self.stop is None and self.too_late is None and not self._over

    def lease_left(self) -> float:
        """Seconds this run may go on without an answer."""
        if not self._strength.required:
            return float("inf")
        return self._answered_at + self._pace.lease - self._clock()

    def rollbacks_start(self) -> None:
        """From here on a no is only noted: rollbacks half played would be worse."""
        with self._lock:
            self._rolling_back = True
            self._give_up_a_stop_that_came_too_late()

    def leaving(self) -> None:
        """The host ends the run early: nothing is left to interrupt, and people read why."""
        with self._lock:
            self._over = True
            self._say_stopped()

    def end(self) -> None:
        """The experiment is over."""
        with self._lock:
            self._over = True
            self._give_up_a_stop_that_came_too_late()
        self._brake.release()

    def close(self) -> None:
        """Stop watching."""
        self.end()
        if self._watch is not None:
            self._watch.close()

    def keep_leaving(self) -> None:
        """Raise again what interrupts the run, where the host would rest on the way out.

        It plays the pause after an activity even if a signal ended that activity.
        """
        if self._interrupted_by_signal and self._in_run() and is_leaving():
            raise SystemExit(20)

    def _stay_informed(self) -> None:
        """Ask, unless somebody else has just done so."""
        with self._asking:
            if self._clock() >= self._current_until:
                self._inquire(self._ask)

    def _inquire(self, question: Ask) -> Reply:
        began = self._clock()
        reply = question()
        self.hear(reply, self._clock() - began)
        return reply

    def _answered(self, required: bool | None) -> None:
        self._answered_at = self._clock()
        self._strength.told(required)
        self._contact.back()

    def _lost(self, reason: str) -> None:
        leased = self._strength.required and not self._rolling_back
        self._contact.lost(reason, self._lease_in_words() if leased else GOES_ON)
        if leased and self._started and self.lease_left() <= 0:
            self._decide(unanswered(reason))

    def _lease_in_words(self) -> str:
        if not self._started:
            return "They are required: the experiment does not start without them."
        return (
            "They are required: the experiment is stopped unless the console answers "
            f"within {self._pace.lease:g} seconds."
        )

    def _decide(self, policies: Iterable[Policy]) -> None:
        """Turn a no into a stop, or into a note where there is nothing to stop any more."""
        if self.stop is not None or self.too_late is not None or self._over:
            return
        if self._rolling_back:
            self._note(tuple(policies))
            return
        self.stop = Stop(tuple(policies), self._now(), before_start=not self._started)
        if not self._in_run():
            self._brake.press()

    def _obey(self) -> None:
        if self.stop is None or self._over:
            return
        if self._in_run():
            # A signal or a control is ending the run already, and a swallowed one is raised anew.
            if is_leaving():
                return
            self._told = True  # the host logs what interrupts it
            if not self._is_interrupted():
                self.stop = self.stop.interrupted(self._now())
        raise InterruptExecution(refusal(self.stop.policies))

    def _give_up_a_stop_that_came_too_late(self) -> None:
        if self.stop is not None and not self._is_interrupted():
            stop, self.stop = self.stop, None
            self._note(stop.policies)

    def _note(self, policies: tuple[Policy, ...]) -> None:
        self.too_late = policies
        logger.warning(
            "A safeguard says no %s, and the journal notes it. %s",
            "while the rollbacks are played: they are played to the end"
            if self._rolling_back
            else "as the experiment ends: there is nothing left to stop",
            refusal(policies),
        )

    def _say_active(self) -> None:
        how = "at once" if self._brake.works else "at its next step: an activity is not interrupted"
        strength = " They are required." if self._strength.required else ""
        logger.info(
            "Safeguards are active: a no in the console stops this run %s.%s", how, strength
        )

    def _say_stopped(self) -> None:
        """After a signal the host knows a number only."""
        if self.stop is not None and self._is_interrupted() and not self._told:
            self._told = True
            logger.critical("%s", refusal(self.stop.policies))

    def _wants_the_brake(self) -> bool:
        return self.stop is not None and not (
            self._is_interrupted() or self._rolling_back or self._over
        )

    def _is_interrupted(self) -> bool:
        return self.stop is not None and self.stop.interrupted_at is not None

    def _interrupting(self) -> None:
        """On the run's thread, in a signal handler: nothing here may wait."""
        if self.stop is not None:
            self.stop = self.stop.interrupted(self._now())
            self._interrupted_by_signal = True

    def _in_run(self) -> bool:
        return threading.get_ident() == self._thread
