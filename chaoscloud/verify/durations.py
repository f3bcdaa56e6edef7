"""How long something takes, as documents write it down."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

__all__ = ["seconds_of"]

UNITS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def seconds_of(value: Any) -> float:
    """A duration in seconds, from a number of them or from an object of the years before 0.7.

    That object has at least one of `days`, `hours`, `minutes` and `seconds`, which add up. Raises
    `ValueError` with the reason for anything else, and for what is negative or not finite.
    """
    if not isinstance(value, Mapping):
        return _amount(value)
    if not value or not set(value) <= set(UNITS):
        raise ValueError(f"an object may have {', '.join(UNITS)} and nothing else")
    return sum(_amount(amount) * UNITS[unit] for unit, amount in value.items())


def _amount(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")  # noqa: TRY004 - it is the document's fault
    if not isfinite(value):
        raise ValueError(f"{value} has no end")
    if value < 0:
        raise ValueError(f"{value} is negative")
    return value
