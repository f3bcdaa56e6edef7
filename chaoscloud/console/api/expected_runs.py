"""Runs that the team expects by a schedule, and those that did not come."""

from typing import Annotated

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.api._answers import json, limit_of, nothing
from chaoscloud.console.api._body import Invalid, body_of, check_json, decode_as
from chaoscloud.console.api._team_request import TeamRequest, of_team
from chaoscloud.console.errors import NotFound, Unprocessable
from chaoscloud.console.records import expected_runs
from chaoscloud.console.records.expected_runs import ExpectedRun, ExpectedRunStatus, TeamActor
from chaoscloud.console.rules.schedules import (
    LONGEST_EXPRESSION,
    LONGEST_GRACE,
    InvalidSchedule,
    Schedule,
    read_schedule,
)
from chaoscloud.console.rules.soundness import plain

Grace = Annotated[float, msgspec.Meta(ge=0, le=LONGEST_GRACE.total_seconds())]


class NewExpectedRun(msgspec.Struct, frozen=True):
    """A schedule by which runs of an experiment are expected; `grace` is in seconds."""

    experiment_id: str
    cron: Annotated[str, msgspec.Meta(min_length=9, max_length=LONGEST_EXPRESSION)]
    zone: str = "UTC"
    grace: Grace = 0.0


@of_team
async def create(request: TeamRequest) -> Response:
    """Expect runs of an experiment from now on."""
    new = decode_as(check_json(await body_of(request.http)), NewExpectedRun)
    try:
        schedule = read_schedule(plain(new.cron), plain(new.zone), new.grace)
    except InvalidSchedule as error:
        raise Unprocessable(str(error)) from None
    expected = await request.db.writing(_create, request, plain(new.experiment_id), schedule)
    return json(expected, 201)


def _create(
    connection: Connection, request: TeamRequest, experiment_id: str, schedule: Schedule
) -> ExpectedRunStatus:
    actor = _actor(request)
    expected = expected_runs.add(connection, actor, experiment_id, schedule, request.now)
    if expected is None:
        raise Invalid("There is no such experiment", ["body", "experiment_id"], "value_error")
    return expected_runs.describe_status(connection, expected, request.now)


@of_team
async def list_all(request: TeamRequest) -> Response:
    """What the team expects, by the title of the experiment."""
    experiment_id = request.http.query_params.get("experiment")
    return json(
        await request.db.reading(
            expected_runs.list_of_team,
            request.team.team_id,
            request.now,
            experiment_id=experiment_id,
        )
    )


@of_team
async def remove(request: TeamRequest) -> Response:
    """Expect these runs no more."""
    await request.db.writing(_remove, request)
    return nothing()


def _remove(connection: Connection, request: TeamRequest) -> None:
    expected: ExpectedRun | None = expected_runs.find(
        connection, request.team.team_id, request.path("expected")
    )
    if expected is None:
        raise NotFound("Nothing is expected under this id.")
    expected_runs.remove(connection, _actor(request), expected, request.now)


@of_team
async def list_missed(request: TeamRequest) -> Response:
    """The runs that did not come, the latest first."""
    limit = limit_of(request.http.query_params)
    return json(
        await request.db.reading(expected_runs.list_missed, request.team.team_id, limit=limit)
    )


def _actor(request: TeamRequest) -> TeamActor:
    return TeamActor(**msgspec.structs.asdict(request.author))
