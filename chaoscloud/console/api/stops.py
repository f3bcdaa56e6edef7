"""One run: stopped by name, and taken away again when it was but a test of the brake."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.api import _found, _guards
from chaoscloud.console.api._answers import json, nothing
from chaoscloud.console.api._asked import Asked, of_team
from chaoscloud.console.api._body import away, body_of, shaped, sound
from chaoscloud.console.api._guards import Line, Shown
from chaoscloud.console.errors import Conflict, Forbidden
from chaoscloud.console.records import safeguards, trials

TRIAL = "chaosiq-safeguards-test"  # the tag of an experiment that only tests the brake


class NewStop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a run is to stop; for how many seconds that holds, should it not hear of it at once."""

    reason: Line
    expires_in: Annotated[float, msgspec.Meta(gt=0, le=30 * 86_400)] | None = None


@of_team
async def stop(asked: Asked) -> Response:
    """Stop one run, and no other."""
    sent = await away(lambda body: shaped(sound(body), NewStop), await body_of(asked.request))
    return json(await asked.db.writing(_stop, asked, sent, asked.now), 201)


@of_team
async def remove(asked: Asked) -> Response:
    """Remove an execution that was a test of the safeguards: nothing else can be removed."""
    await asked.db.writing(_remove, asked.team.team_id, asked.named("execution"))
    return nothing()


def _stop(connection: Connection, asked: Asked, sent: NewStop, now: datetime) -> Shown:
    found = _found.execution(connection, asked.team.team_id, asked.named("execution"))
    if found.status != "running":
        raise Conflict("The run has ended already.")
    made = safeguards.stop(
        connection,
        asked.team.organization_id,
        asked.team.team_id,
        sent.reason,
        now,
        expires_at=now + timedelta(seconds=sent.expires_in) if sent.expires_in else None,
        person_id=asked.caller.person_id,
        execution_id=found.id,
    )
    return _guards.shown(connection, [made], now)[0]


def _remove(connection: Connection, team_id: str, execution_id: str) -> None:
    found = _found.execution(connection, team_id, execution_id)
    if TRIAL not in found.tags:
        raise Forbidden(f"Only executions with the tag {TRIAL} can be removed: the rest is record.")
    trials.remove(connection, found, TRIAL)
