"""What people read of a run's record at its end, and what its journal keeps of that. Pure."""

import logging
from dataclasses import dataclass
from typing import Any

__all__ = ["Tally"]

SENDS_IT = "What is kept goes with the next run, or with `chaos publish`"


@dataclass(frozen=True)
class Tally:
    """What became of a run's records.

    `kept` lie on the disk; `refused` were not taken by the console; `gone` were dropped, or never
    written. `reason` says why something is kept, `loss` why something is lost.
    """

    sent: int = 0
    kept: int = 0
    refused: int = 0
    gone: int = 0
    reason: str = ""
    loss: str = ""

    @property
    def lost(self) -> int:
        """How many will never reach the console."""
        return self.refused + self.gone

    def line(self) -> tuple[int, str]:
        """One line for people, and its level."""
        said = [f"{self.sent} sent to the console"]
        if self.kept:
            said.append(f"{self.kept} kept on this machine ({self._why_kept})")
        if self.lost:
            said.append(f"{self.lost} not recorded ({self.loss})")
        text = f"The record of this run: {', '.join(said)}."
        if self.kept:
            text = f"{text} {SENDS_IT}."
        return (logging.WARNING if self.kept or self.lost else logging.INFO), text

    def notes(self, run: str) -> dict[str, dict[str, Any] | None]:
        """What the journal's `chaosiq` block keeps; None where there is nothing to say."""
        kept = {"records": self.kept, "reason": self._why_kept, "run": run}
        lost = {"lost": self.lost, "reason": self.loss}
        return {"kept": kept if self.kept else None, "not_recorded": lost if self.lost else None}

    @property
    def _why_kept(self) -> str:
        return self.reason or "there was no time to send it"
