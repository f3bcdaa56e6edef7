"""How long a run goes on without an answer, where safeguards are required.

What the user chose and what the organization imposes are kept apart: the stronger of them counts,
and what the console last said of the latter is remembered, so that its silence cannot lift it.
"""

import math
import time
from collections.abc import Callable

from chaoscloud.safeguards.contact import CARRIES_ON
from chaoscloud.types import GuardMode

__all__ = ["Lease"]


class Lease:
    """Renewed by each answer. `remember` gets what the organization says of requiring one."""

    def __init__(
        self,
        chosen: GuardMode = GuardMode.ON,
        imposed: bool = False,
        remember: Callable[[bool], None] = lambda _: None,
        seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._chosen = chosen
        self._imposed = imposed
        self._remember = remember
        self._seconds = seconds
        self._clock = clock
        self._answered_at = clock()

    @property
    def is_required(self) -> bool:
        """Whether a run must not start, or go on for long, without an answer."""
        return self._imposed or self._chosen is GuardMode.REQUIRED

    def renew(self, required: bool | None) -> None:
        """An answer came; `required` is what the organization says, None for nothing."""
        self._answered_at = self._clock()
        if required is not None and required != self._imposed:
            self._imposed = required
            self._remember(required)

    def time_left(self) -> float:
        """Seconds the run may go on without an answer."""
        if not self.is_required:
            return math.inf
        return self._answered_at + self._seconds - self._clock()

    def describe_loss(self, has_started: bool) -> str:
        """What it means for the run that nobody answers."""
        if not self.is_required:
            return CARRIES_ON
        if not has_started:
            return "They are required: the experiment does not start without them."
        return (
            "They are required: the experiment is stopped unless the console answers "
            f"within {self._seconds:g} seconds."
        )
