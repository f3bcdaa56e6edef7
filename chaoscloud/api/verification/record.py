"""What a handler needs of a record that outlives a console that is away."""

from typing import Any, Protocol

from chaoscloud.api.verification.samples import Results
from chaoscloud.api.verification.start import Kept, Start
from chaoscloud.types import Experiment, Journal, Secrets

__all__ = ["Record"]


class Record(Protocol):
    """A run's record. It makes its own copies without secrets, and no method but `begin` waits."""

    def begin(self, experiment: Experiment, journal: Journal, secrets: Secrets) -> Start | Kept:
        """Tell that the run starts, and name the ids that are known in the experiment."""

    def tell(self, category: str, payload: Any) -> None:
        """Tell what happened."""

    def end(self, journal: Journal, results: Results) -> None:
        """Tell that the run ended."""

    def close(self) -> None:
        """Wait, a few seconds at most, for what is still to be sent."""
