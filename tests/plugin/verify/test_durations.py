"""What a duration is worth in seconds, and what is none."""

from math import inf, isclose, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoscloud.verify.durations import seconds_of

amounts = st.integers(0, 10**6) | st.floats(0, 10**6)


@given(amounts)
def test_a_number_is_seconds_as_it_stands(seconds: float) -> None:
    """Integers and decimals are taken for seconds, unchanged."""
    assert seconds_of(seconds) == seconds


@given(days=amounts, hours=amounts, minutes=amounts, seconds=amounts)
def test_the_parts_of_an_object_add_up(
    days: float, hours: float, minutes: float, seconds: float
) -> None:
    """Documents of before 0.7 spell their durations out."""
    total = seconds_of({"days": days, "hours": hours, "minutes": minutes, "seconds": seconds})

    assert isclose(total, ((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def test_an_object_needs_not_have_all_its_parts() -> None:
    """A minute and a half is ninety seconds."""
    assert seconds_of({"minutes": 1, "seconds": 30}) == 90
    assert seconds_of({"days": 1}) == 86400


NONSENSE = {
    "text": ("10", "not a number"),
    "a truth": (True, "not a number"),
    "a list": ([10], "not a number"),
    "nothing": (None, "not a number"),
    "not a number": (nan, "no end"),
    "an infinity": (inf, "no end"),
    "less than nothing": (-1, "negative"),
    "an empty object": ({}, "may have days, hours, minutes, seconds"),
    "an unknown unit": ({"weeks": 1}, "may have days, hours, minutes, seconds"),
    "a part of text": ({"minutes": "1"}, "not a number"),
    "a part less than nothing": ({"minutes": 1, "seconds": -1}, "negative"),
}


@pytest.mark.parametrize(("value", "reason"), NONSENSE.values(), ids=NONSENSE.keys())
def test_anything_else_is_refused_with_the_reason(value: Any, reason: str) -> None:
    """What makes no sense as a duration says why."""
    with pytest.raises(ValueError, match=reason):
        seconds_of(value)
