"""Hears from the host that a run is interrupted, and ends waits, samples and activities for it."""

import signal
import threading
from collections.abc import Callable
from typing import Any

from chaoslib.exceptions import InterruptExecution
from chaoslib.run import RunEventHandler

from chaoscloud.types import Experiment, Journal
from chaoscloud.verify.phases import Phases
from chaoscloud.verify.sampling import Sampler

__all__ = ["RunWatch"]


class RunWatch(RunEventHandler):  # type: ignore[misc]  # the host publishes no types
    """A run event handler, which also gives the journal its `measurements`."""

    def __init__(self, phases: Phases, sampler: Sampler) -> None:
        self._phases = phases
        self._sampler = sampler

    def started(self, experiment: Experiment, journal: Journal) -> None:
        """The journal is there, and the host listens to signals."""
        # The same list, so that both hold the same samples whenever somebody looks.
        journal["measurements"] = journal["steady_states"]["during"]
        if threading.current_thread() is threading.main_thread():
            _note_sigterm(journal)

    def continuous_hypothesis_completed(
        self, experiment: Experiment, journal: Journal, exception: Exception | None = None
    ) -> None:
        """Sampling is over. If a control interrupted it, that must reach the run's thread."""
        if isinstance(exception, InterruptExecution):
            self._phases.interrupt()

    def interrupted(self, experiment: Experiment, journal: Journal) -> None:
        """The run is interrupted by a control or by SIGTERM."""
        self._leave()

    def signal_exit(self) -> None:
        """The run is interrupted by Ctrl-C or by the host's own exit signals."""
        self._leave()

    def _leave(self) -> None:
        self._phases.leave()
        self._sampler.stop()


def _note_sigterm(journal: Journal) -> None:
    """Mark the journal as the signal arrives, then do as the host does.

    What the host raises may be swallowed, in an event handler for instance: the mark is still there
    at the next look. The host puts back the handler it found before the run.
    """
    previous = signal.getsignal(signal.SIGTERM)
    if callable(previous):
        signal.signal(signal.SIGTERM, _marking(journal, previous))


def _marking(journal: Journal, previous: Callable[..., Any]) -> Callable[..., Any]:
    def mark(signum: int, frame: Any) -> Any:
        if journal["status"] is None:
            journal["status"] = "interrupted"
        return previous(signum, frame)

    return mark
