"""A webhook: somebody else's service lets runs pass, asked by the console once a period."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from chaoscloud.console.rules.verdict.words import Answer, Question, Safeguard, Said, refusal

LIMIT = 5.0  # seconds for one answer, from the name's look-up to the last byte


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to ask, how long an answer holds (`every`, seconds), and what counts without one."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    when_unanswered: Literal["allow", "deny"]
    every: Annotated[float, msgspec.Meta(ge=5, le=3600)] = 30.0

    def __post_init__(self) -> None:
        """Refuse what is no address to ask."""
        ensure_address(self.url)


def ensure_address(url: str) -> None:
    """Raise `ValueError` unless this is an address the console may be asked to call."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("url: Expected an address without spaces and accents")
    try:
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fit = False
    if not fit:
        raise ValueError("url: Expected an address such as https://gate.example.com/chaos")
    if "@" in parts.netloc:
        raise ValueError("url: Expected an address without a user's name or password")


def says(safeguard: Safeguard, settings: Settings, asked: Question) -> Said:
    """No, when the answer was no, or when there is none and none means no."""
    answer = asked.facts.answers.get(safeguard.id) or Answer(
        None, "it was not asked yet", safeguard.since
    )
    if answer.ok or (answer.ok is None and settings.when_unanswered == "allow"):
        return Said()
    why = "could not be asked: " if answer.ok is None else ""
    said = f" ({why}{answer.said})" if answer.said else ""
    return Said(refusal(safeguard, reason=f"{safeguard.reason}{said}", since=answer.since))
