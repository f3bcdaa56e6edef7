"""What a probe of the hypothesis was expected to say, in words."""

from collections.abc import Callable, Mapping
from typing import Any

from chaoscloud.outcome.values import as_map, as_text, format_value


def describe_tolerance(tolerance: Any) -> str:
    """Say a tolerance as the Chaos Toolkit understands it; one it would not know, as it is."""
    if isinstance(tolerance, dict):
        describe = _KINDS.get(as_text(tolerance.get("type")), format_value)
        return describe(tolerance)
    if isinstance(tolerance, list):
        return _between(tolerance) if len(tolerance) == 2 else f"one of {format_value(tolerance)}"
    return "" if tolerance is None else format_value(tolerance)


def _between(bounds: Any) -> str:
    if not isinstance(bounds, list) or len(bounds) != 2:
        return format_value(bounds)
    return f"from {format_value(bounds[0])} to {format_value(bounds[1])}"


def _where(tolerance: Mapping[str, Any]) -> str:
    target = as_text(tolerance.get("target"))
    return f"{target} " if target else ""


def _range(tolerance: Mapping[str, Any]) -> str:
    return _where(tolerance) + _between(tolerance.get("range"))


def _regex(tolerance: Mapping[str, Any]) -> str:
    return f"{_where(tolerance)}matches {format_value(tolerance.get('pattern'))}"


def _jsonpath(tolerance: Mapping[str, Any]) -> str:
    path = f"{_where(tolerance)}{format_value(tolerance.get('path'))}"
    if "expect" in tolerance:
        return f"{path} is {format_value(tolerance['expect'])}"
    if tolerance.get("count") is not None:
        return f"{path} is found {format_value(tolerance['count'])} times"
    return f"{path} is found"


def _probe(tolerance: Mapping[str, Any]) -> str:
    provider = as_map(tolerance.get("provider"))
    names = (as_text(provider.get(key)) for key in ("func", "path", "url"))
    name = as_text(tolerance.get("name")) or next(filter(None, names), "a probe")
    return f"accepted by {name}"


_KINDS: Mapping[str, Callable[[Any], str]] = {
    "range": _range,
    "regex": _regex,
    "jsonpath": _jsonpath,
    "probe": _probe,
}
