"""Executions: created when a run starts, given their journal when it ends, read back by anyone."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.api import _lookup
from chaoscloud.console.api._answers import (
    Made,
    at,
    document,
    json,
    nothing,
)
from chaoscloud.console.api._body import (
    Document,
    Invalid,
    body_of,
    check_json,
    decode_as,
    offload_journal,
    read_journal,
    validate,
)
from chaoscloud.console.api._team_request import TeamRequest, of_team
from chaoscloud.console.api.events import ACCEPTS
from chaoscloud.console.errors import Conflict, Gone, NotFound
from chaoscloud.console.records import events, executions, idempotency
from chaoscloud.console.records.audit import Author
from chaoscloud.console.records.execution_lists import SILENCE
from chaoscloud.console.records.executions import Execution
from chaoscloud.console.records.journal_versions import JournalVersion, TooManyVersions
from chaoscloud.console.records.removals import REMOVED, ContentRemoval, read_removal
from chaoscloud.console.rules import journals
from chaoscloud.console.rules.journals import Summary


class NewJournal(msgspec.Struct, frozen=True):
    """A journal, as the Chaos Toolkit writes it."""

    journal: Document


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong with a body, and where."""

    loc: list[str | int]
    msg: str
    type: str


class ExecutionWithJournal(Execution, frozen=True, kw_only=True):
    """An execution and its journal, and what the console can tell of how it was recorded.

    `lost_contact` is whether it says it is running, but has said nothing for long; `events_missing`
    how many events were sent and never arrived. `events_removed_at` and `journal_removed_at` are
    when retention removed them: the journal is null then.
    """

    journal: Document
    lost_contact: bool
    events_missing: int
    events_removed_at: datetime | None
    journal_removed_at: datetime | None


@of_team
async def create(request: TeamRequest) -> Response:
    """Keep a new execution of an experiment; what is wrong with it is a list (contract, 6)."""
    body = await body_of(request.http)
    try:
        summary, journal = await offload_journal(journal_of, body)
    except Invalid as invalid:
        return json(invalid.errors, 422)
    key = request.key(idempotency.KeyKind.EXECUTION, body)
    execution_id, is_new = await request.db.recording(
        _create, request.author, request.path("experiment"), summary, journal, key, request.now
    )
    status = 201 if is_new else 200
    headers = {**at(request.address("executions", execution_id)), **ACCEPTS}
    return json(Made(execution_id), status, headers)


@of_team
async def journal(request: TeamRequest) -> Response:
    """The journal of an execution, as it came last."""
    names = _names(request)
    raw = await request.db.reading(_journal, *names)
    return document(raw, headers=at(request.address("executions", names[-1])))


@of_team
async def record(request: TeamRequest) -> Response:
    """Write a later journal; that of an ended execution stays as an earlier version."""
    body = await body_of(request.http)
    summary, journal = await offload_journal(journal_of, body)
    _, experiment_id, execution_id = _names(request)
    try:
        await request.db.recording(
            _record, request.author, experiment_id, execution_id, summary, journal, request.now
        )
    except TooManyVersions as error:
        raise Conflict(f"{error}.".capitalize()) from None
    return nothing(at(request.address("executions", execution_id)))


@of_team
async def list_journals(request: TeamRequest) -> Response:
    """The versions of an execution's journal, the latest first, with who sent each and when."""
    execution_id = request.path("execution")
    return json(await request.db.reading(_list_journals, request.team.team_id, execution_id))


@of_team
async def journal_version(request: TeamRequest) -> Response:
    """One version of an execution's journal, as it was sent."""
    execution_id, number = request.path("execution"), request.version_number()
    return document(
        await request.db.reading(_journal_version, request.team.team_id, execution_id, number)
    )


@of_team
async def one(request: TeamRequest) -> Response:
    """An execution and its journal."""
    execution_id = request.path("execution")
    record, raw, missing, removal = await request.db.reading(
        _one, request.team.team_id, execution_id
    )
    answer = ExecutionWithJournal(
        **msgspec.structs.asdict(record),
        journal=msgspec.Raw(raw),
        lost_contact=record.status == "running" and request.now - record.last_seen_at > SILENCE,
        events_missing=missing,
        **msgspec.structs.asdict(removal),
    )
    return json(answer, headers=at(request.address("executions", execution_id)))


def journal_of(body: bytes) -> tuple[Summary, bytes]:
    """The journal in a body, and what the console takes out of it. Raises a `Problem`."""
    journal = read_journal(decode_as(check_json(body), NewJournal).journal)
    return validate(lambda: journals.summary(journal), "journal"), journal


def _create(
    connection: Connection,
    author: Author,
    experiment_id: str,
    summary: Summary,
    journal: bytes,
    key: idempotency.Key | None,
    now: datetime,
) -> tuple[str, bool]:
    """The id of the new execution, or of the one made with this key before; whether it is new."""
    earlier = idempotency.recall(connection, author.team_id, key)
    if earlier is not None:
        return earlier, False

    def make() -> str:
        created_id = executions.create(connection, author, experiment_id, summary, journal, now)
        if created_id is None:
            raise NotFound("There is no such experiment.")
        return created_id

    return idempotency.once(connection, author.team_id, key, now, make), True


def _names(request: TeamRequest) -> tuple[str, str, str]:
    return request.team.team_id, request.path("experiment"), request.path("execution")


def _journal(connection: Connection, team_id: str, experiment_id: str, execution_id: str) -> bytes:
    _lookup.require_execution(connection, team_id, execution_id, experiment_id)
    return present_journal(executions.journal(connection, team_id, execution_id) or b"")


def present_journal(raw: bytes) -> bytes:
    """The journal, unless retention has removed it. Raises `Gone`."""
    if raw == REMOVED:
        raise Gone("The journal was removed: the organization keeps journals for a time only.")
    return raw


def _list_journals(connection: Connection, team_id: str, execution_id: str) -> list[JournalVersion]:
    _lookup.require_execution(connection, team_id, execution_id, None)
    return executions.list_journals(connection, execution_id)


def _journal_version(connection: Connection, team_id: str, execution_id: str, number: int) -> bytes:
    raw = executions.journal_of_version(connection, team_id, execution_id, number)
    if raw is None:
        raise NotFound("There is no such version.")
    return present_journal(raw)


def _record(
    connection: Connection,
    author: Author,
    experiment_id: str,
    execution_id: str,
    summary: Summary,
    journal: bytes,
    now: datetime,
) -> None:
    _lookup.require_execution(connection, author.team_id, execution_id, experiment_id)
    executions.record(connection, author, execution_id, summary, journal, now)


def _one(
    connection: Connection, team_id: str, execution_id: str
) -> tuple[Execution, bytes, int, ContentRemoval]:
    record = _lookup.find_execution(connection, team_id, execution_id)
    journal = executions.journal(connection, team_id, execution_id) or b"null"
    removal = read_removal(connection, execution_id)
    return record, journal, events.missing(connection, execution_id), removal
