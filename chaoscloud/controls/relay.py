"""Sees what the host does not tell our hooks, or not in time.

For an experiment with controls of its own, the host (up to chaostoolkit-lib 1.45, see its
`get_context_controls`) calls the controls of the settings around activities and hypotheses, but not
around the method and the rollbacks. Its run event handlers are told of both. A run tells each of
these once, whoever comes first: a handler's `start_method` comes before the hook, its
`method_completed` after it. And the end of a run within this one takes the controls of the settings
away from this one, while its handlers stay.
"""

from collections.abc import Callable
from typing import Any

from chaoslib.run import RunEventHandler

from chaoscloud.controls.failures import contain_failures
from chaoscloud.controls.run import Run
from chaoscloud.types import Activity, Experiment, Journal


class Relay(RunEventHandler):  # type: ignore[misc]  # the host publishes no types
    """The run event handler of one run. The host drops what it raises, but for a `SystemExit`.

    `close_run` is called when the run is over, whether or not the host has called the control.
    """

    def __init__(self, run: Run, close_run: Callable[[Run], None]) -> None:
        self._run = run
        self._close_run = close_run

    @contain_failures
    def start_method(self, experiment: Experiment) -> None:
        """The method is about to start."""
        self._tell("starting-method", experiment)

    @contain_failures
    def method_completed(self, experiment: Experiment, state: Any = None) -> None:
        """The method ended; after an interruption the host gives no state."""
        self._tell("method-finished", experiment, state)

    @contain_failures
    def start_rollbacks(self, experiment: Experiment) -> None:
        """The rollbacks are about to start."""
        self._run.start_rollbacks()
        self._tell("starting-rollback", experiment)

    @contain_failures
    def rollbacks_completed(self, experiment: Experiment, journal: Journal) -> None:
        """The rollbacks ended."""
        self._tell("rollback-finished", experiment, journal.get("rollbacks"))

    @contain_failures
    def start_activity(self, activity: Activity) -> None:
        """An activity is about to start, its control was called before."""
        if self._run.guard is not None:
            self._run.guard.leave_if_denied()

    @contain_failures
    def activity_completed(self, activity: Activity, run: Any) -> None:
        """An activity ended; its pause is still to come, even where a signal ended it."""
        if self._run.guard is not None:
            self._run.guard.keep_leaving()

    @contain_failures
    def interrupted(self, experiment: Experiment, journal: Journal) -> None:
        """A control, or SIGTERM, ended the run."""
        self._leave()

    @contain_failures
    def signal_exit(self) -> None:
        """Ctrl-C, or one of the host's exit signals, ended the run."""
        self._leave()

    @contain_failures
    def finish(self, journal: Journal) -> None:
        """The run is over, and every other control has had the journal: this is what is written.

        The host comes here also when it fails itself, and passes our last hook by.
        """
        with self._run.holding_back_stops():
            self._run.end(journal)
            self._close_run(self._run)
        self._run.signals.remove()

    def _leave(self) -> None:
        with self._run.holding_back_stops():
            self._run.leave()

    def _tell(self, event_type: str, experiment: Experiment, state: Any = None) -> None:
        with self._run.holding_back_stops():
            self._run.tell(event_type, experiment, state)
