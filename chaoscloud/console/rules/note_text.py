"""What a note may be: a text within bounds, and the web address of a ticket."""

from chaoscloud.console.rules.run_context import LONGEST_URL, read_url
from chaoscloud.console.rules.soundness import plain

LONGEST_TEXT = 4_000  # characters


class InvalidNote(ValueError):
    """A note that cannot be kept; the message is a sentence for whoever wrote it."""


def clean_text(text: str) -> str:
    """The text of a note, as it is kept. Raises `InvalidNote`."""
    text = plain(text).replace("\r\n", "\n").strip()
    if not text:
        raise InvalidNote("A note needs a text.")
    if len(text) > LONGEST_TEXT:
        raise InvalidNote(f"A note has at most {LONGEST_TEXT:,} characters.")
    return text


def clean_ticket(address: str | None) -> str | None:
    """The address of a ticket, as it is kept; None for none. Raises `InvalidNote`."""
    if not address or not address.strip():
        return None
    ticket = read_url(address)
    if ticket is None:
        raise InvalidNote(
            "The ticket must be a web address that begins with http:// or https://,"
            f" of at most {LONGEST_URL:,} characters."
        )
    return ticket
