"""Whether a run may go on."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.api import _found
from chaoscloud.console.api._answers import json
from chaoscloud.console.api._asked import Asked, of_team
from chaoscloud.console.auth import TeamScope
from chaoscloud.console.records import safeguards
from chaoscloud.console.rules.verdict import Policy, Verdict, verdict


class MayGoOn(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether the run may go on; when it may not, which safeguards say so."""

    allowed: bool
    policies: tuple[Policy, ...] = ()


@of_team
async def verdict_for(asked: Asked) -> Response:
    """What the safeguards say about a run, right now."""
    told = await asked.db.reading(
        _verdict, asked.team, asked.named("experiment"), asked.named("execution"), asked.now
    )
    return json(MayGoOn(told.allowed, told.policies), headers={"Cache-Control": "no-store"})


def _verdict(
    connection: Connection,
    team: TeamScope,
    experiment_id: str,
    execution_id: str,
    now: datetime,
) -> Verdict:
    _found.must_have_execution(connection, team.team_id, execution_id, experiment_id)
    return verdict(safeguards.in_force(connection, team.organization_id, team.team_id), now)
