"""What messages for people say: the sentence, and the address."""

from chaoscloud.console.messages.events import (
    CORRECTED,
    IMPACTED,
    LOST_CONTACT,
    MISSED,
    REFUSED,
    SAFEGUARD_CHANGED,
    SAFEGUARD_RELEASED,
    SAFEGUARD_SET,
    STARTED,
    STOPPED,
    UNANSWERED,
    ConsoleEvent,
)

_LABELS = {
    STARTED: "Started",
    STOPPED: "Stopped",
    REFUSED: "Refused",
    UNANSWERED: "No answer",
    LOST_CONTACT: "Lost contact",
    CORRECTED: "Corrected",
    IMPACTED: "Impacted",
    MISSED: "Missed",
    SAFEGUARD_SET: "Safeguard",
    SAFEGUARD_CHANGED: "Safeguard",
    SAFEGUARD_RELEASED: "Safeguard",
}


def write_subject(event: ConsoleEvent) -> str:
    """One line for the head of a message: what kind of news, and where."""
    label = _LABELS.get(event.type) or (event.outcome or event.type).replace("-", " ").capitalize()
    place = f"{event.organization} / {event.team}" if event.team else event.organization
    return f"{label}: {event.title or event.sentence} ({place})"


def is_good(event: ConsoleEvent) -> bool:
    """Whether there is nothing to worry about: all went as it should."""
    return event.outcome == "passed" and event.conclusive is not False and not event.warnings
