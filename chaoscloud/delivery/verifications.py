"""The record of a verification's run: an execution's, and what is told of the verification.

The control of the same process records into it, too, so that there is one execution, one connection
and one order of things: whoever runs the verification lends its outbox meanwhile.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from chaoscloud.api.verification.ids import get_verification_id
from chaoscloud.api.verification.samples import Results
from chaoscloud.api.verification.start import REFUSING, Begun, Kept, Refused, Start, Unrecorded
from chaoscloud.delivery import Started
from chaoscloud.delivery.losses import courtesy
from chaoscloud.delivery.outbox import Learned, Outbox
from chaoscloud.delivery.records import members
from chaoscloud.delivery.snapshot import copied
from chaoscloud.redaction import Redactor
from chaoscloud.types import Experiment, Journal, Secrets

__all__ = ["Lent", "VerificationRecord", "lending", "lent"]

OTHER_TEAM = "; if it belongs to another team, choose that one with `chaos team`"


class VerificationOutbox(Outbox):
    """An outbox whose start is told once the console knows the run of the verification."""

    goal = "run_id"

    def __init__(self, *args: Any, verification_id: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._verification_id = verification_id

    def finish(self, journal: Journal) -> None:
        """Record the journal; the verification's own end is still to come."""
        self.record_journal(journal)

    def tell(self, category: str, payload: Any) -> None:
        """Record what happened in the verification."""
        self._append("run-event", {"category": category}, "payload", payload)

    def end(self, journal: Journal, results: Results) -> None:
        """Record that the verification ended."""
        self._append("run-finished", {"results": results}, "journal", journal)

    def refusal(self) -> Refused | Unrecorded | None:
        """Why the console does not take the start, if it said so."""
        worker = self._worker
        if worker.token_refused:
            return Refused(worker.reason)
        if worker.set_aside is None:
            return None
        status, reason = worker.set_aside.status, worker.set_aside.reason
        reason += OTHER_TEAM if status == HTTPStatus.NOT_FOUND else ""
        return Refused(reason) if status in REFUSING else Unrecorded(reason)

    def _record_start(self, experiment: Experiment, journal: Journal) -> None:
        super()._record_start(experiment, journal)
        whole = copied({**journal, "experiment": experiment}, self._redactor)
        self._spool.append("run-start", f'{self._names()},"journal":{whole}')

    def _append(self, kind: str, said: Any, name: str, document: Any) -> None:
        if not self._takes:
            return
        with self._noting(), courtesy():
            text = copied(document, self._redactor)
            self._spool.append(kind, f'{self._names()},{members(**said)},"{name}":{text}')
        self._worker.wake()

    def _names(self) -> str:
        return members(key=str(uuid4()), verification_id=self._verification_id)


Open = Callable[[Redactor, str, Experiment], VerificationOutbox]


class VerificationRecord:
    """The record of one run of a verification; `open_outbox` is asked when it starts."""

    def __init__(self, open_outbox: Open, token: str | None) -> None:
        self.outbox: VerificationOutbox | None = None
        self._open_outbox = open_outbox
        self._token = token

    def begin(self, experiment: Experiment, journal: Journal, secrets: Secrets) -> Start | Kept:
        """Record the start, and wait for the console to take it, a few seconds at most."""
        verification_id = str(get_verification_id(experiment))
        redactor = Redactor(secrets, self._token)
        outbox = self._open_outbox(redactor, verification_id, experiment)
        started = outbox.start(experiment, journal)
        refusal = outbox.refusal()
        if refusal is not None or started.problem:
            outbox.discard()
            return refusal or Unrecorded(str(started.problem))
        self.outbox = outbox
        run_id, ids = outbox.ids.get("run_id"), outbox.started
        if run_id and ids.experiment_id and ids.execution_id:
            return Begun(run_id, ids.experiment_id, ids.execution_id, ids.address)
        return Kept(str(started.kept), started.trouble)

    def tell(self, category: str, payload: Any) -> None:
        """Record what happened."""
        if self.outbox is not None:
            self.outbox.tell(category, payload)

    def end(self, journal: Journal, results: Results) -> None:
        """Record that it ended."""
        if self.outbox is not None:
            self.outbox.end(journal, results)

    def close(self) -> None:
        """Wait for what is still to be sent, and say what became of it."""
        if self.outbox is not None:
            self.outbox.flush()
            self.outbox.close()


class Lent:
    """The `Delivery` of a control within a verification: it neither starts nor ends the record."""

    def __init__(self, outbox: VerificationOutbox) -> None:
        self._outbox = outbox

    @property
    def started(self) -> Started:
        """What the console knows of the run."""
        return self._outbox.started

    @property
    def notes(self) -> dict[str, Any]:
        """Nothing: what is kept is known after the journal is written."""
        return {}

    def start(self, experiment: Experiment, journal: Journal) -> Started:
        """It has started."""
        return self._outbox.started

    def join(self, experiment_id: str | None, execution_id: str | None) -> None:
        """It has joined."""

    def event(self, event_type: str, context: object, state: object = None) -> None:
        """Record one event."""
        self._outbox.event(event_type, context, state)

    def finish(self, journal: Journal) -> None:
        """Record the journal."""
        self._outbox.finish(journal)

    def close(self) -> None:
        """It is closed by who lent it."""


_lender: ContextVar[VerificationRecord | None] = ContextVar("lender", default=None)


@contextmanager
def lending(record: VerificationRecord) -> Iterator[None]:
    """Let the controls that are called inside record into the same outbox."""
    token = _lender.set(record)
    try:
        yield
    finally:
        _lender.reset(token)


def lent(learned: Learned) -> Lent | None:
    """The delivery of the verification under way, if there is one that is recorded.

    `learned` is told of ids that the console gives later.
    """
    record = _lender.get()
    if record is None or record.outbox is None:
        return None
    record.outbox.learned = learned
    return Lent(record.outbox)
