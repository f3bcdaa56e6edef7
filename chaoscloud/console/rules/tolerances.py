"""What a probe of the hypothesis was expected to say, in words."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from chaoscloud.console.rules.story import as_map, as_text


def expected(tolerance: Any) -> str:
    """Say a tolerance as the Chaos Toolkit understands it; one it would not know, as it is."""
    if isinstance(tolerance, dict):
        say = _KINDS.get(as_text(tolerance.get("type")), _plain)
        return say(tolerance)
    if isinstance(tolerance, list):
        return _between(tolerance) if len(tolerance) == 2 else f"one of {_plain(tolerance)}"
    return "" if tolerance is None else _plain(tolerance)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _between(bounds: Any) -> str:
    if not isinstance(bounds, list) or len(bounds) != 2:
        return _plain(bounds)
    return f"from {_plain(bounds[0])} to {_plain(bounds[1])}"


def _where(tolerance: Mapping[str, Any]) -> str:
    target = as_text(tolerance.get("target"))
    return f"{target} " if target else ""


def _range(tolerance: Mapping[str, Any]) -> str:
    return _where(tolerance) + _between(tolerance.get("range"))


def _regex(tolerance: Mapping[str, Any]) -> str:
    return f"{_where(tolerance)}matches {_plain(tolerance.get('pattern'))}"


def _jsonpath(tolerance: Mapping[str, Any]) -> str:
    said = f"{_where(tolerance)}{_plain(tolerance.get('path'))}"
    if "expect" in tolerance:
        return f"{said} is {_plain(tolerance['expect'])}"
    if tolerance.get("count") is not None:
        return f"{said} is found {_plain(tolerance['count'])} times"
    return f"{said} is found"


def _probe(tolerance: Mapping[str, Any]) -> str:
    provider = as_map(tolerance.get("provider"))
    called = as_text(provider.get("func")) or as_text(provider.get("path"))
    called = called or as_text(provider.get("url"))
    return f"accepted by {as_text(tolerance.get('name')) or called or 'a probe'}"


_KINDS: Mapping[str, Callable[[Any], str]] = {
    "range": _range,
    "regex": _regex,
    "jsonpath": _jsonpath,
    "probe": _probe,
}
