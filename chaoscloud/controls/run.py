"""One run under way: how it is recorded, what guards it, and what it leaves in the journal.

A run without an outbox is one that is not recorded: publishing is disabled, or its start failed.
Everything here may be called for it as for any other.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from chaoslib.exceptions import ExperimentExitedException, InterruptExecution

from chaoscloud.controls.notes import mark_journal
from chaoscloud.controls.signals import RunSignals
from chaoscloud.delivery.errors import deferred_signals
from chaoscloud.delivery.outbox import Outbox
from chaoscloud.delivery.report import Registration
from chaoscloud.extension import NAME
from chaoscloud.safeguards.guard import Guard
from chaoscloud.safeguards.rollbacks import (
    describe_rollbacks_after_stop,
    list_rollbacks_not_run,
)
from chaoscloud.safeguards.state import RunState
from chaoscloud.types import Extension, Journal

logger = logging.getLogger("chaostoolkit")

ROLLBACKS = {"starting-rollback", "rollback-finished"}

STOP = "safeguard-stop"

ONCE = {"starting-method", "method-finished", STOP} | ROLLBACKS
"""What happens once in a run, and may reach us by two ways (see `chaoscloud.controls.relay`)."""


@dataclass
class Run:
    """A run, from `configure_control` to `cleanup_control`; `problem` is why it is not recorded.

    `block` names its execution, `resources` are what `close` gives back. `has_begun` is whether the
    host has called a hook for it; a run that `is_shared` has two controls, whose hooks come in
    pairs. `ends_later` is whether the host hands over the journal once more, after every other
    control (see `chaoscloud.controls.relay`). `rollbacks_not_run` are those that a stop left out.
    """

    outbox: Outbox | None = None
    guard: Guard | None = None
    registration: Registration = field(default_factory=Registration)
    problem: str | None = None
    rollback_strategy: str = "default"
    block: Extension = field(default_factory=lambda: {"name": NAME})
    resources: ExitStack = field(default_factory=ExitStack)
    has_begun: bool = False
    is_shared: bool = False
    ends_later: bool = False
    signals: RunSignals = field(default_factory=RunSignals)
    rollbacks_not_run: list[str] = field(default_factory=list)
    _journal: Journal | None = None
    _is_closed: bool = False
    _last_hooks: dict[int, tuple[str, int] | None] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _stop: BaseException | None = None
    _thread: int = field(default_factory=threading.get_ident)

    def handle(self, event_type: str, context: object, state: Any = None) -> None:
        """Tell what happened, then ask whether the run may go on.

        Raises `InterruptExecution` when it may not, and a stop that was held back. At the
        experiment's end nothing is left to stop.
        """
        self.has_begun = True
        if self._is_second_call(event_type, context):
            return
        if event_type == "experiment-finished":
            self.signals.end_run()
            with self.holding_back_stops():
                self._finish(context, state)
            return
        self._let_go()
        if event_type in ROLLBACKS:
            self.start_rollbacks()
        self.tell(event_type, context, state)
        if self.guard is not None:
            self._ask_guard(self.guard, event_type, context)

    def tell(self, event_type: str, context: object, state: object = None) -> None:
        """Tell what happened, unless that was told before. No mistake in it reaches the guard."""
        if event_type in self._told:
            return
        self._told |= ONCE & {event_type}
        try:
            if self.outbox is not None:
                self.outbox.record_event(event_type, context, state)
        except (InterruptExecution, ExperimentExitedException):
            raise  # a signal
        except Exception as x:
            logger.debug("Recording %s failed", event_type, exc_info=True)
            self.problem = self.problem or f"a mistake of the plugin ({type(x).__name__}: {x})"

    def learn_ids(self, registration: Registration) -> None:
        """Take in the ids that the console gave: the guard asks about the execution from now on."""
        before = self.block.get("execution_id")
        self.block.update(registration.ids)
        if self.guard is not None and registration.execution_id not in (None, before):
            self.guard.ask_at_new_address()

    @property
    def is_stoppable(self) -> bool:
        """Whether the run may still be stopped: not while its rollbacks run, nor after its end."""
        ends = (RunState.ROLLING_BACK, RunState.OVER)
        return self.guard is None or self.guard.state not in ends

    def start_rollbacks(self) -> None:
        """From here on the run is not interrupted by safeguards."""
        if self.guard is not None:
            self.guard.start_rollbacks()

    def leave(self) -> None:
        """The host ends the run early."""
        if self.guard is not None:
            self.guard.end()
            self._tell_stop(self.guard)

    def end(self, journal: Journal | None) -> None:
        """Record the end with its journal, and wait for what is pending; no signal cuts in.

        Without a journal, what is recorded of the run stands, and its end is not known.
        """
        outbox, self.outbox = self.outbox, None
        if outbox is None:
            return
        with deferred_signals(self.signals.at_end) as interrupted:
            if journal is not None:
                if self._journal is None:  # the host failed itself, and passed the last hook by
                    self.signals.name_in(journal)
                    mark_journal(self, journal, outbox)
                outbox.record_end(journal)
            is_over = outbox.release(interrupted)
            if is_over and journal is not None:
                mark_journal(self, journal, outbox)

    def close(self) -> None:
        """Give back the connections; a run that ends later keeps its outbox until then.

        Another call than the first one does nothing.
        """
        if self._is_closed:
            return
        self._is_closed = True
        if self.guard is not None:
            self.guard.close()
        if not self.ends_later:
            self.end(self._journal)
            self.signals.remove()
        self.resources.close()

    @contextmanager
    def holding_back_stops(self) -> Iterator[None]:
        """Keep Ctrl-C and signals for the next hook that may raise them.

        Where the host calls us from `configure_control`, a run event handler or
        `after_experiment_control`, it swallows what we raise or loses the journal over it. There is
        no next hook after the last of these: the experiment is over, only our sending is cut short.
        """
        with self.signals.catching():
            try:
                yield
            except (KeyboardInterrupt, SystemExit, InterruptExecution) as stop:
                self._stop = stop

    def _is_second_call(self, event_type: str, context: object) -> bool:
        """Whether this is the other control's call for the moment that was just handled."""
        if not self.is_shared:
            return False
        thread, hook = threading.get_ident(), (event_type, id(context))
        is_second = self._last_hooks.get(thread) == hook
        self._last_hooks[thread] = None if is_second else hook
        return is_second

    def _ask_guard(self, guard: Guard, event_type: str, context: Any) -> None:
        """Ask whether the run may go on; if not, tell the console that it was stopped."""
        try:
            if event_type == "starting-experiment":
                guard.open()
                self._warn_of_rollbacks(context)
            else:
                guard.check()
        finally:
            self._tell_stop(guard)

    def _warn_of_rollbacks(self, experiment: Any) -> None:
        warning = describe_rollbacks_after_stop(experiment, self.rollback_strategy)
        if warning is not None:
            logger.warning("%s", warning)

    def _tell_stop(self, guard: Guard) -> None:
        if guard.stop is not None and guard.policies is not None:
            self.tell(STOP, guard.stop.as_document())

    def _end_guarding(self, guard: Guard, experiment: Any, journal: Journal | None) -> None:
        """Nothing is left to stop; say what a stop left undone."""
        guard.end()
        self._tell_stop(guard)
        if guard.policies is None or guard.stop is None or journal is None:
            return
        journal["interruption"] = guard.stop.as_interruption()
        if "starting-method" in self._told:
            self.rollbacks_not_run = list_rollbacks_not_run(experiment, journal)
        if self.rollbacks_not_run:
            names = ", ".join(self.rollbacks_not_run)
            logger.warning("Rollbacks not run after the stop: %s", names)

    def _finish(self, experiment: object, journal: Journal | None) -> None:
        """Mark the journal, and record the end of the experiment; its journal is recorded later."""
        if self.guard is not None:
            self._end_guarding(self.guard, experiment, journal)
        if journal is not None:
            self.signals.name_in(journal)
            mark_journal(self, journal, self.outbox)
        if "starting-method" in self._told:  # Ctrl-C: no handler, and maybe no hook, is told
            self.tell("method-finished", experiment, (journal or {}).get("run"))
        self.tell("experiment-finished", experiment, journal)
        self._journal = journal

    def _let_go(self) -> None:
        if self._stop is not None and threading.get_ident() == self._thread:
            stop, self._stop = self._stop, None
            raise stop
