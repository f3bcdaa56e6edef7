"""A team's executions, and one of them."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages import _filters, _looks
from chaoscloud.console.pages._execution import Folio, folio, shown, tags
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.records import events, execution_views, people
from chaoscloud.console.records import executions as execution_records
from chaoscloud.console.records.events import Event
from chaoscloud.console.records.execution_views import (
    ExecutionDetail,
    ExecutionFilter,
    ExecutionRow,
)
from chaoscloud.console.records.lists import Mark
from chaoscloud.console.records.people import Person
from chaoscloud.console.rules.story import as_map, as_text

PAGE = 50  # rows of a list
STATUSES = {"": "All"} | {status: look.word for status, look in _looks.EXECUTIONS.items()}
STATUSES["lost"] = _looks.LOST.word


class Row(msgspec.Struct, frozen=True):
    """An execution as the list shows it."""

    line: ExecutionRow
    look: _looks.Look
    tags: list[str]
    doing: str
    took: float | None


@of_team
async def list_page(visit: Visit) -> Response:
    """What runs now, and what ran, newest first."""
    asked = visit.request.query_params
    wanted, after = _filters.wanted(asked), _filters.cursor(asked)
    team = visit.scope
    rows, everybody = await visit.db.reading(
        _list_page, team.team_id, team.organization_id, wanted, after, visit.now
    )
    path = f"{visit.base}/executions"
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    last = rows[-1].line if rows else None
    return await visit.page(
        "executions.html",
        tab="Executions",
        rows=rows,
        people=everybody,
        asked={name: asked.get(name, "") for name in _filters.KEPT},
        filtered=any(asked.get(name) for name in _filters.KEPT),
        chips=_filters.chips(path, asked, STATUSES),
        newer=_filters.address(path, asked) if after else "",
        older=_filters.beyond(path, asked, last.started_at, last.id) if more and last else "",
    )


def _list_page(
    connection: Connection,
    team_id: str,
    organization_id: str,
    wanted: ExecutionFilter,
    after: Mark | None,
    now: datetime,
) -> tuple[list[Row], list[Person]]:
    found = execution_views.list_rows(connection, team_id, wanted, now, after=after, limit=PAGE + 1)
    running = [line.id for line in found if line.status == "running"]
    doing = events.latest_of_each(connection, running) if running else {}
    rows = [_row(line, doing.get(line.id), now) for line in found]
    return rows, people.of_organization(connection, organization_id)


def _row(line: ExecutionRow, last: Event | None, now: datetime) -> Row:
    look = _looks.execution(line.status, line.last_seen_at, now)
    took = line.duration
    if look.css == "running":
        took = max(0.0, (now - line.started_at).total_seconds())
    return Row(line, look, tags(line.tags), _doing(last) if look.css == "running" else "", took)


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


def _doing(last: Event | None) -> str:
    """What a run is doing, from the last thing it told."""
    if last is None:
        return "Starting"
    if last.type in PHASES:
        return PHASES[last.type]
    context = as_map(as_map(_decoded(last.data)).get("context"))
    verb = "Finished" if last.type == "activity-finished" else "Playing"
    return f"{verb} {as_text(context.get('name')) or 'an activity'}"


def _decoded(data: bytes) -> Any:
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
    told = await visit.db.reading(tell, visit)
    values = shown(told, visit.request.query_params) | {"wrong": wrong, "reason": reason}
    return await visit.page("execution.html", status, tab="Executions", **values)


def tell(connection: Connection, visit: Visit) -> Folio:
    """The execution that the address names, told. Raises `NotFound`."""
    return folio(connection, sheet(connection, visit), visit.now)


def sheet(connection: Connection, visit: Visit) -> ExecutionDetail:
    """The record of the execution that the address names. Raises `NotFound`."""
    found = execution_views.find_detail(connection, visit.scope.team_id, visit.named("id"))
    if found is None:
        raise NotFound("There is no such execution, or it is not yours to see.")
    return found


@of_team
async def journal(visit: Visit) -> Response:
    """The journal as it came, to keep."""
    found = await visit.db.reading(sheet, visit)
    name = f'attachment; filename="journal-{found.id}.json"'
    return Response(
        found.journal, media_type="application/json", headers={"Content-Disposition": name}
    )


@of_team
async def text(visit: Visit) -> Response:
    """The journal to read, as text and nothing else."""
    found = await visit.db.reading(sheet, visit)
    return await visit.page("journal.html", tab="Executions", sheet=found, journal=_text(found))


@of_team
async def earlier_journal(visit: Visit) -> Response:
    """One version of the journal, to keep."""
    number = min(int(visit.named("number")[:11]), HIGHEST_NUMBER)
    execution_id = visit.named("id")
    raw = await visit.db.reading(
        execution_records.journal_of_version, visit.scope.team_id, execution_id, number
    )
    if raw is None:
        raise NotFound("There is no such version of a journal, or it is not yours to see.")
    name = f'attachment; filename="journal-{execution_id}-{number}.json"'
    return Response(raw, media_type="application/json", headers={"Content-Disposition": name})


HIGHEST_NUMBER = 2**31 - 1  # of a version
LONGEST_JOURNAL = 1_000_000  # characters of a journal on a page


def _text(found: ExecutionDetail) -> str:
    try:
        plain = msgspec.json.format(found.journal, indent=2).decode("utf-8", "replace")
    except msgspec.DecodeError:
        plain = found.journal.decode("utf-8", "replace")
    if len(plain) <= LONGEST_JOURNAL:
        return plain
    return f"{plain[:LONGEST_JOURNAL]}\n… {len(plain) - LONGEST_JOURNAL:,} more characters"
