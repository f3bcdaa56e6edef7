"""A team's executions: filtered, searched, sorted, counted, followed, and taken away as a file."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from chaoscloud.console.pages import _execution_rows
from chaoscloud.console.pages._execution_filters import (
    Chip,
    ListAddress,
    read_cursor,
    write_cursor,
)
from chaoscloud.console.pages._execution_rows import Row
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.pages.live import Followed, following, live_page
from chaoscloud.console.records import execution_exports, execution_lists, execution_views, people
from chaoscloud.console.records import experiments as experiment_records
from chaoscloud.console.records.execution_exports import FORMATS
from chaoscloud.console.records.execution_lists import ExecutionFilter
from chaoscloud.console.records.execution_views import ListMarker
from chaoscloud.console.records.people import Person

PAGE = 50  # rows of a list


class ExecutionListPage(msgspec.Struct, frozen=True, kw_only=True):
    """All that a list of executions shows."""

    address: ListAddress
    sort: str
    rows: list[Row]
    chips: list[Chip]
    people: list[Person]
    experiment_title: str  # of the one whose executions are asked for
    older: str  # the address of the next page
    searched_to: datetime | None
    total: int


@of_team
async def show(visit: Visit) -> Response:
    """What runs now, and what ran, newest first."""
    page = await visit.db.reading(_load, visit)
    return await visit.page("executions.html", tab="Executions", **_values(visit, page))


def _values(visit: Visit, page: ExecutionListPage) -> dict[str, Any]:
    is_first = "after" not in visit.request.query_params
    path = f"{visit.base}/executions"
    return {
        "page": page,
        "is_first": is_first,
        "live": page.address.at(f"{path}/live") if is_first else "",
        "files": {name.upper(): page.address.at(f"{path}.{name}") for name in FORMATS},
    }


def _load(connection: Connection, visit: Visit) -> ExecutionListPage:
    team = visit.scope
    everybody = people.of_organization(connection, team.organization_id)
    address = _address(visit)
    criteria = _filter(address, everybody)
    after = read_cursor(visit.request.query_params, criteria.sort)
    found = execution_lists.find_page(
        connection, team.team_id, criteria, visit.now, after=after, limit=PAGE
    )
    counts = execution_lists.count_states(connection, team.team_id, criteria, visit.now)
    experiment = criteria.experiment_id and experiment_records.find(
        connection, team.team_id, criteria.experiment_id
    )
    following_page = found.following and {"after": [write_cursor(found.following)]}
    return ExecutionListPage(
        address=address,
        sort=criteria.sort,
        rows=_execution_rows.read_rows(connection, team.team_id, found.ids, visit.now),
        chips=address.chips(counts),
        people=everybody,
        experiment_title=experiment.title if experiment else "",
        older=address.with_values(**following_page) if following_page else "",
        searched_to=found.searched_to,
        total=counts.total,
    )


def _address(visit: Visit) -> ListAddress:
    return ListAddress.read(f"{visit.base}/executions", visit.request.query_params)


def _filter(address: ListAddress, everybody: list[Person]) -> ExecutionFilter:
    return address.filter([(person.id, person.name) for person in everybody])


# --- while one looks ---------------------------------------------------------------------------


@live_page
async def stream(visit: Visit) -> Response:
    """The event stream of the list that the address names."""
    return following(visit, LIST)


async def _pulse(visit: Visit) -> ListMarker:
    team = visit.scope
    return await visit.db.reading(
        execution_views.find_list_marker, team.organization_id, team.team_id, visit.now
    )


async def _piece(visit: Visit) -> Mapping[str, str]:
    page = await visit.db.reading(_load, visit)
    html = await run_in_threadpool(visit.html, "_executions.html", **_values(visit, page))
    return {"html": html, "title": "Executions"}


LIST = Followed(_pulse, lambda _: True, _piece)


# --- to take away ------------------------------------------------------------------------------


@of_team
async def export(visit: Visit) -> Response:
    """Every execution that the filters match, as CSV or JSON."""
    kind = FORMATS[visit.parameter("format")]
    everybody = await visit.db.reading(people.of_organization, visit.scope.organization_id)
    criteria = _filter(_address(visit), everybody)
    chunks = execution_exports.stream(
        visit.db,
        kind,
        visit.scope.team_id,
        criteria,
        visit.now,
        f"{visit.origin}{visit.base}/executions",
    )
    name = f'attachment; filename="executions.{visit.parameter("format")}"'
    return StreamingResponse(
        chunks, media_type=kind.media_type, headers={"Content-Disposition": name}
    )
