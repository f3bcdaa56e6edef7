"""Copies of what happened: without secrets, as JSON text, and no larger than they need to be.

What JSON has no form for (bytes, a set, an object, what contains itself) becomes a note of its
type: one value must not cost the end of a run. What is large is cut where it is only told on the
way; the journal has it whole.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from chaoscloud.api.calls import Cleaner
from chaoscloud.extension import NAME, REDACTED, ensure_extension, get_extension
from chaoscloud.redaction import to_json
from chaoscloud.redaction.encoding import simplify
from chaoscloud.types import Journal

__all__ = [
    "complete_journal",
    "copy_document",
    "shorten",
    "summarise_end",
    "summarise_event",
]

DEEPEST = 100  # levels, which leaves room for what others put around a document
LONG_TEXT = 4 * 1024  # characters
MOST_TEXT = 64 * 1024  # characters in the texts of one event
MOST_VALUES = 1000  # in one list, where texts are cut

ENDED = ("completed", "failed", "aborted", "interrupted")
"""How the host says that a run ended."""

_UNUSABLE = (TypeError, ValueError, AttributeError, RecursionError, RuntimeError)
"""What copying a document can raise; a `RuntimeError` when a thread of a probe writes in it."""

_OF_AN_EXPERIMENT = ("experiment", "method", "rollback")
_OF_A_RUN = ("status", "start", "end", "duration")


def copy_document(document: Any, redactor: Cleaner) -> tuple[str, int]:
    """A copy without secrets, as JSON text, and how many things were taken out of it.

    Raises what copying can raise, when not even a simpler copy can be made.
    """
    try:
        return _write(document, redactor)
    except _UNUSABLE:
        return _write(_simplify(document), redactor)


def shorten(document: Any, limit: int | None = MOST_TEXT, redactor: Cleaner | None = None) -> Any:
    """A copy of plain JSON values; its long texts are cut once they hold `limit` characters.

    Each long text is cut to its beginning then, `LONG_TEXT` characters of it. With a `redactor`,
    nothing of a secret that stands at the cut is left.
    """
    return _Shortening(limit, redactor).copy(document)


def summarise_event(event_type: str, context: Any, state: Any) -> tuple[Any, Any]:
    """The context and the state of an event, without what other records of the run hold.

    The experiment stands in the execution's first journal; what activities did in their own events,
    and in the last journal.
    """
    subject = event_type.removeprefix("starting-").removesuffix("-finished")
    if subject not in _OF_AN_EXPERIMENT:
        return context, state
    if isinstance(context, Mapping):
        context = {key: context[key] for key in ("title", "tags") if key in context}
    if isinstance(state, Mapping):
        names = (*_OF_A_RUN, "deviated", "extensions")
        state = {key: state[key] for key in names if key in state}
    elif isinstance(state, list):
        state = [_summarise_run(run) for run in state]
    return context, state


def complete_journal(journal: Journal) -> Journal:
    """The journal of a run that is over: where the host crashed, it does not say so itself."""
    if journal.get("status") in ENDED and journal.get("end"):
        return journal
    status = journal.get("status")
    end = journal.get("end") or datetime.now(UTC).isoformat()
    return {**journal, "status": status if status in ENDED else "aborted", "end": end}


def summarise_end(journal: Journal) -> dict[str, Any]:
    """What a journal says of how its run ended, and our block."""
    names = ("status", "deviated", "start", "end", "duration")
    block = get_extension(journal) or {"name": NAME}
    return {**{name: journal[name] for name in names if name in journal}, "extensions": [block]}


def _simplify(document: Any) -> Any:
    """A copy with a note for each value that has no form in JSON.

    An experiment says in its block how many those are: it is not whole, and must not be run as if.
    """
    if not isinstance(document, Mapping):
        return shorten(document, None)
    if isinstance(document.get("experiment"), Mapping):
        others = {key: part for key, part in document.items() if key != "experiment"}
        return {**_simplify(others), "experiment": _simplify(document["experiment"])}
    copying = _Shortening(None, None)
    copied = copying.copy(document)
    if copying.notes and ("method" in document or "steady-state-hypothesis" in document):
        block = ensure_extension(copied)
        before = block.get(REDACTED)
        block[REDACTED] = copying.notes + (before if isinstance(before, int) else 0)
    return copied


def _summarise_run(run: Any) -> Any:
    if not isinstance(run, Mapping):
        return run
    activity = run.get("activity")
    named = activity if isinstance(activity, Mapping) else {}
    summary = {key: run[key] for key in _OF_A_RUN if key in run}
    return {"activity": {key: named.get(key) for key in ("name", "type")}, **summary}


class _Shortening:
    """One document being copied."""

    def __init__(self, limit: int | None, redactor: Cleaner | None) -> None:
        self.notes = 0
        self._limit = limit
        self._most = None if limit is None else MOST_VALUES
        self._redactor = redactor
        self._characters = 0
        self._open: set[int] = set()

    def copy(self, value: Any) -> Any:
        """The copy of a value of any type."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self._copy_text(value)
        if isinstance(value, Mapping | list | tuple):
            return self._copy_container(value)
        try:
            return self.copy(simplify(value))
        except TypeError:
            return self._note(value, "has no form in JSON")

    def _copy_text(self, text: str) -> str:
        if self._limit is None or len(text) <= LONG_TEXT // 16:
            return text
        left = max(self._limit - self._characters, 0)
        if len(text) <= min(LONG_TEXT, left):
            self._characters += len(text)
            return text
        beginning = self._cut(text, min(LONG_TEXT, left))
        self._characters += len(beginning)
        return f"{beginning}[… {len(text)} characters in all]"

    def _cut(self, text: str, count: int) -> str:
        if self._redactor is None:
            return text[:count]
        # Half a secret is not recognised. So more is cleaned than is shown: as much as the longest
        # spelling of the longest secret, in which each character may take twelve.
        margin = 12 * int(getattr(self._redactor, "longest", 0)) + 64
        part = {"output": text[: count + margin]}
        cleaned = self._redactor.redact(part).document["output"]
        return str(cleaned[: max(min(count, len(cleaned) - margin), 0)])

    def _copy_container(self, value: Any) -> Any:
        if id(value) in self._open:
            return self._note(value, "contains itself")
        if len(self._open) >= DEEPEST:
            return self._note(value, "is nested too deeply")
        self._open.add(id(value))
        try:
            if isinstance(value, Mapping):
                return self._copy_mapping(value)
            return list(self._copy_items(value))
        finally:
            self._open.discard(id(value))

    def _copy_mapping(self, mapping: Mapping[Any, Any]) -> dict[str, Any]:
        copied: dict[str, Any] = {}
        for key, value in list(mapping.items())[: self._most]:
            name = key if isinstance(key, str) else self._name(key)
            copied[name if name not in copied else f"{name} ({len(copied)})"] = self.copy(value)
        return copied

    def _copy_items(self, values: Any) -> Iterator[Any]:
        for value in islice(values, self._most):
            self._characters += 16
            yield self.copy(value)
        if self._most is not None and len(values) > self._most:
            yield f"[… {len(values)} values in all]"

    def _name(self, key: Any) -> str:
        """The name that stands for a key of another type."""
        plain_key = key is None or isinstance(key, bool | int | float)
        return str(key) if plain_key else self._note(key, "is no key in JSON")

    def _note(self, value: object, problem: str) -> str:
        self.notes += 1
        return f"[{type(value).__name__}: {problem}]"


def _write(document: Any, redactor: Cleaner) -> tuple[str, int]:
    redacted = redactor.redact(document)
    return to_json(redacted.document), int(getattr(redacted, "count", 0))
