"""How a state is said and shown: its word, and the class that gives it colour and sign."""

from datetime import datetime

import msgspec

from chaoscloud.console.records.execution_views import SILENCE


class Look(msgspec.Struct, frozen=True):
    """A word for people and a name for the stylesheet."""

    word: str
    css: str


EXECUTIONS = {
    "running": Look("Running", "running"),
    "completed": Look("Completed", "completed"),
    "deviated": Look("Deviated", "deviated"),
    "failed": Look("Failed", "failed"),
    "aborted": Look("Aborted", "aborted"),
    "interrupted": Look("Interrupted", "interrupted"),
    "refused": Look("Refused", "refused"),
}
LOST = Look("Lost contact", "lost")

OUTCOMES = {
    "succeeded": Look("Succeeded", "succeeded"),
    "failed": Look("Failed", "failed"),
    "outside tolerance": Look("Outside tolerance", "outside"),
    "not finished": Look("Not finished", "unfinished"),
    "running": Look("Running", "running"),
    "to come": Look("To come", "unplayed"),
    "not played": Look("Not played", "unplayed"),
    "met": Look("Held", "met"),
    "deviated": Look("Did not hold", "deviated"),
    "unknown": Look("Not finished", "unfinished"),
    "pause": Look("Pause", "pause"),
    "unanswered": Look("Safeguards did not answer", "unanswered"),
}


def execution(status: str, last_seen: datetime, now: datetime) -> Look:
    """How an execution stands; one that says it runs is believed while it is heard of."""
    if status == "running" and now - last_seen > SILENCE:
        return LOST
    return EXECUTIONS.get(status, Look(status or "Unknown", "unknown"))


def outcome(word: str) -> Look:
    """How an activity, or a test of the hypothesis, went."""
    return OUTCOMES.get(word, Look(word, "unknown"))


def hypothesis(met: bool | None) -> Look:
    """How a test of the hypothesis went."""
    return OUTCOMES[{True: "met", False: "deviated", None: "unknown"}[met]]


# What a drawing's colours mean; one entry where one colour means several things.
LEGEND = (
    (("succeeded", "met"), Look("Succeeded, held", "succeeded")),
    (("running",), Look("Running", "running")),
    (("failed",), Look("Failed", "failed")),
    (("outside tolerance", "deviated"), Look("Did not hold", "deviated")),
    (("not finished", "unknown"), Look("Not finished", "unfinished")),
    (("pause",), Look("Pause", "pause")),
    (("unanswered",), Look("Safeguards did not answer", "unanswered")),
)


def legend(drawn: set[str]) -> list[Look]:
    """The entries for what is drawn, and no others."""
    return [look for words, look in LEGEND if drawn.intersection(words)]
