"""Writes what happens in one run into its spool: copies without secrets, a line each."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4, uuid5

from chaoscloud.api.calls import Cleaner
from chaoscloud.api.events import cloud_event
from chaoscloud.api.verification import results_of
from chaoscloud.delivery.copies import (
    complete_journal,
    copy_document,
    shorten,
    summarise_end,
    summarise_event,
)
from chaoscloud.delivery.errors import NotRecorded, best_effort
from chaoscloud.delivery.records import creation_key, encode_members
from chaoscloud.delivery.spool import Spool
from chaoscloud.extension import CONTEXT, ensure_extension
from chaoscloud.types import Experiment, Journal

__all__ = ["Recorder"]


class Recorder:
    """Of one spool. Safe to use from several threads.

    What cannot even be recorded is counted in `mistakes`, and `mistake` is the first reason; only
    the methods that record a start raise `NotRecorded`.
    """

    def __init__(self, spool: Spool, redactor: Cleaner) -> None:
        self.mistakes = 0
        self.mistake = ""
        self.verification_id: str | None = None
        self._spool = spool
        self._redactor = redactor
        self._run = UUID(str(spool.contents.header["run"]))
        self._events = 0
        self._lock = threading.Lock()

    def record_start(
        self,
        experiment: Experiment,
        journal: Journal,
        context: Mapping[str, Any],
        *,
        publish: bool = True,
    ) -> None:
        """Record what creates the experiment, unless the console knows it, and its execution."""
        with best_effort():
            key = encode_members(key=creation_key(str(self._run)))
            if publish:
                document, _ = copy_document(experiment, self._redactor)
                self._spool.append("experiment", f'{key},"document":{document}')
            opening = {**journal, "experiment": experiment}
            if context:
                opening["extensions"] = list(journal.get("extensions") or [])
                ensure_extension(opening)[CONTEXT] = context
            whole, _ = copy_document(opening, self._redactor)
            self._spool.append("execution", f'{key},"journal":{whole}')

    def record_run_start(
        self, verification_id: str, experiment: Experiment, journal: Journal
    ) -> None:
        """Record that the run is one of a verification."""
        with best_effort():
            self.verification_id = verification_id
            whole, _ = copy_document({**journal, "experiment": experiment}, self._redactor)
            names = encode_members(**self._run_names())
            self._spool.append("run-start", f'{names},"journal":{whole}')

    def record_event(self, event_type: str, context: object, state: object) -> None:
        """Record that something happened to `context`, and what came of it."""
        with self.counting_mistakes(), best_effort():
            context, state = summarise_event(event_type, context, state)
            data, count = self._copy_event({"context": context, "state": state})
            with self._lock:
                self._events += 1
                # The official extension of this name: who stores events sees that one is missing.
                # https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/sequence.md
                attributes: dict[str, Any] = {"sequence": f"{self._events:08d}"}
                attributes |= {"redacted": count} if count else {}
                identifier = str(uuid5(self._run, attributes["sequence"]))
                event = encode_members(event=cloud_event(event_type, identifier, **attributes))
                self._spool.append("event", f'{event},"data":{data}', event_type)

    def record_run_event(self, category: str, payload: Any) -> None:
        """Record what happened in the verification."""
        with self.counting_mistakes(), best_effort():
            data, _ = self._copy_event(payload)
            names = encode_members(**self._run_names(), category=category)
            self._spool.append("run-event", f'{names},"payload":{data}')

    def record_end(self, journal: Journal, *, whole: bool, is_named: bool) -> None:
        """Record how the run ended, and then, if it is to be `whole`, its journal.

        `is_named` is whether the journal names its execution.
        """
        self._record_both("end", "journal" if whole else None, journal, is_named=is_named)

    def record_run_end(self, journal: Journal, *, whole: bool, is_named: bool) -> None:
        """Record how the verification's run ended and what it found, likewise."""
        names = {**self._run_names(), "results": results_of(journal)}
        large = "run-finished" if whole else None
        self._record_both("run-end", large, journal, is_named=is_named, **names)

    @contextmanager
    def counting_mistakes(self) -> Iterator[None]:
        """Count what could not even be recorded."""
        try:
            yield
        except NotRecorded as x:
            self.mistakes += 1
            self.mistake = self.mistake or str(x)

    def _run_names(self) -> dict[str, Any]:
        return {"key": str(uuid4()), "verification_id": self.verification_id}

    def _record_both(
        self,
        small: str,
        large: str | None,
        journal: Journal,
        *,
        is_named: bool,
        **names: Any,
    ) -> None:
        """The end in a small record first: copying a journal can take seconds, or fail."""
        journal = complete_journal(journal)
        prefix = f"{encode_members(**names)}," if names else ""
        with self.counting_mistakes(), best_effort():
            end, _ = copy_document(summarise_end(journal), self._redactor)
            self._spool.append(small, f'{prefix}"end":{end}', on_hold=True)
        if large is not None:
            with self.counting_mistakes(), best_effort():
                text, _ = copy_document(journal, self._redactor)
                if is_named:
                    prefix += '"named":true,'
                self._spool.append(large, f'{prefix}"journal":', rest=text)
        self._spool.release()

    def _copy_event(self, data: Any) -> tuple[str, int]:
        """What is said of an event. When no clean copy can be made, nothing of it is left."""
        try:
            return copy_document(shorten(data, redactor=self._redactor), self._redactor)
        except Exception as x:  # noqa: BLE001 - whatever it was, the data is not known to be clean
            error = {"type": "redaction", "trace": type(x).__name__}
            return f'{{"context":null,"state":null,{encode_members(error=error)}}}', 0
