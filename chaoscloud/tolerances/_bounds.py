"""Whether a value is a number, and stands between two others."""

from math import inf
from numbers import Real
from typing import Any, TypeGuard


def is_number(value: Any) -> TypeGuard[float]:
    """Whether `value` can be measured against a bound; true and false are no measurements."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_within(value: Any, lower: float = -inf, upper: float = inf) -> bool:
    """Whether `lower` ≤ `value` ≤ `upper`; never for NaN, nor for what is no number."""
    return is_number(value) and lower <= value <= upper
