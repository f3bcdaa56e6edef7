"""Copy a document without what is secret in it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaoscloud.extension import CONTEXT, NAME, REDACTED, SENSITIVE_KEYS, ensure_extension
from chaoscloud.redaction.encoding import simplify
from chaoscloud.redaction.spellings import Spellings
from chaoscloud.redaction.urls import remove_user_info, strip_credentials
from chaoscloud.redaction.values import (
    MARKER,
    SHORTEST,
    SecretValues,
    collect_values,
    is_reference,
)
from chaoscloud.redaction.vocabulary import CONTAINERS, KEYS, OPEN

__all__ = ["Redacted", "Redactor"]


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
        self._values = collect_values(secrets, token)
        self._spellings = Spellings(self._values.anywhere)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._values.anywhere)} texts to hide)"

    @property
    def short(self) -> int:
        """How many values are too short to be looked for inside others: worth a warning."""
        return len(self._values.whole)

    @property
    def longest(self) -> int:
        """How many characters the longest text has that is looked for inside others."""
        return max(map(len, self._values.anywhere), default=0)

    def redact(self, document: Any) -> Redacted:
        """A deep copy of `document`, with `[redacted]` for every secret in it.

        `document` is an experiment, a journal, what an event is about, or holds one of these. Its
        tags, types, status, ids and our block stay as they are. An experiment from which something
        was taken out says how much under `redacted` in its block. Numbers JSON has no form for
        become text, `experiment_path` is left out of our block. What JSON cannot hold at all stays
        the caller's own object, for `to_json` to refuse. Raises `ValueError` for a document that
        contains itself, or is too deep.
        """
        copying = _Copying(self._values, self._spellings)
        try:
            return Redacted(copying.copy(document, is_format=True), copying.count)
        except RecursionError as error:
            raise ValueError("The document is nested too deeply.") from error


class _Copying:
    """One document being copied.

    `is_format` says of a value that the format decides what stands where in it; else it is data.
    """

    def __init__(self, values: SecretValues, spellings: Spellings) -> None:
        self.count = 0
        self._values = values
        self._spellings = spellings

    def copy(self, value: Any, is_format: bool = False) -> Any:
        """The copy of a value of any type."""
        kind = type(value)
        if kind is str:
            return self.copy_text(value)
        if kind is dict:
            return self.copy_mapping(value, is_format)
        if kind is list or kind is tuple:
            return [self.copy(part, is_format) for part in value]
        if value is None or kind is bool:
            return value
        if kind is int or kind is float:
            return self.copy_number(value)
        return self.copy_other(value, is_format)

    def copy_other(self, value: Any, is_format: bool) -> Any:
        """The copy of what is no plain JSON type; what has no form in JSON stays as it is."""
        for kind, simpler in _SUBTYPES:
            if isinstance(value, kind):
                return self.copy(simpler(value), is_format)
        try:
            return self.copy(simplify(value), is_format)
        except TypeError:
            return value

    def copy_mapping(self, value: Mapping[Any, Any], is_format: bool) -> dict[Any, Any]:
        # Another thread may be writing here: a list of the items is made in one step.
        items = list(value.items())
        if value.get("name") == NAME:
            items = [(key, part) for key, part in items if key not in SENSITIVE_KEYS]
        before = self.count
        copy = self.copy_reference_part if is_reference(value) else self.copy
        copied: dict[Any, Any] = {}
        for key, part in items:
            place = _number_if_taken(self.copy_key(key), copied)
            copied[place] = self.copy_part(key, part) if is_format else copy(part)
        if is_format and self.count > before and _is_experiment(copied):
            block = ensure_extension(copied)
            block[REDACTED] = _number(block.get(REDACTED)) + self.count - before
        return copied

    def copy_part(self, key: Any, value: Any) -> Any:
        """What stands under a key where the format decides what does."""
        if key == "extensions" and isinstance(value, list):
            return [
                self.copy_our_block(block) if _is_ours(block) else self.copy(block)
                for block in value
            ]
        if key in OPEN:
            return _AS_IT_IS.copy(value)
        return self.copy(value, is_format=key in CONTAINERS)

    def copy_our_block(self, block: Mapping[str, Any]) -> Any:
        """Our own block: no secrets but in the address of the experiment and a run's context."""
        copied = _AS_IT_IS.copy({key: part for key, part in block.items() if key != CONTEXT})
        if isinstance(copied.get("source"), str):
            copied["source"] = strip_credentials(copied["source"])
        if CONTEXT in block:
            copied[CONTEXT] = self.copy(block[CONTEXT])
        return copied

    def copy_reference_part(self, value: Any) -> Any:
        """A value of a reference to a secret: names, that look like short secrets at most."""
        return self.redact_inside(value) if isinstance(value, str) else self.copy(value)

    def copy_key(self, key: Any) -> Any:
        """The copy of a dictionary's key; the words of the format are kept, whatever is secret."""
        if type(key) is str:
            return key if key in KEYS else self.redact_inside(key)
        return self.copy(key)

    def copy_number(self, value: float) -> float | str:
        text = repr(value)
        if text in self._values.numbers or any(self._spellings.find_spans(text)):
            self.count += 1
            return MARKER
        return value if value - value == 0 else text  # JSON knows neither NaN nor infinities

    def copy_text(self, value: str) -> str:
        if self._values.whole and value.strip() in self._values.whole:
            self.count += 1
            return MARKER
        return self.redact_inside(value)

    def redact_inside(self, value: str) -> str:
        """The text with a marker for each secret in it, and without the user part of urls."""
        if len(value) >= SHORTEST:
            value = self.mark_secrets(value)
        value, urls = remove_user_info(value)
        self.count += urls
        return _sendable(value)

    def mark_secrets(self, value: str) -> str:
        parts, end = [], 0
        for start, stop in self._spellings.find_spans(value):
            parts += [value[end:start], MARKER]
            self.count += 1
            end = stop
        return "".join([*parts, value[end:]]) if parts else value


_SUBTYPES: tuple[tuple[Any, Any], ...] = (
    (str, str.__str__),
    (dict, dict),
    (list | tuple, list),
    (int, int.__int__),
    (float, float.__float__),
)

_MANY_NULS = re.compile("\0{17,}")

_AS_IT_IS = _Copying(SecretValues(), Spellings(()))


def _is_ours(block: Any) -> bool:
    return isinstance(block, dict) and block.get("name") == NAME


def _is_experiment(document: Mapping[Any, Any]) -> bool:
    return isinstance(document.get("method"), list) or "steady-state-hypothesis" in document


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _number_if_taken(key: Any, known: Mapping[Any, Any]) -> Any:
    """The key, numbered when two keys became the same one."""
    if key not in known:
        return key
    number = 2
    while f"{key}-{number}" in known:
        number += 1
    return f"{key}-{number}"


def _sendable(text: str) -> str:
    """The text without what no JSON document may carry everywhere, which is made readable.

    Half a pair of surrogates is no character, and NUL is one that databases refuse. They come from
    the output of processes.
    """
    if "\0" in text:
        # A dump of a disk is millions of them, and would be four times as large.
        text = _MANY_NULS.sub(lambda nuls: f"\\x00 [{len(nuls[0])} times]", text)
        text = text.replace("\0", "\\x00")
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
