"""Tolerances for what `chaoscloud.probes.http` measures: status codes and milliseconds.

Values and bounds are numbers, or text that spells one.
"""

from typing import Any

from chaoscloud.tolerances._bounds import is_within

__all__ = ["response_time_above", "response_time_under", "status_in_range", "status_must_be"]


def status_must_be(value: Any = None, expected: float | str = 200) -> bool:
    """Whether the status code is `expected`."""
    return is_within(value, expected, expected)


def status_in_range(value: Any = None, lower: float | str = 100, upper: float | str = 600) -> bool:
    """Whether the status code stands between `lower` and `upper`, both included."""
    return is_within(value, lower, upper)


def response_time_under(value: Any = None, duration: float | str = 0) -> bool:
    """Whether the response took `duration` milliseconds or less."""
    return is_within(value, upper=duration)


def response_time_above(value: Any = None, duration: float | str = 0) -> bool:
    """Whether the response took `duration` milliseconds or more."""
    return is_within(value, lower=duration)
