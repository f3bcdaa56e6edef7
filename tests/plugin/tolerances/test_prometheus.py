"""What is within tolerance of an answer of Prometheus, whatever its shape."""

from math import inf
from typing import Any

import pytest
from chaoslib.hypothesis import within_tolerance
from hypothesis import given
from hypothesis import strategies as st

from chaoscloud.tolerances.prometheus import (
    extract_values,
    result_value_above,
    result_value_between,
    result_value_under,
)

NOW = 1700000000.781
TOLERANCES = [result_value_under, result_value_above, result_value_between]


def answer(kind: str, result: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


def vector(*values: str) -> dict[str, Any]:
    return answer("vector", [{"metric": {"job": "shop"}, "value": [NOW, v]} for v in values])


def matrix(*series: list[str]) -> dict[str, Any]:
    return answer("matrix", [{"metric": {}, "values": [[NOW, v] for v in vs]} for vs in series])


ERROR = {"status": "error", "errorType": "bad_data", "error": "parse error"}
HISTOGRAM = answer("vector", [{"metric": {}, "histogram": [NOW, {"count": "60", "sum": "33"}]}])
NOTHING = {
    "a failed query": ERROR,
    "a failed query with data": {**vector("0.5"), "status": "error"},
    "an empty vector": vector(),
    "an empty matrix": matrix(),
    "a series without samples": matrix([]),
    "a native histogram": HISTOGRAM,
    "a histogram beside a number": answer(
        "vector", [*vector("0.5")["data"]["result"], *HISTOGRAM["data"]["result"]]
    ),
    "a text": answer("string", [NOW, "half"]),
    "not a number": vector("NaN"),
    "not a number among others": vector("0.5", "NaN"),
    "no data": {"status": "success"},
    "damaged data": {"status": "success", "data": "vector"},
    "damaged series": answer("vector", ["up", None, 5]),
    "damaged sample": answer("vector", [{"value": 5}]),
    "no answer": None,
    "no document": "gateway timeout",
}


@pytest.mark.parametrize(
    ("document", "values"),
    [
        (vector("1", "2.5"), ["1", "2.5"]),
        (matrix(["1", "2"], ["3"]), ["1", "2", "3"]),
        (answer("vector", [{"metric": {}, "values": [[NOW, "7"]]}]), ["7"]),
        (answer("scalar", [NOW, "+Inf"]), ["+Inf"]),
        (answer("string", [NOW, "half"]), ["half"]),
        (vector("3")["data"], ["3"]),
        (matrix(["4", "5"])["data"]["result"], ["4", "5"]),
        ([NOW, "6"], ["6"]),
        (ERROR, []),
        (HISTOGRAM, ["NaN"]),
    ],
    ids=[
        "vector",
        "matrix",
        "values in a vector",
        "scalar",
        "string",
        "data only",
        "result only",
        "sample only",
        "error",
        "histogram",
    ],
)
def test_values_are_found_in_every_shape(document: Any, values: list[str]) -> None:
    """Vector, matrix, scalar and string, whole or in part, give their samples in order."""
    assert extract_values(document) == values


@pytest.mark.parametrize("tolerance", TOLERANCES)
@pytest.mark.parametrize("document", NOTHING.values(), ids=NOTHING.keys())
def test_an_answer_without_a_readable_number_is_not_within_tolerance(
    document: Any, tolerance: Any
) -> None:
    """A failed query, an empty result or no number never passes for a healthy system."""
    assert tolerance(document) is False


@pytest.mark.parametrize(
    ("value", "under", "above"), [("+Inf", False, True), ("-Inf", True, False)]
)
def test_an_infinity_fails_where_it_breaks_the_bound(value: str, under: bool, above: bool) -> None:
    """Plus infinity is above all bounds and minus infinity under them."""
    assert result_value_under(vector(value), upper=1) is under
    assert result_value_above(vector(value), lower=0) is above
    assert result_value_between(vector(value), lower=0, upper=1) is False


@given(st.lists(st.floats(), min_size=1), st.floats(), st.floats())
def test_every_sample_must_stand_between_the_bounds(
    samples: list[float], lower: float, upper: float
) -> None:
    """One sample outside, or one that is not a number, fails the whole answer."""
    document = vector(*map(repr, samples))

    assert result_value_between(document, lower, upper) is all(lower <= s <= upper for s in samples)
    assert result_value_under(document, upper) is all(s <= upper for s in samples)
    assert result_value_above(document, lower) is all(s >= lower for s in samples)


@given(st.floats(allow_nan=False))
def test_the_bounds_themselves_are_within(bound: float) -> None:
    """A sample that equals its bound passes."""
    document = matrix([repr(bound)])

    assert result_value_between(document, bound, bound)
    assert result_value_under(document, bound)
    assert result_value_above(document, bound)


@given(st.lists(st.lists(st.floats().map(repr), min_size=1)))
def test_no_sample_is_lost_on_the_way(series: list[list[str]]) -> None:
    """All samples of a matrix are found, in order, as Prometheus wrote them."""
    assert extract_values(matrix(*series)) == [value for values in series for value in values]


def test_the_default_bounds_are_nought_and_one() -> None:
    """A document that names no bound asks for a ratio."""
    assert result_value_between(vector("0", "1"))
    assert result_value_under(vector("1"))
    assert not result_value_under(vector("1.01"))
    assert result_value_above(vector("0"))
    assert not result_value_above(vector("-0.01"))
    assert result_value_under(vector("-Inf"), upper=-inf)


def test_the_host_finds_the_tolerance_by_its_name() -> None:
    """A stored document names the tolerance as a probe, and the host hands it the answer."""
    tolerance = {
        "type": "probe",
        "name": "few-errors",
        "provider": {
            "type": "python",
            "module": "chaoscloud.tolerances.prometheus",
            "func": "result_value_under",
            "arguments": {"upper": 0.05},
        },
    }

    assert within_tolerance(tolerance, vector("0.01"))
    assert not within_tolerance(tolerance, ERROR)
