"""YAML files people keep: read with a complaint in one line, written so that it comes back."""

import os
from pathlib import Path
from typing import Any

import yaml

__all__ = ["UNREADABLE", "complaint", "dump", "read"]

# PyYAML lets through the ValueError of a date such as 2026-13-45; bad UTF-8 raises another one.
UNREADABLE = (OSError, ValueError, RecursionError, yaml.YAMLError)

# PyYAML takes these for line breaks, even where it wrote them for what they are.
_ODD_BREAKS = "\x85\u2028\u2029"


def read(path: str | os.PathLike[str]) -> Any:
    """What the file says; raises one of `UNREADABLE`."""
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def dump(document: Any) -> str:
    """The document as YAML, its order kept, and readable where that loses nothing."""
    readable = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    if any(character in readable for character in _ODD_BREAKS):
        return yaml.safe_dump(document, sort_keys=False)
    return readable


def complaint(path: str | os.PathLike[str], error: Exception) -> str:
    """In one line: which file cannot be read, at which line, and why."""
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark else ""
    reason = getattr(error, "problem", None) or getattr(error, "strerror", None) or error
    return f"{path}{line} cannot be read: {' '.join(str(reason).split())}"
