"""Turn a document into JSON as the host does for the journal's file, enumerations included."""

import decimal
import enum
import json
import uuid
from datetime import date
from typing import Any

__all__ = ["simplify", "to_json"]


def to_json(document: Any) -> str:
    """The document as JSON text, in ASCII.

    Raises `TypeError` for a value JSON has no form for, and `ValueError` for a number it has none
    for, a document that contains itself, or one too deep to be read.
    """
    try:
        return json.dumps(document, default=simplify, allow_nan=False)
    except RecursionError as error:
        raise ValueError("The document is nested too deeply.") from error


def simplify(value: object) -> Any:
    """The simpler value that stands for one JSON does not know; `TypeError` if there is none."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, date):  # and datetime; the time zone is the author's
        return value.isoformat()
    if isinstance(value, decimal.Decimal | uuid.UUID):
        return str(value)
    raise TypeError(f"An object of type '{type(value).__name__}' has no form in JSON.")
