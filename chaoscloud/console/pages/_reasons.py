"""The reason that somebody gives for a stop: whoever is stopped reads it."""

from collections.abc import Mapping

LONGEST = 300  # characters; it is said in one line on every machine it stops


class Unsaid(Exception):
    """There is no reason, or none that can be shown; `typed` is what there is of it."""

    def __init__(self, message: str, typed: str = "") -> None:
        super().__init__(message)
        self.typed = typed


def reason_of(given: Mapping[str, str]) -> str:
    """The reason in a form, as one line. Raises `Unsaid`."""
    reason = " ".join(given.get("reason", "").split())
    if not reason:
        raise Unsaid("Say why: whoever is stopped reads it.")
    if len(reason) > LONGEST:
        wrong = f"Say it in at most {LONGEST} characters: it is shown in one line."
        raise Unsaid(wrong, reason[:LONGEST])
    return reason
