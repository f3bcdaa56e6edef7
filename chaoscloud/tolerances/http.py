"""Tolerances for what `chaoscloud.probes.http` measures: status codes and milliseconds."""

from typing import Any

from chaoscloud.tolerances._bounds import is_number, is_within

__all__ = ["response_time_above", "response_time_under", "status_in_range", "status_must_be"]


def status_must_be(value: Any = None, expected: int = 200) -> bool:
    """Whether the status code is `expected`."""
    return is_number(value) and value == expected


def status_in_range(value: Any = None, lower: int = 100, upper: int = 600) -> bool:
    """Whether the status code stands between `lower` and `upper`, both included."""
    return is_within(value, lower, upper)


def response_time_under(value: Any = None, duration: float = 0) -> bool:
    """Whether the response took `duration` milliseconds or less."""
    return is_within(value, upper=duration)


def response_time_above(value: Any = None, duration: float = 0) -> bool:
    """Whether the response took `duration` milliseconds or more."""
    return is_within(value, lower=duration)
