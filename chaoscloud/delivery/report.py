"""What the console knows of a run, and what people and the journal learn of its record. Pure."""

import logging
from dataclasses import dataclass
from typing import Any

from chaoscloud.api.answers import hide_addresses

__all__ = ["Registration", "Report"]

SENDS_IT = "What is pending is sent by the next run, or by `chaos publish`"


@dataclass(frozen=True)
class Registration:
    """What the console knows of a run; each id is None as long as it has not given it.

    `address` is the page of the execution, for people, `run_address` that of the verification run;
    `problem` is why the run is not recorded,
    `pending` why it is recorded on this machine only, so far, and `disk_error` why not even there.
    """

    experiment_id: str | None = None
    execution_id: str | None = None
    run_id: str | None = None
    address: str | None = None
    run_address: str | None = None
    problem: str | None = None
    pending: str | None = None
    disk_error: str = ""

    @property
    def ids(self) -> dict[str, str | None]:
        """The ids of experiment and execution, under their names in a `chaosiq` block."""
        return {"experiment_id": self.experiment_id, "execution_id": self.execution_id}

    def describe_pending(self, subject: str) -> str:
        """One line on a run that the console does not know yet."""
        if self.disk_error:
            where = f"nor can it be kept on this machine ({self.disk_error}): it may be lost"
        else:
            where = "it is recorded on this machine, and the next run or `chaos publish` sends it"
        return f"The console does not take this {subject}'s record now ({self.pending}); {where}."


@dataclass(frozen=True)
class Report:
    """What became of a run's records.

    `pending` ones lie on the disk; `rejected` were not taken by the console; `lost` were dropped,
    or never written. `reason` says why something is pending, `loss` why something is missing, and
    either may name the console at `console_url`.
    """

    run: str = ""
    console_url: str = ""
    address: str | None = None
    sent: int = 0
    pending: int = 0
    rejected: int = 0
    lost: int = 0
    reason: str = ""
    loss: str = ""

    def describe(self) -> tuple[int, str]:
        """The level of one line for people, and the line."""
        parts = [f"{self.sent} sent to the console"]
        if self.pending:
            parts.append(f"{self.pending} pending on this machine ({self._why_pending})")
        if self.rejected:
            parts.append(f"{self.rejected} rejected by the console ({self.loss})")
        if self.lost:
            parts.append(f"{self.lost} lost ({self.loss})")
        text = f"The record of this run: {', '.join(parts)}."
        if self.address:
            text += f" See {self.address}"
        if self.pending:
            text = f"{text}{'.' if self.address else ''} {SENDS_IT}."
        if self.rejected:
            end = "" if text.endswith(".") else "."
            text += f"{end} `chaos publish --rejected` tries again what was rejected."
        troubled = self.pending or self.rejected or self.lost
        return (logging.WARNING if troubled else logging.INFO), text

    def as_notes(self) -> dict[str, dict[str, Any] | None]:
        """What the journal's `chaosiq` block keeps; None where there is nothing to say."""
        why_pending, why_missing = (
            hide_addresses(reason, self.console_url) for reason in (self._why_pending, self.loss)
        )
        pending = {"records": self.pending, "reason": why_pending, "run": self.run}
        missing = {"lost": self.rejected + self.lost, "reason": why_missing}
        return {
            "pending": pending if self.pending else None,
            "not_recorded": missing if missing["lost"] else None,
        }

    @property
    def _why_pending(self) -> str:
        return self.reason or "there was no time to send it"
