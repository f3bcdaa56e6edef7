"""The start of a verification run: what it names must be the team's, what it lacks is made."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.api import _lookup
from chaoscloud.console.api._body import (
    Document,
    Invalid,
    check_json,
    decode_as,
    read_journal,
    validate,
)
from chaoscloud.console.api.verifications import Id, ImportedVerification, import_of
from chaoscloud.console.errors import NotFound
from chaoscloud.console.records import (
    executions,
    experiments,
    idempotency,
    runs,
    verification_creation,
    verifications,
)
from chaoscloud.console.records.audit import Author
from chaoscloud.console.records.runs import VerificationRun
from chaoscloud.console.rules import journals, recognition
from chaoscloud.console.rules import verifications as rules
from chaoscloud.console.rules.journals import Summary
from chaoscloud.console.rules.recognition import ExperimentDraft
from chaoscloud.console.rules.soundness import plain


class NewRun(msgspec.Struct, frozen=True):
    """A run that starts. Without an execution, the console makes one of the journal."""

    journal: Document
    status: str = "started"
    experiment_id: str | None = None
    execution_id: str | None = None


class Start(msgspec.Struct, frozen=True):
    """All that starting a run may need, read before the writer is asked.

    `told` is the verification that the journal's document tells of, or why it tells of none.
    """

    sent: NewRun
    journal: bytes
    summary: Summary
    document: bytes | None
    draft: ExperimentDraft | None
    content: rules.VerificationContent | Invalid | None


class _OfExperiment(msgspec.Struct):
    experiment: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"null"))


def start_of(body: bytes) -> Start:
    """Read a body. Raises a `Problem`."""
    sent = decode_as(check_json(body), NewRun)
    journal = read_journal(sent.journal)
    summary = validate(lambda: journals.summary(journal), "journal")
    document = bytes(decode_as(journal, _OfExperiment, "journal").experiment)
    if document == b"null":
        return Start(sent, journal, summary, None, None, None)
    draft = validate(lambda: recognition.draft(document), "journal", "experiment")
    return Start(sent, journal, summary, document, draft, _read_content(document))


def _read_content(document: bytes) -> rules.VerificationContent | Invalid:
    try:
        return validate(lambda: rules.read_document(document), "journal", "experiment")
    except Invalid as invalid:
        return invalid


def start(
    connection: Connection,
    author: Author,
    verification_id: str,
    started: Start,
    key: idempotency.Key | None,
    now: datetime,
) -> VerificationRun:
    """Keep a run, and whatever it needs that is not kept yet.

    Raises `NotFound` for a verification that neither the team nor the document knows, `Invalid`
    for an experiment or an execution that is not the team's.
    """

    def make() -> str:
        # Refused before anything is kept: an unknown verification without its document.
        new = _registration(connection, author.team_id, verification_id, started)
        experiment_id, execution_id = _places(connection, author, started, now)
        if new is not None:
            verification_creation.import_document(connection, author, new, experiment_id, now)
        return runs.start(
            connection, author, verification_id, experiment_id, execution_id, started.journal, now
        )

    created_id = idempotency.once(connection, author.team_id, key, now, make)
    return _lookup.find_verification_run(connection, author.team_id, verification_id, created_id)


def _registration(
    connection: Connection, team_id: str, verification_id: str, started: Start
) -> verification_creation.Import | None:
    """What is to be registered; None when the team knows the verification."""
    if verifications.find(connection, team_id, verification_id) is not None:
        return None
    if isinstance(started.content, Invalid):
        raise NotFound(
            f"There is no such verification, and this is none: {started.content.detail}."
        )
    if started.document is None or started.content is None:
        raise NotFound("There is no such verification, and the journal holds no document of it.")
    validate(lambda: msgspec.convert(verification_id, Id), "id")
    beside = ImportedVerification(msgspec.Raw(started.document))
    return import_of(started.document, beside, started.content, verification_id)


def _places(
    connection: Connection, author: Author, started: Start, now: datetime
) -> tuple[str, str]:
    """The experiment and the execution of a run: those it names, or new ones of its journal."""
    sent = started.sent
    if sent.execution_id is not None:
        execution = executions.find(connection, author.team_id, plain(sent.execution_id))
        if execution is None or execution.experiment_id != (
            sent.experiment_id or execution.experiment_id
        ):
            message = "There is no such execution of this experiment"
            raise Invalid(message, ["body", "execution_id"], "value_error")
        return execution.experiment_id, execution.id
    experiment_id = sent.experiment_id or _publish_experiment(connection, author, started, now)
    created_id = executions.create(
        connection, author, plain(experiment_id), started.summary, started.journal, now
    )
    if created_id is None:
        raise Invalid("There is no such experiment", ["body", "experiment_id"], "value_error")
    return experiment_id, created_id


def _publish_experiment(
    connection: Connection, author: Author, started: Start, now: datetime
) -> str:
    if started.draft is None:
        raise Invalid("There is no experiment in it", ["body", "journal", "experiment"], "missing")
    return experiments.publish(connection, author, started.draft, now).experiment_id
