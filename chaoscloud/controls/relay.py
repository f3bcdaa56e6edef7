"""Sees that the method and the rollbacks are told, also where the host passes our hooks by.

For an experiment with controls of its own, the host (up to chaostoolkit-lib 1.45, see its
`get_context_controls`) calls the controls of the settings around activities and hypotheses, but not
around the method and the rollbacks. Its run event handlers are told of both. A run tells each of
these once, whoever comes first: a handler's `start_method` comes before the hook, its
`method_completed` after it.
"""

from typing import Any

from chaoslib.run import RunEventHandler

from chaoscloud.controls.run import Run
from chaoscloud.types import Activity, Experiment, Journal


class Relay(RunEventHandler):  # type: ignore[misc]  # the host publishes no types
    """The run event handler of one run. Nothing it raised would reach the host's runner."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def start_method(self, experiment: Experiment) -> None:
        """The method is about to start."""
        self._tell("starting-method", experiment)

    def method_completed(self, experiment: Experiment, state: Any = None) -> None:
        """The method ended; after an interruption the host gives no state."""
        self._tell("method-finished", experiment, state)

    def start_rollbacks(self, experiment: Experiment) -> None:
        """The rollbacks are about to start."""
        self._run.rollbacks_start()
        self._tell("starting-rollback", experiment)

    def rollbacks_completed(self, experiment: Experiment, journal: Journal) -> None:
        """The rollbacks ended."""
        self._tell("rollback-finished", experiment, journal.get("rollbacks"))

    def activity_completed(self, activity: Activity, run: Any) -> None:
        """An activity ended; its pause is still to come, even where a signal ended it."""
        if self._run.guard is not None:
            self._run.guard.keep_leaving()

    def interrupted(self, experiment: Experiment, journal: Journal) -> None:
        """A control, or SIGTERM, ended the run."""
        self._leave()

    def signal_exit(self) -> None:
        """Ctrl-C, or one of the host's exit signals, ended the run."""
        self._leave()

    def _leave(self) -> None:
        with self._run.holding_back_stops():
            self._run.leaving()

    def _tell(self, event_type: str, experiment: Experiment, state: Any = None) -> None:
        with self._run.holding_back_stops():
            self._run.tell(event_type, experiment, state)
