"""Tolerances for a whole answer of the Prometheus HTTP API.

Its shapes, from https://prometheus.io/docs/prometheus/latest/querying/api/ — a sample is always
`[unix time, "value"]`, the value a string, `"NaN"`, `"+Inf"` and `"-Inf"` among them:

    {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": S}]}}
    {"status": "success", "data": {"resultType": "matrix", "result": [{"values": [S, S]}]}}
    {"status": "success", "data": {"resultType": "scalar", "result": S}}      or "string"
    {"status": "error", "errorType": "bad_data", "error": "parse error"}
"""

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

from chaoscloud.tolerances._bounds import is_within

__all__ = ["extract_values", "result_value_above", "result_value_between", "result_value_under"]


def result_value_under(value: Any = None, upper: float | str = 1.0) -> bool:
    """Whether each sample of the answer is `upper` or less."""
    return _each_within(value, -inf, upper)


def result_value_above(value: Any = None, lower: float | str = 0.0) -> bool:
    """Whether each sample of the answer is `lower` or more."""
    return _each_within(value, lower, inf)


def result_value_between(
    value: Any = None, lower: float | str = 0, upper: float | str = 1.0
) -> bool:
    """Whether each sample of the answer stands between `lower` and `upper`, both included."""
    return _each_within(value, lower, upper)


def extract_values(result: Any) -> list[str]:
    """The values of all samples in an answer, as Prometheus wrote them, in its order.

    `result` is the whole answer, or only its `data`, or only the `result` within. A query that
    failed has none. A series without a readable number (a native histogram) counts as one `"NaN"`,
    so that no bound is ever met on its behalf.
    """
    return list(_values(_result_of(result)))


def _each_within(answer: Any, lower: float | str, upper: float | str) -> bool:
    values = extract_values(answer)
    return bool(values) and all(is_within(value, lower, upper) for value in values)


def _result_of(answer: Any) -> Any:
    if not isinstance(answer, Mapping):
        return answer
    if answer.get("status", "success") != "success":
        return None
    return answer["result"] if "result" in answer else _result_of(answer.get("data"))


def _values(result: Any) -> Iterator[str]:
    if _is_sample(result):
        yield str(result[1])
    elif _is_list(result):
        for series in result:
            yield from _values_of_series(series)


def _values_of_series(series: Any) -> Iterator[str]:
    samples = _samples_of(series)
    yield from (str(sample[1]) if _is_sample(sample) else "NaN" for sample in samples)


def _samples_of(series: Any) -> Sequence[Any]:
    if not isinstance(series, Mapping):
        return [series]
    samples = series.get("values")
    return samples if _is_list(samples) and samples else [series.get("value")]


def _is_sample(value: Any) -> bool:
    return _is_list(value) and len(value) == 2 and not isinstance(value[0], Mapping | list | tuple)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)
