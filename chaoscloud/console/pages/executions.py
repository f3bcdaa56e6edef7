"""A team's executions, and one of them."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import Gone, NotFound
from chaoscloud.console.pages import _filters, _looks
from chaoscloud.console.pages._execution import (
    LEFT_BEHIND,
    ExecutionPage,
    build_page,
    decode_tags,
    template_values,
)
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.records import events, execution_views, people, runs
from chaoscloud.console.records import executions as execution_records
from chaoscloud.console.records.events import StoredEvent
from chaoscloud.console.records.execution_views import (
    ExecutionDetail,
    ExecutionFilter,
    ExecutionRow,
)
from chaoscloud.console.records.lists import Cursor
from chaoscloud.console.records.outcomes import decode_warnings
from chaoscloud.console.records.people import Person
from chaoscloud.console.records.removals import REMOVED
from chaoscloud.console.records.runs import RunLink
from chaoscloud.outcome.values import as_map, as_text

PAGE = 50  # rows of a list
CHOICES = {  # chips: their word, and the status and outcome that they ask for
    "All": ("", ""),
    _looks.RUNNING.word: ("running", ""),
    "Went wrong": ("", "went-wrong"),
    **{look.word: ("", name) for name, look in _looks.EXECUTIONS.items()},
    "Inconclusive": ("", "inconclusive"),
    "Dry run": ("", "dry"),
    _looks.LOST.word: ("lost", ""),
}


# Outcomes of runs whose method was not run, or of which that is not known.
METHOD_NOT_RUN = ("refused", "baseline-not-met", "probe-error", "unknown")


class Row(msgspec.Struct, frozen=True):
    """An execution as the list shows it."""

    execution: ExecutionRow
    look: _looks.Look
    tags: list[str]
    current: str  # what a run that goes on is doing
    took: float | None
    verification_run: RunLink | None

    @property
    def left_behind(self) -> bool:
        """Whether what the method did may still be there."""
        codes = {caveat.code for caveat in decode_warnings(self.execution.warnings)}
        if "rollback-failed" in codes:
            return True
        # Nothing may be left by a method that was not run, which the outcome says in most cases.
        may_have_begun = self.execution.outcome not in METHOD_NOT_RUN and not self.execution.dry
        return may_have_begun and not codes.isdisjoint(LEFT_BEHIND)


@of_team
async def list_page(visit: Visit) -> Response:
    """What runs now, and what ran, newest first."""
    query = visit.request.query_params
    criteria, after = _filters.read_filter(query), _filters.cursor(query)
    team = visit.scope
    rows, everybody = await visit.db.reading(
        _list_page, team.team_id, team.organization_id, criteria, after, visit.now
    )
    path = f"{visit.base}/executions"
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    last = rows[-1].execution if rows else None
    values = {name: query.get(name, "") for name in _filters.NAMES}
    return await visit.page(
        "executions.html",
        tab="Executions",
        rows=rows,
        people=everybody,
        query=values,
        filtered=any(value for name, value in values.items() if name != "zone"),
        chips=_filters.chips(path, query, CHOICES),
        newer=_filters.address(path, query) if after else "",
        older=_filters.beyond(path, query, last.started_at, last.id) if more and last else "",
    )


def _list_page(
    connection: Connection,
    team_id: str,
    organization_id: str,
    criteria: ExecutionFilter,
    after: Cursor | None,
    now: datetime,
) -> tuple[list[Row], list[Person]]:
    executions = execution_views.list_rows(
        connection, team_id, criteria, now, after=after, limit=PAGE + 1
    )
    running = [execution.id for execution in executions if execution.status == "running"]
    latest = events.latest_of_each(connection, running) if running else {}
    links = runs.find_of_executions(connection, team_id, [item.id for item in executions])
    rows = [_row(item, latest.get(item.id), links.get(item.id), now) for item in executions]
    return rows, people.of_organization(connection, organization_id)


def _row(
    execution: ExecutionRow, last: StoredEvent | None, link: RunLink | None, now: datetime
) -> Row:
    look = _looks.execution(execution, now)
    took, current = execution.duration, ""
    if look is _looks.RUNNING:
        took = max(0.0, (now - execution.started_at).total_seconds())
        current = _describe_event(last)
    return Row(execution, look, decode_tags(execution.tags), current, took, link)


PHASES = {
    "starting-hypothesis": "Testing the hypothesis",
    "hypothesis-finished": "Tested the hypothesis",
    "starting-method": "Starting the method",
    "method-finished": "Finished the method",
    "starting-rollback": "Rolling back",
    "rollback-finished": "Rolled back",
    "starting-experiment": "Starting",
    "experiment-finished": "Ending",
}


def _describe_event(last: StoredEvent | None) -> str:
    """What a run is doing, from its last event."""
    if last is None:
        return "Starting"
    if last.type in PHASES:
        return PHASES[last.type]
    context = as_map(as_map(_decode(last.data)).get("context"))
    verb = "Finished" if last.type == "activity-finished" else "Running"
    return f"{verb} {as_text(context.get('name')) or 'an activity'}"


def _decode(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return None


@of_team
async def one(visit: Visit) -> Response:
    """One execution: live while it runs, complete when it is over."""
    return await page_of_one(visit)


async def page_of_one(
    visit: Visit, status: int = 200, *, wrong: str = "", reason: str = ""
) -> Response:
    """The execution's page; `wrong` and `reason` are of a form that was not accepted."""
    page = await visit.db.reading(load_page, visit)
    values = template_values(page, visit.request.query_params)
    values |= {"wrong": wrong, "reason": reason}
    return await visit.page("execution.html", status, tab="Executions", **values)


def load_page(connection: Connection, visit: Visit) -> ExecutionPage:
    """The page of the execution that the address names. Raises `NotFound`."""
    return build_page(connection, find_record(connection, visit), visit.now)


def find_record(connection: Connection, visit: Visit) -> ExecutionDetail:
    """The record of the execution that the address names. Raises `NotFound`."""
    record = execution_views.find_detail(connection, visit.scope.team_id, visit.named("id"))
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
async def text(visit: Visit) -> Response:
    """The journal to read, as text and nothing else."""
    record = await visit.db.reading(_find_with_journal, visit)
    return await visit.page(
        "journal.html", tab="Executions", record=record, journal=_format(record.journal)
    )


@of_team
async def earlier_journal(visit: Visit) -> Response:
    """One version of the journal, to download."""
    number, execution_id = visit.named("number"), visit.named("id")
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
