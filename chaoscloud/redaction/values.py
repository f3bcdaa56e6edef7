"""What is secret: every value the run's secrets resolved to, and our token."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chaoscloud.redaction.encoding import simplify

__all__ = [
    "MARKER",
    "SHORTEST",
    "SecretValues",
    "collect_values",
    "has_marker",
    "is_reference",
]

MARKER = "[redacted]"

SHORTEST = 6
"""Characters from which on a value is looked for inside others; a shorter one would hit words."""

_FEWEST_DIGITS = 4  # of a number: "1" is a count and "200" a status, whoever has them as a secret

_REFERENCES = {"env", "vault"}
_REFERENCE_KEYS = {"type", "key", "path", "default", "env_var_type"}


@dataclass(frozen=True)
class SecretValues:
    """Secret values by how they are looked for."""

    anywhere: frozenset[str] = frozenset()
    """Texts of at least `SHORTEST` characters, as a whole and line by line."""

    whole: frozenset[str] = frozenset()
    """Shorter texts: a value is hidden only when there is nothing else in it."""

    numbers: frozenset[str] = frozenset()
    """Numbers of at least four digits, as JSON writes them: likewise, where they are no text."""


def collect_values(secrets: Mapping[str, Any] | None, token: str | None = None) -> SecretValues:
    """Collect the values of resolved secrets, flat or nested, and the token."""
    values = list(_leaves([secrets, token]))
    texts = {text for value in values for text in _texts(value)}
    lines = {line.strip() for text in texts for line in text.splitlines()}
    short = {text for text in texts if len(text) < SHORTEST}
    numbers = {repr(value) for value in values if isinstance(value, int | float)}
    return SecretValues(
        anywhere=frozenset(text for text in texts | lines if len(text) >= SHORTEST),
        whole=frozenset(short),
        numbers=frozenset(filter(_is_long_number, numbers | short)),
    )


def is_reference(value: Mapping[Any, Any]) -> bool:
    """Whether this says where a secret is, `{"type": "env", "key": …}`, rather than what it is."""
    kind = value.get("type")
    return isinstance(kind, str) and kind in _REFERENCES and value.keys() <= _REFERENCE_KEYS


def has_marker(document: Any) -> bool:
    """Whether something was taken out of a document, by its texts. It may contain itself."""
    visited: set[int] = set()
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, str) and MARKER in value:
            return True
        if isinstance(value, dict | list) and id(value) not in visited:
            visited.add(id(value))
            pending += [*value, *value.values()] if isinstance(value, dict) else value
    return False


def _leaves(value: Any) -> Iterator[Any]:
    """The values at the ends of a tree; true, false and null tell nobody anything."""
    if isinstance(value, Mapping):
        value = [] if is_reference(value) else value.values()
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for part in value:
            yield from _leaves(part)
    elif value is not None and not isinstance(value, bool):
        yield value


def _texts(value: Any) -> Iterator[str]:
    """The value as text, as it stands and as programs that strip their input use it."""
    if isinstance(value, bytes):
        text = value.decode("utf-8", "surrogateescape")
    elif isinstance(value, str):
        text = str.__str__(value)
    else:
        text = repr(value) if isinstance(value, int | float) else str(_simplify_if_known(value))
    if text.strip():  # blanks are in every text
        yield text
        yield text.strip()


def _is_long_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return sum(map(str.isdigit, text)) >= _FEWEST_DIGITS


def _simplify_if_known(value: Any) -> Any:
    try:
        return simplify(value)
    except TypeError:
        return value
