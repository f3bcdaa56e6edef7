"""Objectives: made, and read back."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.api import _lookup
from chaoscloud.console.api._answers import (
    Made,
    at,
    cursor,
    json,
    limit_of,
    mark_of,
    page,
)
from chaoscloud.console.api._body import body_of, check_json, decode_as, offload, validate
from chaoscloud.console.api._team_request import TeamRequest, of_team
from chaoscloud.console.records import idempotency, objectives
from chaoscloud.console.records._rows import Cursor
from chaoscloud.console.records.audit import Author
from chaoscloud.console.rules import verifications as rules
from chaoscloud.console.rules.soundness import plain

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
Target = Annotated[float, msgspec.Meta(gt=0, le=100, description="A percentage of the time.")]


class NewObjective(msgspec.Struct, frozen=True):
    """What must hold, how much of the time.

    `window` is in seconds; `measurement` is a probe with its tolerance, or a steady-state
    hypothesis with several.
    """

    name: Name
    target: Target
    window: rules.Seconds
    measurement: dict[str, Any]
    description: str = ""
    tags: list[str] = []


@of_team
async def create(request: TeamRequest) -> Response:
    """Keep an objective of the team."""
    body = await body_of(request.http)
    new = await offload(_new_of, body)
    key = request.key(idempotency.KeyKind.OBJECTIVE, body)
    created_id = await request.db.writing(_keep, request.author, new, key, request.now)
    return json(Made(created_id), 201, at(request.address("objectives", created_id)))


@of_team
async def list_page(request: TeamRequest) -> Response:
    """The team's objectives, the latest made first."""
    query = request.http.query_params
    limit = limit_of(query)
    record = await request.db.reading(
        objectives.list_page, request.team.team_id, after=mark_of(query), limit=limit
    )
    return page(request.http, record, limit, lambda last: cursor(Cursor(last.created_at, last.id)))


@of_team
async def one(request: TeamRequest) -> Response:
    """One objective."""
    record = await request.db.reading(
        _lookup.find_objective, request.team.team_id, request.path("objective")
    )
    return json(record, headers=at(request.address("objectives", record.id)))


def _keep(
    connection: Connection,
    author: Author,
    new: objectives.ObjectiveFields,
    key: idempotency.Key | None,
    now: datetime,
) -> str:
    def make() -> str:
        return objectives.add(connection, author, new, now)

    return idempotency.once(connection, author.team_id, key, now, make)


def _new_of(body: bytes) -> objectives.ObjectiveFields:
    sent = decode_as(check_json(body), NewObjective)
    return objectives.ObjectiveFields(
        name=plain(sent.name),
        target=sent.target,
        window=validate(lambda: rules.pace(sent.window, "window")),
        measurement=validate(lambda: rules.hypothesis(sent.measurement, sent.name, "measurement")),
        description=plain(sent.description),
        tags=[plain(tag) for tag in sent.tags],
    )
