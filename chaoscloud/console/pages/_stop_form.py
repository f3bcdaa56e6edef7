"""The form that stops runs: why, and for how long."""

from collections.abc import Mapping
from datetime import datetime, timedelta

LONGEST_REASON = 300  # characters; every machine that is stopped shows it in one line

EXPIRIES: Mapping[str, tuple[str, timedelta | None]] = {  # the field's value: its words, its length
    "": ("Until somebody releases it", None),
    "30m": ("30 minutes", timedelta(minutes=30)),
    "2h": ("2 hours", timedelta(hours=2)),
    "8h": ("8 hours", timedelta(hours=8)),
    "1d": ("1 day", timedelta(days=1)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
}


class InvalidReason(Exception):
    """There is no reason, or none that can be shown; `typed` is as much of it as can be shown."""

    def __init__(self, message: str, typed: str = "") -> None:
        super().__init__(message)
        self.typed = typed


def reason_of(form: Mapping[str, str]) -> str:
    """The reason in a form, as one line. Raises `InvalidReason`."""
    reason = " ".join(form.get("reason", "").split())
    if not reason:
        raise InvalidReason("Say why: whoever is stopped reads it.")
    if len(reason) > LONGEST_REASON:
        message = f"Say it in at most {LONGEST_REASON} characters: it is shown in one line."
        raise InvalidReason(message, reason[:LONGEST_REASON])
    return reason


def expiry_of(form: Mapping[str, str], now: datetime) -> datetime | None:
    """When what the form sets ends; None for never, or for a value that no form offers."""
    _, length = EXPIRIES.get(form.get("for", ""), EXPIRIES[""])
    return now + length if length else None


def expiry_choices(endless: str) -> dict[str, str]:
    """What a form offers as its length; `endless` says what no end means there."""
    return {value: words for value, (words, _) in EXPIRIES.items()} | {"": endless}
