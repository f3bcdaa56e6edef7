"""What is secret: every value the run's secrets resolved to, and our token."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chaoscloud.redaction.encoding import plain

__all__ = ["MARKER", "SHORTEST", "Hidden", "is_reference", "sort_out"]

MARKER = "[redacted]"

SHORTEST = 6
"""Characters from which on a value is looked for inside others; a shorter one would hit words."""

_SHORTEST_NUMBER = 4  # digits: "1" is a count and "200" a status, whoever keeps them as a secret

_REFERENCES = {"env", "vault"}
_REFERENCE_KEYS = {"type", "key", "path", "default", "env_var_type"}


@dataclass(frozen=True)
class Hidden:
    """Secret values by how they are looked for."""

    anywhere: frozenset[str]
    """Texts of at least `SHORTEST` characters, as a whole and line by line."""

    whole: frozenset[str]
    """Shorter texts: a value is hidden only when there is nothing else in it."""

    numbers: frozenset[str]
    """Shorter numbers, as JSON writes them: likewise."""


def sort_out(secrets: Mapping[str, Any] | None, token: str | None = None) -> Hidden:
    """Sort the values of resolved secrets, flat or nested, and the token."""
    values = list(_leaves([secrets, token]))
    texts = {text for value in values for text in _texts(value)}
    lines = {line.strip() for text in texts for line in text.splitlines()}
    short = {text for text in texts if len(text) < SHORTEST}
    return Hidden(
        anywhere=frozenset(text for text in texts | lines if len(text) >= SHORTEST),
        whole=frozenset(short),
        numbers=frozenset(
            {text for text in short if len(text) >= _SHORTEST_NUMBER and text.isdigit()}
            | {repr(value) for value in values if isinstance(value, int | float)}
        ),
    )


def is_reference(value: Mapping[Any, Any]) -> bool:
    """Whether this says where a secret is, `{"type": "env", "key": …}`, rather than what it is."""
    kind = value.get("type")
    return isinstance(kind, str) and kind in _REFERENCES and value.keys() <= _REFERENCE_KEYS


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
        text = repr(value) if isinstance(value, int | float) else str(_plain(value))
    if text.strip():  # blanks are in every text
        yield text
        yield text.strip()


def _plain(value: Any) -> Any:
    try:
        return plain(value)
    except TypeError:
        return value
