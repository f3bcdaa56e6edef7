"""Runs of verifications: started, told about while they go on, finished, read back."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.api import _lookup
from chaoscloud.console.api import _starting as starting
from chaoscloud.console.api._answers import (
    at,
    cursor,
    document,
    json,
    limit_of,
    mark_of,
    nothing,
    page,
)
from chaoscloud.console.api._body import (
    Document,
    body_of,
    check_json,
    decode_as,
    offload_journal,
    read_journal,
    validate,
)
from chaoscloud.console.api._team_request import TeamRequest, of_team
from chaoscloud.console.api.executions import present_journal
from chaoscloud.console.errors import Conflict, NotFound
from chaoscloud.console.records import (
    idempotency,
    runs,
)
from chaoscloud.console.records._rows import Cursor
from chaoscloud.console.records.audit import Author
from chaoscloud.console.records.journal_versions import JournalVersion, TooManyVersions
from chaoscloud.console.records.removals import ContentRemoval, read_removal
from chaoscloud.console.records.run_results import Results, read_times
from chaoscloud.console.records.runs import VerificationRun
from chaoscloud.console.rules import journals
from chaoscloud.console.rules import verifications as rules
from chaoscloud.console.rules.soundness import plain


class StartedRun(msgspec.Struct, frozen=True):
    """A run that has started."""

    id: str
    org_id: str
    team_id: str
    verification_id: str
    experiment_id: str
    execution_id: str
    state: str
    status: str
    journal: Document


class Finished(msgspec.Struct, frozen=True):
    """A run that has ended; without results, the samples of the journal are counted."""

    journal: Document
    status: str = ""
    results: Results | None = None


class RunWithJournal(VerificationRun, frozen=True, kw_only=True):
    """A run and its journal, which is null when retention has removed it."""

    journal: Document
    events_removed_at: datetime | None
    journal_removed_at: datetime | None


@of_team
async def start(request: TeamRequest) -> Response:
    """Keep a new run; a verification the team does not know is registered from the document."""
    body = await body_of(request.http)
    started = await offload_journal(starting.start_of, body)
    key = request.key(idempotency.KeyKind.VERIFICATION_RUN, body)
    verification_id = request.path("verification")
    run = await request.db.recording(
        starting.start, request.author, verification_id, started, key, request.now
    )
    answer = StartedRun(
        id=run.id,
        org_id=request.team.organization_id,
        team_id=request.team.team_id,
        verification_id=verification_id,
        experiment_id=run.experiment_id or "",
        execution_id=run.execution_id or "",
        state=runs.RUNNING,
        status="",
        journal=msgspec.Raw(started.journal),
    )
    return json(answer, 201, at(_address(request, run.id)))


@of_team
async def list_page(request: TeamRequest) -> Response:
    """The runs of a verification with their insights, the latest started first."""
    query = request.http.query_params
    limit = limit_of(query)
    record = await request.db.reading(
        _list_page, request.team.team_id, request.path("verification"), mark_of(query), limit
    )
    return page(request.http, record, limit, lambda last: cursor(Cursor(last.created_at, last.id)))


@of_team
async def one(request: TeamRequest) -> Response:
    """A run with its insight and its journal."""
    record, raw, removal = await request.db.reading(_one, *_names(request))
    answer = RunWithJournal(
        **msgspec.structs.asdict(record),
        journal=msgspec.Raw(raw),
        **msgspec.structs.asdict(removal),
    )
    return json(answer, headers=at(_address(request, record.id)))


@of_team
async def finish(request: TeamRequest) -> Response:
    """Keep how a run ended."""
    body = await body_of(request.http)
    status, results, journal = await offload_journal(_finished_of, body)
    _, verification_id, run_id = _names(request)
    try:
        await request.db.recording(
            _finish,
            request.author,
            verification_id,
            run_id,
            status,
            results,
            journal,
            request.now,
        )
    except TooManyVersions as error:
        raise Conflict(f"{error}.".capitalize()) from None
    return nothing()


@of_team
async def list_journals(request: TeamRequest) -> Response:
    """The versions of a run's journal, the latest first, with who sent each and when."""
    return json(await request.db.reading(_list_journals, *_names(request)))


@of_team
async def journal_version(request: TeamRequest) -> Response:
    """One version of a run's journal, as it was sent."""
    number = request.version_number()
    return document(await request.db.reading(_journal_version, *_names(request), number))


# --- reading -----------------------------------------------------------------------------------


def _finished_of(body: bytes) -> tuple[str, Results, bytes]:
    sent = decode_as(check_json(body), Finished)
    journal = read_journal(sent.journal)
    results = sent.results or validate(lambda: _count_samples(journal), "journal")
    pace = validate(lambda: rules.frequency(journals.extensions(journal)), "journal", "experiment")
    if results.frequency is None:
        results = msgspec.structs.replace(results, frequency=pace)
    results = read_times(results, journal, pace or rules.FREQUENCY)
    return plain(sent.status), results, journal


def _count_samples(journal: bytes) -> Results:
    samples, duration = journals.samples(journal), journals.summary(journal).duration
    return Results(
        successful_samples=samples.successful,
        deviated_samples=samples.deviated,
        not_run_samples=samples.not_run,
        total_number_of_samples=samples.total,
        total_duration=max(duration or 0.0, 0.0),
    )


# --- keeping -----------------------------------------------------------------------------------


def _list_page(
    connection: Connection, team_id: str, verification_id: str, after: Cursor | None, limit: int
) -> list[VerificationRun]:
    _lookup.find_verification(connection, team_id, verification_id)
    return runs.list_page(connection, team_id, verification_id, after=after, limit=limit)


def _one(
    connection: Connection, team_id: str, verification_id: str, run_id: str
) -> tuple[VerificationRun, bytes, ContentRemoval]:
    record = _lookup.find_verification_run(connection, team_id, verification_id, run_id)
    removal = read_removal(connection, run_id)
    return record, runs.journal(connection, run_id) or b"null", removal


def _list_journals(
    connection: Connection, team_id: str, verification_id: str, run_id: str
) -> list[JournalVersion]:
    _lookup.find_verification_run(connection, team_id, verification_id, run_id)
    return runs.list_journals(connection, run_id)


def _journal_version(
    connection: Connection, team_id: str, verification_id: str, run_id: str, number: int
) -> bytes:
    _lookup.find_verification_run(connection, team_id, verification_id, run_id)
    raw = runs.journal_of_version(connection, run_id, number)
    if raw is None:
        raise NotFound("There is no such version.")
    return present_journal(raw)


def _finish(
    connection: Connection,
    author: Author,
    verification_id: str,
    run_id: str,
    status: str,
    results: Results,
    journal: bytes,
    now: datetime,
) -> None:
    _lookup.find_verification_run(connection, author.team_id, verification_id, run_id)
    runs.finish(connection, author, run_id, status, results, journal, now)


def _names(request: TeamRequest) -> tuple[str, str, str]:
    return request.team.team_id, request.path("verification"), request.path("run")


def _address(request: TeamRequest, run_id: str) -> str:
    return request.address("verifications", request.path("verification"), "runs", run_id)
