"""How a state is said and shown: its word, and the class that gives it colour and sign."""

from datetime import datetime
from typing import Protocol

import msgspec

from chaoscloud.console.records.execution_lists import SILENCE


class Ending(Protocol):
    """The fields that say how an execution ended; `outcome` is None while it goes on."""

    @property
    def status(self) -> str: ...
    @property
    def outcome(self) -> str | None: ...
    @property
    def conclusive(self) -> bool | None: ...
    @property
    def last_seen_at(self) -> datetime: ...


class Look(msgspec.Struct, frozen=True):
    """A word for people, a name for the stylesheet, and a letter where there is room for one."""

    word: str
    css: str
    letter: str = ""


RUNNING = Look("Running", "running")
LOST = Look("Lost contact", "lost")
UNKNOWN = Look("Unknown", "unknown", "?")

# By outcome. A letter tells the small bars of a strip apart, for whom colours do not.
EXECUTIONS = {
    "passed": Look("Passed", "completed"),
    "deviated": Look("Deviated", "deviated", "D"),
    "baseline-not-met": Look("Baseline not met", "baseline", "B"),
    "probe-error": Look("Probe error", "probe-error", "P"),
    "failed": Look("Failed", "failed", "F"),
    "aborted": Look("Aborted", "aborted", "A"),
    "interrupted": Look("Interrupted", "interrupted", "I"),
    "refused": Look("Refused", "refused", "R"),
    "unknown": UNKNOWN,
}
PASSED_INCONCLUSIVE = Look("Passed, inconclusive", "inconclusive", "~")

ACTIVITIES = {
    "succeeded": Look("Succeeded", "succeeded"),
    "failed": Look("Failed", "failed", "F"),
    "outside tolerance": Look("Outside tolerance", "outside", "D"),
    "not finished": Look("Not finished", "unfinished", "N"),
    "running": Look("Running", "running"),
    "to come": Look("To come", "not-run"),
    "not run": Look("Not run", "not-run"),
    "met": Look("Held", "met"),
    "deviated": Look("Did not hold", "deviated", "D"),
    "unknown": Look("Unknown", "unknown"),
    "pause": Look("Pause", "pause"),
    "unanswered": Look("Safeguards did not answer", "unanswered"),
    "alert": Look("An alert fired", "alert", "A"),
}


def execution(row: Ending, now: datetime) -> Look:
    """How an execution ended, or that it goes on: that is believed while it is heard of."""
    if row.status == "running":
        return LOST if now - row.last_seen_at > SILENCE else RUNNING
    if row.outcome == "passed" and not row.conclusive:
        return PASSED_INCONCLUSIVE
    look = EXECUTIONS.get(row.outcome or "", UNKNOWN)
    if row.outcome == "deviated" and not row.conclusive:
        return Look("Deviated, inconclusive", look.css, look.letter)
    return look


def activity(status: str) -> Look:
    """How an activity, or a test of the hypothesis, went."""
    return ACTIVITIES.get(status, UNKNOWN)


def hypothesis(met: bool | None) -> Look:
    """How a test of the hypothesis went."""
    return ACTIVITIES[{True: "met", False: "deviated", None: "not finished"}[met]]


# What a drawing's colours mean; one entry where one colour means several things.
LEGEND = (
    (("succeeded", "met"), Look("Succeeded, held", "succeeded")),
    (("running",), Look("Running", "running")),
    (("failed",), Look("Failed", "failed", "F")),
    (("outside tolerance", "deviated"), Look("Did not hold", "deviated", "D")),
    (("not finished", "unknown"), Look("Not finished", "unfinished", "N")),
    (("pause",), Look("Pause", "pause")),
    (("alert",), Look("An alert fired", "alert", "A")),
    (("unanswered",), Look("Safeguards did not answer", "unanswered")),
)


def legend(drawn: set[str]) -> list[Look]:
    """The entries for what is drawn, and no others."""
    return [look for words, look in LEGEND if drawn.intersection(words)]
