"""How strongly a run is guarded: carry on without an answer, or not.

What the user chose and what the organization imposes are kept apart: the stronger of them counts,
and what the console last said of the latter is remembered, so that its silence cannot lift it.
"""

from collections.abc import Callable

__all__ = ["Strength"]


class Strength:
    """Whether an answer is required. `remember` keeps what the organization says."""

    def __init__(
        self,
        chosen: bool = False,
        imposed: bool = False,
        remember: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._chosen = chosen
        self._imposed = imposed
        self._remember = remember

    @property
    def required(self) -> bool:
        """Whether a run without an answer must not start, or go on for long."""
        return self._chosen or self._imposed

    def told(self, required: bool | None) -> None:
        """Hear what the organization says; None is nothing new."""
        if required is None or required == self._imposed:
            return
        self._imposed = required
        self._remember(required)
