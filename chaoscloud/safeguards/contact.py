"""Whether somebody answers: logged once when contact is lost, once when it is back."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypedDict

__all__ = ["CARRIES_ON", "Contact", "Gap", "utc_now"]

CARRIES_ON = "The experiment carries on without them until the console answers again."

logger = logging.getLogger("chaostoolkit")


class Gap(TypedDict):
    """A stretch of the run without safeguards; `until` is None when contact never came back."""

    since: str
    until: str | None
    reason: str


def utc_now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


class Contact:
    """Records the gaps of a run, as the journal's `chaosiq` block shows them."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self.gaps: list[Gap] = []
        self._now = now

    def record_loss(self, reason: str, consequence: str = CARRIES_ON) -> None:
        """Note that a question had no answer, and log what that means for the run."""
        if self._is_lost:
            logger.debug("Safeguards still do not answer: %s", reason)
            return
        self.gaps.append({"since": self._now().isoformat(), "until": None, "reason": reason})
        logger.warning("Safeguards could not be asked: %s. %s", reason, consequence)

    def record_answer(self) -> None:
        """Note that an answer came."""
        if self._is_lost:
            self.gaps[-1]["until"] = self._now().isoformat()
            logger.warning("Safeguards answer again: this run is guarded again.")

    @property
    def _is_lost(self) -> bool:
        return bool(self.gaps) and self.gaps[-1]["until"] is None
