"""Write a journal where the user wants it, as the host does."""

import json
from typing import Any

from chaostoolkit import encoder

from chaoscloud.types import Journal
from chaoscloud.verify.exceptions import VerificationException

__all__ = ["write_journal"]


def write_journal(journal: Journal, path: str) -> None:
    """Write a journal as JSON to `path`. Raises `VerificationException` where it cannot."""
    text = json.dumps(journal, indent=2, ensure_ascii=False, default=_simpler)
    try:
        # A journal holds what processes said, which may be no text in any encoding.
        with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as x:
        raise VerificationException(f"The journal cannot be written to {path}: {x}") from x


def _simpler(value: object) -> Any:
    """The host's way to write a value, else how Python shows it: a journal is never given up."""
    try:
        return encoder(value)
    except TypeError:
        return repr(value)
