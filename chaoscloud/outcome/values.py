"""Reading values of documents that may be of any type: what is not as expected is left out."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

__all__ = ["as_list", "as_map", "as_moment", "as_seconds", "as_text", "format_value"]


def as_map(value: object) -> Mapping[str, Any]:
    """The value when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The value when it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """The value when it is text, else none."""
    return value if isinstance(value, str) else ""


def as_seconds(value: object) -> float | None:
    """A duration in seconds when it is a number a clock could have said."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e12 else None


def as_moment(value: object) -> datetime | None:
    """An aware UTC time from ISO 8601 text; one without a zone was meant in UTC."""
    try:
        moment = datetime.fromisoformat(as_text(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def format_value(value: object) -> str:
    """Text as it is, anything else as JSON; what has no form in JSON is the name of its type."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return type(value).__name__
