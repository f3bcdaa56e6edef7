"""One run: stopped by name, and taken away again when it was but a test of the brake."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.api import _lookup, _safeguards
from chaoscloud.console.api._answers import json, nothing
from chaoscloud.console.api._body import body_of, check_json, decode_as, offload
from chaoscloud.console.api._safeguards import Line, SafeguardView, add_acknowledgement
from chaoscloud.console.api._team_request import TeamRequest, of_team
from chaoscloud.console.errors import Conflict, Forbidden
from chaoscloud.console.records import executions, stop_tests, stops
from chaoscloud.console.records.audit import Author

NOT_REMOVABLE = (
    "Only a stop test (`chaos safeguards test`) can be removed, by who ran it, within"
    f" {executions.REMOVABLE // timedelta(minutes=1)} minutes: what was really run is a record."
)


class NewStop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a run is to stop; for how many seconds that holds, should it not hear of it at once."""

    reason: Line
    expires_in: Annotated[float, msgspec.Meta(gt=0, le=30 * 86_400)] | None = None


@of_team
async def stop(request: TeamRequest) -> Response:
    """Stop one run, and no other; the answer says when the run knew."""
    sent = await offload(
        lambda body: decode_as(check_json(body), NewStop), await body_of(request.http)
    )
    now = request.now
    view = await request.db.writing(_stop, request, sent, now)
    organization_id = request.team.organization_id
    return json(await add_acknowledgement(request.db, organization_id, view, now), 201)


@of_team
async def remove(request: TeamRequest) -> Response:
    """Remove an execution that was a test of the safeguards: nothing else can be removed."""
    await request.db.writing(_remove, request.author, request.path("execution"), request.now)
    return nothing()


def _stop(
    connection: Connection, request: TeamRequest, sent: NewStop, now: datetime
) -> SafeguardView:
    execution = _lookup.find_execution(connection, request.team.team_id, request.path("execution"))
    if execution.status != "running":
        raise Conflict("The run has ended already.")
    stop_set = stops.stop(
        connection,
        request.team.organization_id,
        request.team.team_id,
        sent.reason,
        now,
        expires_at=now + timedelta(seconds=sent.expires_in) if sent.expires_in else None,
        person_id=request.caller.person_id,
        token_id=request.caller.token_id,
        execution_id=execution.id,
    )
    return _safeguards.view_safeguards(connection, [stop_set], now)[0]


def _remove(connection: Connection, author: Author, execution_id: str, now: datetime) -> None:
    execution = _lookup.find_execution(connection, author.team_id, execution_id)
    if not executions.is_removable(connection, execution, author.person_id, now):
        raise Forbidden(NOT_REMOVABLE)
    stop_tests.remove(connection, author, execution, now)
