"""The team's executions as a list: filtered, searched, a page at a time or whole as CSV."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection
from starlette.datastructures import QueryParams
from starlette.responses import Response, StreamingResponse

from chaoscloud.console.api import _lookup
from chaoscloud.console.api._answers import cursor, limit_of, mark_of, page
from chaoscloud.console.api._team_request import TeamRequest, of_team
from chaoscloud.console.auth import TeamScope
from chaoscloud.console.errors import BadRequest
from chaoscloud.console.records import execution_exports, executions, people
from chaoscloud.console.records._rows import Cursor
from chaoscloud.console.records.execution_lists import ExecutionFilter, find_words
from chaoscloud.console.records.executions import Execution
from chaoscloud.console.rules import journals
from chaoscloud.console.rules.run_context import parse_label


@of_team
async def list_page(request: TeamRequest) -> Response:
    """The team's executions, the latest started first.

    `?status=` and `?outcome=` may be given several times; `?went_wrong=true` leaves out
    what passed.
    """
    return await _list(request, request.http.query_params.get("experiment"))


@of_team
async def list_page_of_experiment(request: TeamRequest) -> Response:
    """The same, of one experiment."""
    await request.db.reading(
        _lookup.find_experiment, request.team.team_id, request.path("experiment")
    )
    return await _list(request, request.path("experiment"))


async def _list(request: TeamRequest, experiment_id: str | None) -> Response:
    query = request.http.query_params
    limit, asked = limit_of(query), _read_criteria(query, experiment_id)
    record = await request.db.reading(_list_page, request.team, query, asked, mark_of(query), limit)
    return page(request.http, record, limit, lambda last: cursor(Cursor(last.started_at, last.id)))


def _list_page(
    connection: Connection,
    team: TeamScope,
    query: QueryParams,
    asked: ExecutionFilter | None,
    after: Cursor | None,
    limit: int,
) -> list[Execution]:
    return executions.list_page(
        connection,
        team.team_id,
        statuses=query.getlist("status"),
        names=query.getlist("outcome"),
        went_wrong=_is_true(query.get("went_wrong", "")),
        criteria=asked and _add_words(connection, team, asked, query),
        after=after,
        limit=limit,
    )


def _read_criteria(query: QueryParams, experiment_id: str | None) -> ExecutionFilter | None:
    """What the list is narrowed to, its search apart; None: to nothing. Raises `BadRequest`."""
    asked = ExecutionFilter(
        experiment_id=experiment_id or "",
        person_id=query.get("person", ""),
        tags=tuple(query.getlist("tag")),
        labels=_read_labels(query),
        since=_read_moment(query, "since"),
        until=_read_moment(query, "until"),
    )
    return asked if asked != ExecutionFilter() or query.get("q") else None


def _read_labels(query: QueryParams) -> tuple[tuple[str, str], ...]:
    labels = [parse_label(text) for text in query.getlist("label")]
    if None in labels:
        raise BadRequest("label must be a name and a value, such as env:staging.")
    return tuple(label for label in labels if label)


def _add_words(
    connection: Connection, team: TeamScope, asked: ExecutionFilter, query: QueryParams
) -> ExecutionFilter:
    everybody = people.of_organization(connection, team.organization_id)
    words = find_words(query.get("q", ""), [(person.id, person.name) for person in everybody])
    return msgspec.structs.replace(asked, words=words)


def _is_true(text: str) -> bool:
    return text.lower() in ("true", "1")


def _read_moment(query: QueryParams, name: str) -> datetime | None:
    text = query.get(name)
    if not text:
        return None
    try:
        return journals.moment(text)
    except ValueError:
        raise BadRequest(f"{name} must be a time like 2026-11-25T09:00:00Z, or a day.") from None


@of_team
async def export(request: TeamRequest) -> Response:
    """Every execution that the filters match, as rows of CSV, the latest started first."""
    query = request.http.query_params
    criteria = await request.db.reading(_find_criteria, request.team, query)
    pages = request.address("executions").replace("/api/", "/", 1)
    kind = execution_exports.FORMATS["csv"]

    chunks = execution_exports.stream(
        request.db, kind, request.team.team_id, criteria, request.now, pages
    )
    headers = {"Content-Disposition": 'attachment; filename="executions.csv"'}
    return StreamingResponse(chunks, headers=headers, media_type=kind.media_type)


def _find_criteria(connection: Connection, team: TeamScope, query: QueryParams) -> ExecutionFilter:
    asked = _read_criteria(query, query.get("experiment")) or ExecutionFilter()
    wrong = ("went-wrong",) if _is_true(query.get("went_wrong", "")) else ()
    states = (*query.getlist("status"), *query.getlist("outcome"), *wrong)
    asked = msgspec.structs.replace(asked, states=states)
    return _add_words(connection, team, asked, query)
