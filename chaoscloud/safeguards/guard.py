"""Guards one run: asks before it starts, watches while it goes on, and stops it once it is denied.

The watch or a control hears of a denial, whichever is first. It becomes one `Stop`, and the run is
interrupted once: by the control it is in, by a signal, or by its next control. What a denial still
means depends on the `RunState`.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from chaoslib.exceptions import InterruptExecution

from chaoscloud.api.policies import Allowed, Denied, NoAnswer, Policy, describe_denial
from chaoscloud.safeguards.contact import Contact, Gap, utc_now
from chaoscloud.safeguards.first_question import Ask, FirstQuestion
from chaoscloud.safeguards.lease import Lease
from chaoscloud.safeguards.question import PolicyReply, RunQuestion
from chaoscloud.safeguards.state import RunState
from chaoscloud.safeguards.stop import Stop, policies_without_answer
from chaoscloud.safeguards.stop_signal import StopSignal, is_leaving
from chaoscloud.safeguards.timing import TIMING, Timing
from chaoscloud.safeguards.watch import GOODBYE, Watch

__all__ = ["Guard"]

logger = logging.getLogger("chaostoolkit")

Watched = tuple[Any, RunQuestion]
"""A session, and the question that is asked over it."""


class Guard:
    """The safeguards of one run. Safe to use from several threads.

    `ask` asks the console once, on the run's thread or before the run starts; what is `watched` is
    asked about from the start on, all the time. The guard belongs to the thread that made it, the
    run's: an interruption raised elsewhere stops a background activity but not the run.
    """

    def __init__(
        self,
        ask: Ask,
        lease: Lease | None = None,
        timing: Timing = TIMING,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
        watched: Watched | None = None,
    ) -> None:
        self.state = RunState.WAITING
        self.stop: Stop | None = None
        self.late_denial: tuple[Policy, ...] | None = None
        self._ask = ask
        self.lease = lease or Lease()
        self._timing = timing
        self._now = now
        self._clock = clock
        self._contact = Contact(now)
        self._thread = threading.get_ident()
        self._lock = threading.RLock()
        self._question_lock = threading.Lock()
        self._known: PolicyReply | None = None
        self._fresh_until = clock()
        self._interrupted_by_signal = False
        self._is_stop_logged = False
        self._watched = watched
        self._watch: Watch | None = None
        self._first = FirstQuestion(ask, timing, clock)
        self._signal = StopSignal(self._is_signal_wanted, self._note_interruption)

    @property
    def policies(self) -> tuple[Policy, ...] | None:
        """The policies that stopped the run, or None."""
        return self.stop.policies if self.stop is not None and self.stop.interrupted_at else None

    @property
    def gaps(self) -> list[Gap]:
        """When nobody answered."""
        return self._contact.gaps

    def ask_ahead(self) -> None:
        """Ask before the run starts, beside what else there is to wait for; `open` has the answer.

        The seconds that the start may take count from here.
        """
        self._first.ask()

    def open(self) -> None:
        """Ask before anything happens, log how the run is guarded, and start to watch.

        Raises the host's `InterruptExecution` when it must not start: a safeguard denies it, or
        safeguards are required and nobody answers. Another call than the first one is a `check`.
        """
        if self.state is not RunState.WAITING:
            self.check()
            return
        reply, duration, age = self._first.wait_for_reply()
        self.hear(reply, duration, age)
        if isinstance(reply.answer, NoAnswer) and self.lease.is_required:
            self._deny(policies_without_answer(reply.answer.reason))
        self._interrupt_if_denied()
        self._move_to(RunState.RUNNING)
        self._signal.install()
        if not isinstance(reply.answer, NoAnswer):
            self._log_start()
        if self._watched is not None:
            watch = Watch(
                *self._watched, self.hear, self.lease.time_left, self._timing, self._clock
            )
            watch.start(reply)
            self._watch = watch

    def check(self) -> None:
        """Raise the host's `InterruptExecution` when a safeguard denies the run.

        A denial interrupts nothing while rollbacks run, or when the run is on its way out.
        """
        if self._has_nothing_to_hear():
            return self._interrupt_if_denied()
        with self._question_lock:
            if not self._is_fresh():
                began = self._clock()
                reply = self._ask(self._known, self._timing.limit)
                self.hear(reply, self._clock() - began)
        return self._interrupt_if_denied()

    def hear(self, reply: PolicyReply, duration: float = 0.0, age: float = 0.0) -> bool:
        """Take in what the console said; returns whether there is more to listen for.

        The reply took `duration` seconds to come, and came `age` seconds ago.
        """
        with self._lock:
            self._fresh_until = self._clock() - age + self._timing.fresh_for(reply, duration)
            if not isinstance(reply.answer, NoAnswer):
                self._known = reply
            match reply.answer:
                case NoAnswer(reason):
                    self._record_loss(reason)
                case Denied(policies, required):
                    self.lease.renew(required)
                    self._contact.record_answer()
                    self._deny(policies)
                case Allowed(required):
                    self.lease.renew(required)
                    self._contact.record_answer()
            return not self._has_nothing_to_hear()

    def ask_at_new_address(self) -> None:
        """The console has given the execution an id, which the question knows: ask about that."""
        self._fresh_until = self._clock()
        self._first.is_superseded = True
        if self._watch is not None:
            self._watch.change_address()

    def start_rollbacks(self) -> None:
        """From here on a denial is only noted: rollbacks half run would be worse."""
        self._finish(RunState.ROLLING_BACK)

    def end(self) -> None:
        """Nothing is left to stop: the experiment is over, or the host ends it early."""
        self._finish(RunState.OVER)
        self._signal.remove()

    def close(self) -> None:
        """Stop watching. A watch that is about to acknowledge a denial may do so."""
        self.end()
        if self._watch is not None:
            has_denial = self.stop is not None or self.late_denial is not None
            self._watch.close(GOODBYE if has_denial else 0.0)

    def keep_leaving(self) -> None:
        """Raise again what interrupts the run, where the host would pause on the way out.

        It waits for the pause after an activity even if a signal ended that activity.
        """
        if self._interrupted_by_signal and self._is_run_thread() and is_leaving():
            raise SystemExit(20)

    def leave_if_denied(self) -> None:
        """Leave the run before its next activity, where no control has done so.

        The host lets nothing else than `SystemExit` through where it is called from.
        """
        if self._is_run_thread() and self.state in (RunState.STOPPING, RunState.STOPPED):
            self._note_interruption()
            raise SystemExit(20)

    def _move_to(self, state: RunState) -> bool:
        """Come into a state, where the one before allows that; returns whether it did."""
        with self._lock:
            if not self.state.may_become(state):
                return False
            self.state = state
            return True

    def _finish(self, state: RunState) -> None:
        with self._lock:
            stop = self.stop if self.state is RunState.STOPPING else None
            if not self._move_to(state):
                return
            if stop is not None:
                self.stop = None
                self._note_late_denial(stop.policies)
            elif self.stop is not None and not self._is_stop_logged:
                self._is_stop_logged = True  # of a signal the host knows a number only
                logger.critical("%s", describe_denial(self.stop.policies))

    def _has_nothing_to_hear(self) -> bool:
        is_denied = self.stop is not None or self.late_denial is not None
        return is_denied or self.state is RunState.OVER

    def _is_fresh(self) -> bool:
        """Whether the last answer still counts: it is recent, and a change would be heard."""
        watch, timing = self._watch, self._timing
        if watch is not None and watch.is_blind:
            return False
        longer = timing.fresh_held - timing.fresh if watch is not None and watch.is_held else 0.0
        return self._clock() < self._fresh_until + longer

    def _record_loss(self, reason: str) -> None:
        if self.state in (RunState.ROLLING_BACK, RunState.OVER):
            self._contact.record_loss(reason)
            return
        has_started = self.state is not RunState.WAITING
        self._contact.record_loss(reason, self.lease.describe_loss(has_started))
        if self.state is RunState.RUNNING and self.lease.time_left() <= 0:
            self._deny(policies_without_answer(reason))

    def _deny(self, policies: tuple[Policy, ...]) -> None:
        """Turn a denial into a stop, or into a note where there is nothing to stop any more."""
        with self._lock:
            is_before_start = self.state is RunState.WAITING
            if self.state is RunState.ROLLING_BACK and not self._has_nothing_to_hear():
                self._note_late_denial(policies)
            if not self._move_to(RunState.STOPPING):
                return
            self.stop = Stop(policies, self._now(), before_start=is_before_start)
        if not self._is_run_thread():
            self._signal.send()

    def _interrupt_if_denied(self) -> None:
        stop = self.stop
        if stop is None or self.state not in (RunState.STOPPING, RunState.STOPPED):
            return
        if self._is_run_thread():
            # A signal or a control is ending the run already; a swallowed one is raised anew.
            if is_leaving():
                return
            self._is_stop_logged = True  # the host logs what interrupts it
            if self._move_to(RunState.STOPPED):
                self.stop = stop.with_interruption(self._now())
        raise InterruptExecution(describe_denial(stop.policies))

    def _note_late_denial(self, policies: tuple[Policy, ...]) -> None:
        self.late_denial = policies
        logger.warning(
            "A safeguard denies this run %s, and the journal notes it. %s",
            "while the rollbacks run: they are run to the end"
            if self.state is RunState.ROLLING_BACK
            else "as the experiment ends: there is nothing left to stop",
            describe_denial(policies),
        )

    def _log_start(self) -> None:
        at_once = "at its next step: an activity is not interrupted"
        if self._signal.is_installed:
            at_once = "at once"
        logger.info(
            "Safeguards are active: when the console denies this run, it stops %s.%s",
            at_once,
            " They are required." if self.lease.is_required else "",
        )

    def _is_signal_wanted(self) -> bool:
        return self.state is RunState.STOPPING

    def _note_interruption(self) -> None:
        """On the run's thread, in a signal handler: nothing here may wait."""
        if self.stop is not None and self.state is RunState.STOPPING:
            self.stop = self.stop.with_interruption(self._now())
            self.state = RunState.STOPPED
        self._interrupted_by_signal = True

    def _is_run_thread(self) -> bool:
        return threading.get_ident() == self._thread
