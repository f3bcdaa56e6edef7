"""One execution, and its journal."""

from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from chaoscloud.console.errors import Gone, NotFound
from chaoscloud.console.pages._execution import ExecutionPage, build_page, template_values
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.records import execution_views
from chaoscloud.console.records import executions as execution_records
from chaoscloud.console.records.execution_views import ExecutionDetail
from chaoscloud.console.records.removals import REMOVED
from chaoscloud.console.reports.execution import (
    Origin,
    build_execution_report,
    render_execution_report,
)


@of_team
async def one(visit: Visit) -> Response:
    """One execution: live while it runs, complete when it is over."""
    return await page_of_one(visit)


async def page_of_one(visit: Visit, status: int = 200, **form: Any) -> Response:
    """The execution's page.

    `form` is a form that was not accepted: `wrong` and `reason` of a stop, or a note's `draft`.
    """
    page = await visit.db.reading(load_page, visit)
    values = template_values(page, visit.request.query_params) | form
    return await visit.page("execution.html", status, tab="Executions", **values)


def load_page(connection: Connection, visit: Visit) -> ExecutionPage:
    """The page of the execution that the address names. Raises `NotFound`."""
    return build_page(connection, find_record(connection, visit), visit.now)


def find_record(connection: Connection, visit: Visit) -> ExecutionDetail:
    """The record of the execution that the address names. Raises `NotFound`."""
    record = execution_views.find_detail(connection, visit.scope.team_id, visit.parameter("id"))
    if record is None:
        raise NotFound("There is no such execution, or it is not yours to see.")
    return record


def _find_with_journal(connection: Connection, visit: Visit) -> ExecutionDetail:
    record = find_record(connection, visit)
    _refuse_removed(record.journal)
    return record


def _refuse_removed(journal: bytes) -> None:
    if journal == REMOVED:
        raise Gone(
            "The journal was removed, because the organization keeps journals for a time only."
            " How the run ended stands on its page."
        )


@of_team
async def journal(visit: Visit) -> Response:
    """The journal as it came, to download."""
    record = await visit.db.reading(_find_with_journal, visit)
    name = f'attachment; filename="journal-{record.id}.json"'
    return Response(
        record.journal, media_type="application/json", headers={"Content-Disposition": name}
    )


@of_team
async def report(visit: Visit) -> Response:
    """The execution as one file to hand over."""
    execution_id, scope = visit.parameter("id"), visit.scope
    address = f"{visit.origin}{visit.base}/executions/{execution_id}"
    origin = Origin(scope.organization_name, scope.team_name, address)
    document = await visit.db.reading(
        build_execution_report, scope.team_id, execution_id, origin, visit.now
    )
    if document is None:
        raise NotFound("There is no such execution, or it is not yours to see.")
    return Response(
        await run_in_threadpool(render_execution_report, document),
        media_type="text/html",
        headers={"Content-Disposition": f'attachment; filename="report-{execution_id}.html"'},
    )


@of_team
async def text(visit: Visit) -> Response:
    """The journal to read, as text and nothing else."""
    record = await visit.db.reading(_find_with_journal, visit)
    return await visit.page(
        "journal.html", tab="Executions", record=record, journal=_format(record.journal)
    )


@of_team
async def earlier_journal(visit: Visit) -> Response:
    """One version of the journal, to download."""
    number, execution_id = visit.parameter("number"), visit.parameter("id")
    raw = None
    if number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER:
        raw = await visit.db.reading(
            execution_records.journal_of_version, visit.scope.team_id, execution_id, int(number)
        )
    if raw is None:
        raise NotFound("There is no such version of a journal, or it is not yours to see.")
    _refuse_removed(raw)
    name = f'attachment; filename="journal-{execution_id}-{number}.json"'
    return Response(raw, media_type="application/json", headers={"Content-Disposition": name})


LONGEST_NUMBER = 9  # digits of a version's number
LONGEST_JOURNAL = 1_000_000  # characters of a journal on a page


def _format(journal: bytes) -> str:
    try:
        plain = msgspec.json.format(journal, indent=2).decode("utf-8", "replace")
    except msgspec.DecodeError:
        plain = journal.decode("utf-8", "replace")
    if len(plain) <= LONGEST_JOURNAL:
        return plain
    return f"{plain[:LONGEST_JOURNAL]}\n… {len(plain) - LONGEST_JOURNAL:,} more characters"
