"""Journals that earlier runs left in files: read them, know them again, and know their secrets."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaoscloud.commands.failures import CommandFailed
from chaoscloud.extension import get_extension
from chaoscloud.types import Journal

__all__ = [
    "find_pending_run",
    "fingerprint",
    "is_finished",
    "known_secrets",
    "read_journal",
    "sort_keys",
]

STATUSES = ("completed", "failed", "aborted", "interrupted")
"""How the host says that a run ended."""


def read_journal(path: str) -> Journal:
    """The journal in a file. Raises `CommandFailed` saying why it is none."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        # The host writes NaN and infinities as Python does; nobody else reads them but as words.
        journal = json.loads(text, parse_constant=str)
    except OSError as x:
        raise CommandFailed(f"cannot be read: {x.strerror or x}") from x
    except (ValueError, RecursionError) as x:
        raise CommandFailed(f"is not a journal: {x}") from x
    if not isinstance(journal, dict) or not isinstance(journal.get("experiment"), dict):
        raise CommandFailed("is not a journal: it holds no experiment")
    if not any(journal.get(key) for key in ("start", "end", "run", "steady_states")):
        raise CommandFailed("is not a journal: it does not say when or what was run")
    if journal.get("status") not in STATUSES and journal.get("end"):
        journal["status"] = "aborted"  # it has ended, however it calls that
    return journal


def is_finished(journal: object) -> bool:
    """Whether a journal tells how its run ended."""
    return isinstance(journal, dict) and journal.get("status") in STATUSES


def sort_keys(document: Any) -> Any:
    """A copy whose keys are in order: the same document is the same text, whoever wrote it."""
    return json.loads(json.dumps(document, sort_keys=True))


def find_pending_run(journal: Journal) -> str | None:
    """The id under which the outbox keeps a run that is still to be sent; None if it does not.

    Whoever publishes the journal as well must not make a second execution.
    """
    block = get_extension(journal) or {}
    pending = block.get("pending") or block.get("kept")  # as version 1.0.0 called it
    run = pending.get("run") if isinstance(pending, dict) else None
    return run if isinstance(run, str) else None


def fingerprint(kind: str, document: Mapping[str, Any]) -> str:
    """A key that the same document gives each time, however its keys are ordered: 64 hex digits.

    `kind` keeps apart what is made of the same document.
    """
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{kind}:{canonical}".encode()).hexdigest()


def known_secrets(secrets: object, environ: Mapping[str, str]) -> dict[str, Any]:
    """The values of an experiment's secrets that can be known after its run, in their groups.

    Written in the document, or still in the environment; a vault is not asked again.
    """
    if not isinstance(secrets, dict):
        return {}
    values = {str(name): _value(secret, environ) for name, secret in secrets.items()}
    return {name: value for name, value in values.items() if value is not None}


def _value(secret: object, environ: Mapping[str, str]) -> object:
    match secret:
        case {"type": "env", "key": key}:
            return environ.get(str(key))
        case {"type": "vault"}:
            return None
        case dict():
            return known_secrets(secret, environ)
        case _:
            return secret
