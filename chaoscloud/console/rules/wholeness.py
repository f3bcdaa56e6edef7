"""Documents from which something was taken out before they were sent: they are not run as if whole.

The plugin replaces secrets by a marker, takes the user part out of urls, and says in the `chaosiq`
block how much was taken out (`redacted`). Documents of earlier versions have the marker alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from chaoscloud.console.rules import documents

MARKER = "[redacted]"

REFERENCE = '{"type": "env", "key": "NAME"}'


class Removal(msgspec.Struct, frozen=True):
    """How much was taken out of a document; whether only values that its `secrets` state."""

    count: int
    is_of_inline_secrets: bool

    @property
    def reason(self) -> str:
        """Why the document is not handed out to be run."""
        if self.is_of_inline_secrets:
            return (
                "The values of this document's secrets are missing: they were written in it, and "
                "secrets are taken out before a document is sent."
            )
        places = "1 place" if self.count == 1 else f"{self.count} places"
        return (
            f"Something was taken out of this document before it was sent, in {places} (shown as "
            f"{MARKER}, or a user in a url): the values of secrets stay where they are used. What "
            "would run is not what its author wrote."
        )

    def advise(self, kind: str) -> str:
        """What to do about it; `kind` is `experiment` or `verification`."""
        advice = f"Under `secrets`, refer to each value by {REFERENCE} or by a reference to a vault"
        if not self.is_of_inline_secrets:
            advice += ", and write `${name}` where a value stands now"
        again = ", and make the verification again of it" if kind == "verification" else ""
        return f"{advice}. Then run that file{again}: its document is whole."


def find_removal(document: Mapping[str, Any]) -> Removal | None:
    """What was taken out of a decoded document; None for one that is whole."""
    places = [key for key, value in document.items() for _ in _markers_in([key, value])]
    marked = documents.removed_from(document)
    if not places and not marked:
        return None
    is_inline = set(places) == {"secrets"} and marked <= len(places)
    return Removal(max(marked, len(places)), is_inline)


def _markers_in(value: Any) -> Iterator[None]:
    """Once for each text with a marker, keys included."""
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, str) and MARKER in part:
            yield None
        elif isinstance(part, dict):
            pending += [*part, *part.values()]
        elif isinstance(part, list):
            pending += part
