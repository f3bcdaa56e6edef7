"""What is within tolerance of a status code or a response time."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoscloud.tolerances.http import (
    response_time_above,
    response_time_under,
    status_in_range,
    status_must_be,
)
from chaoscloud.tolerances.prometheus import result_value_between

numbers = st.integers() | st.floats(allow_nan=False)
NO_NUMBERS = [None, True, "two", "", "nan", [200], {"status": 200}, float("nan"), 1j]
ANYTHING = numbers | st.text() | st.none() | st.booleans() | st.binary() | st.lists(numbers)


@given(numbers, numbers)
def test_a_status_is_the_expected_one_or_not(value: float, expected: int) -> None:
    """Only the very status that is expected passes."""
    assert status_must_be(value, expected) is (value == expected)


@given(numbers, numbers, numbers)
def test_a_range_of_statuses_includes_its_bounds(value: float, lower: int, upper: int) -> None:
    """A status passes from the lower bound to the upper one, both included."""
    assert status_in_range(value, lower, upper) is (lower <= value <= upper)
    assert status_in_range(lower, lower, upper) is (lower <= upper)
    assert status_in_range(upper, lower, upper) is (lower <= upper)


@given(numbers, numbers)
def test_a_response_time_is_on_one_side_of_its_bound(value: float, duration: float) -> None:
    """Every time is under or above, and both at the bound itself."""
    assert response_time_under(value, duration) is (value <= duration)
    assert response_time_above(value, duration) is (value >= duration)


def test_the_defaults_are_those_of_stored_documents() -> None:
    """A document that names no bound expects 200, any HTTP status, and no time at all."""
    assert status_must_be(200)
    assert not status_must_be(201)
    assert status_in_range(100)
    assert status_in_range(600)
    assert not status_in_range(99)
    assert not response_time_under(0.1)
    assert response_time_above(0)


@pytest.mark.parametrize(
    "tolerance", [status_must_be, status_in_range, response_time_under, response_time_above]
)
@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_what_is_no_number_is_not_within_tolerance(tolerance: Any, value: Any) -> None:
    """A probe that measured nothing does not pass, and does not crash the run either."""
    assert tolerance(value) is False
    assert tolerance() is False


def test_numbers_may_be_text() -> None:
    """What a configuration reads from the environment always is."""
    assert status_must_be("200", "200")
    assert not status_must_be("200", "201")
    assert status_in_range(204, "200", "299")
    assert response_time_under("12.5", "20")
    assert response_time_above(30, " 20 ")
    assert not response_time_under(12.5, "")


@given(ANYTHING, ANYTHING, ANYTHING)
def test_nothing_makes_a_tolerance_raise(value: Any, lower: Any, upper: Any) -> None:
    """It answers yes or no: an error in it would end the experiment."""
    answers = [
        status_must_be(value, expected=lower),
        status_in_range(value, lower, upper),
        response_time_under(value, upper),
        response_time_above(value, lower),
        result_value_between(value, lower, upper),
    ]

    assert {type(answer) for answer in answers} == {bool}


def test_bounds_may_be_larger_than_any_float() -> None:
    """A whole number has no limit in a document."""
    assert status_in_range(1, -(10**400), 10**400)
    assert not response_time_under(10**400, 1)
