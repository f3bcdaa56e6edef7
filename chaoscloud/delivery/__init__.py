"""The one place where what happened goes out.

Controls hand over what the host gave them, as it is. A delivery takes a redacted copy, sends it or
keeps it, and never raises into the experiment: what could not be delivered is said once, counted,
and remembered for the journal's `chaosiq` block.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from chaoscloud.types import Experiment, Journal


@dataclass(frozen=True)
class Started:
    """What the console knows of a run that starts; each id is None where it could not be told.

    `address` is the page of the execution, for people; `problem` is why the run is not recorded,
    `kept` why it is recorded on this machine only, so far, and `trouble` why not even there.
    """

    experiment_id: str | None = None
    execution_id: str | None = None
    address: str | None = None
    problem: str | None = None
    kept: str | None = None
    trouble: str = ""

    @property
    def ids(self) -> dict[str, str | None]:
        """Both ids, under the names they have in a `chaosiq` block."""
        return {"experiment_id": self.experiment_id, "execution_id": self.execution_id}


class Delivery(Protocol):
    """What controls need of a way to the console. No method raises."""

    @property
    def started(self) -> Started:
        """What the console knows of the run so far."""

    def start(self, experiment: Experiment, journal: Journal) -> Started:
        """Tell that a run starts: the experiment first, then its execution."""

    def join(self, experiment_id: str | None, execution_id: str | None) -> None:
        """Deliver for an execution that exists already, as a verification's does."""

    def event(self, event_type: str, context: object, state: object = None) -> None:
        """Tell what happened: `context` is what it happened to, `state` what came of it."""

    def finish(self, journal: Journal) -> None:
        """Tell that the run ended, with its journal."""

    def close(self) -> None:
        """Give back what was held, connections first."""

    @property
    def notes(self) -> dict[str, Any]:
        """What is not in the console, as the journal's block shows it; empty values are left out.

        `kept` counts what is still to be sent, `not_recorded` what never will be.
        """
