"""Whether a value is a number, and stands between two others.

Bounds and values may come as text: what a configuration reads from the environment always does.
"""

from math import inf, nan
from numbers import Real
from typing import Any

__all__ = ["is_within", "read_number"]


def read_number(value: Any) -> float:
    """The number that `value` is or spells; NaN for anything else, true and false included."""
    if isinstance(value, bool):
        return nan
    if isinstance(value, int):
        return value  # exactly, however large
    if isinstance(value, Real | str | bytes):
        try:
            return float(value)
        except (ValueError, OverflowError):
            return nan
    return nan


def is_within(value: Any, lower: Any = -inf, upper: Any = inf) -> bool:
    """Whether `lower` ≤ `value` ≤ `upper`; never where one of them is no number."""
    number, least, most = map(read_number, (value, lower, upper))
    return least <= number <= most  # comparisons with NaN are false
