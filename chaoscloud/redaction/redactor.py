"""Copy a document without what is secret in it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaoscloud.extension import NAME, SENSITIVE_KEYS
from chaoscloud.redaction.encoding import plain
from chaoscloud.redaction.spellings import Spellings
from chaoscloud.redaction.values import MARKER, SHORTEST, Hidden, is_reference, sort_out
from chaoscloud.redaction.vocabulary import KEYS

__all__ = ["Redacted", "Redactor"]

# `user:password@` of an url, as it stands or escaped for JSON or for another url. It is taken out
# without a marker, because an url with brackets there is one that no library reads.
_USER_INFO = re.compile(
    r"""(?P<start>:(?://|\\/\\/)|%3[Aa]%2[Ff]%2[Ff])"""
    r"""(?:(?!%2[Ff]|%3[Ff]|%23)[^\s/?\#\\"<>])+(?:@|%40)"""
)

# No JSON document may carry these everywhere: half a pair of surrogates is no character, and NUL is
# one that databases refuse. They come from the output of processes.
_UNSENDABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Redacted:
    """A copy of a document, and how many things were taken out of it."""

    document: Any
    count: int


class Redactor:
    """Knows the secrets of one run; made once, used from any thread.

    `secrets` are the resolved secrets the host hands to controls, flat or nested; `token` is ours.
    """

    def __init__(self, secrets: Mapping[str, Any] | None = None, token: str | None = None) -> None:
        self._hidden = sort_out(secrets, token)
        self._spellings = Spellings(self._hidden.anywhere)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._hidden.anywhere)} texts to hide)"

    @property
    def short(self) -> int:
        """How many values are too short to be looked for inside others: worth a warning."""
        return len(self._hidden.whole)

    def redact(self, document: Any) -> Redacted:
        """A deep copy of `document`, with `[redacted]` for every secret in it.

        Numbers JSON has no form for become text, `experiment_path` is left out of our block. What
        JSON cannot hold at all stays the caller's own object, for `to_json` to refuse. Raises
        `ValueError` for a document that contains itself, or is too deep.
        """
        copying = _Copying(self._hidden, self._spellings)
        try:
            return Redacted(copying.any(document), copying.count)
        except RecursionError as error:
            raise ValueError("The document is nested too deeply.") from error


class _Copying:
    """One document being copied."""

    def __init__(self, hidden: Hidden, spellings: Spellings) -> None:
        self.count = 0
        self._hidden = hidden
        self._spellings = spellings

    def any(self, value: Any) -> Any:
        """The copy of a value of any type."""
        kind = type(value)
        if kind is str:
            return self.text(value)
        if kind is dict:
            return self.mapping(value)
        if kind is list or kind is tuple:
            return [self.any(part) for part in value]
        if value is None or kind is bool:
            return value
        if kind is int or kind is float:
            return self.number(value)
        return self.other(value)

    def other(self, value: Any) -> Any:
        """The copy of what is no plain JSON type; what has no form in JSON stays as it is."""
        for kind, copy in _SUBTYPES:
            if isinstance(value, kind):
                return copy(self, value)
        try:
            return self.any(plain(value))
        except TypeError:
            return value

    def mapping(self, value: Mapping[Any, Any]) -> dict[Any, Any]:
        # Another thread may be writing here: a list of the items is made in one step.
        items = list(value.items())
        if value.get("name") == NAME:
            items = [(key, part) for key, part in items if key not in SENSITIVE_KEYS]
        copy = self.reference_part if is_reference(value) else self.any
        copied: dict[Any, Any] = {}
        for key, part in items:
            copied[_unused(self.key(key), copied)] = copy(part)
        return copied

    def reference_part(self, value: Any) -> Any:
        """A value of a reference to a secret: names, that look like short secrets at most."""
        return self.inside(value) if isinstance(value, str) else self.any(value)

    def key(self, key: Any) -> Any:
        """The copy of a dictionary's key; the words of the format are kept, whatever is secret."""
        if type(key) is str:
            return key if key in KEYS else self.inside(key)
        return self.any(key)

    def number(self, value: float) -> float | str:
        text = repr(value)
        if text in self._hidden.numbers or any(self._spellings.spans(text)):
            self.count += 1
            return MARKER
        return value if value - value == 0 else text  # JSON knows neither NaN nor infinities

    def text(self, value: str) -> str:
        if self._hidden.whole and value.strip() in self._hidden.whole:
            self.count += 1
            return MARKER
        return self.inside(value)

    def inside(self, value: str) -> str:
        """The text with a marker for each secret in it, and without the user part of urls."""
        if len(value) >= SHORTEST:
            value = self.marked(value)
        if "@" in value or "%40" in value:
            value, found = _USER_INFO.subn(r"\g<start>", value)
            self.count += found
        return value if value.isascii() and "\0" not in value else _UNSENDABLE.sub(_shown, value)

    def marked(self, value: str) -> str:
        parts, end = [], 0
        for start, stop in self._spellings.spans(value):
            parts += [value[end:start], MARKER]
            self.count += 1
            end = stop
        return "".join([*parts, value[end:]]) if parts else value


_SUBTYPES: tuple[tuple[Any, Any], ...] = (
    (str, lambda copying, value: copying.text(str.__str__(value))),
    (dict, _Copying.mapping),
    (list | tuple, lambda copying, value: [copying.any(part) for part in value]),
    (int, lambda copying, value: copying.number(int.__int__(value))),
    (float, lambda copying, value: copying.number(float.__float__(value))),
)


def _unused(key: Any, known: Mapping[Any, Any]) -> Any:
    """The key, numbered when two keys became the same one."""
    if key not in known:
        return key
    number = 2
    while f"{key}-{number}" in known:
        number += 1
    return f"{key}-{number}"


def _shown(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "backslashreplace").decode()
