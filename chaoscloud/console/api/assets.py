"""Documents to run: `chaos run URL` and `chaos verify URL` load them from here.

Each knows which experiment or verification it is, and whose. A document from which something was
taken out is answered by 409: to the host, `[redacted]` is an argument like any other.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._answers import document
from chaoscloud.console.api._team_request import (
    TeamRequest,
    database_of,
    of_team,
    origin_of,
    refuse_nul,
)
from chaoscloud.console.auth import Caller, caller_of
from chaoscloud.console.errors import Conflict, NotFound
from chaoscloud.console.records import experiments, organizations, teams, verifications
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules import documents
from chaoscloud.console.rules import verifications as rules
from chaoscloud.console.rules.wholeness import find_removal

Find = Callable[[Connection, str, Team], bytes | None]  # by the id, for a team
FindTeams = Callable[[Connection, str], set[str]]  # the ids of the teams that have something


async def experiment(request: Request) -> Response:
    """An experiment, knowing which one it is and whose; of the only team of yours that has it."""
    find_teams = experiments.teams_that_have
    return await _load_asset(request, "experiment", find_teams, _experiment)


async def verification(request: Request) -> Response:
    """A verification, knowing which one it is, its objective, and whose.

    Ids of verifications belong to a team: where several of yours have one, 409 names the addresses.
    """
    find_teams = verifications.teams_that_have
    return await _load_asset(request, "verification", find_teams, _verification)


@of_team
async def experiment_of_team(request: TeamRequest) -> Response:
    """The same, of the team that the address names."""
    return await _load_asset_of_team(request, "experiment", _experiment)


@of_team
async def verification_of_team(request: TeamRequest) -> Response:
    """The same, of the team that the address names."""
    return await _load_asset_of_team(request, "verification", _verification)


async def _load_asset(request: Request, kind: str, find_teams: FindTeams, find: Find) -> Response:
    caller = await caller_of(request)
    refuse_nul(request)
    asset_id, database = request.path_params[kind], database_of(request)
    having = await database.reading(_list_teams, asset_id, caller, find_teams)
    if len(having) > 1:
        addresses = ", ".join(
            f"{origin_of(request)}/assets/{slug}/{team.slug}/{kind}s/{quote(asset_id)}.json"
            for slug, team in having
        )
        raise Conflict(f"Several of your teams have this: choose one of {addresses}.")
    raw = await database.reading(find, asset_id, having[0][1]) if having else None
    return _answer(raw)


async def _load_asset_of_team(request: TeamRequest, kind: str, find: Find) -> Response:
    scope = request.team
    team = Team(scope.team_id, scope.organization_id, scope.team_name, scope.team_slug)
    return _answer(await request.db.reading(find, request.path(kind), team))


def _answer(raw: bytes | None) -> Response:
    if raw is None:
        raise NotFound("There is nothing to run at this address, or it is not yours to see.")
    return document(raw)


def _list_teams(
    connection: Connection, asset_id: str, caller: Caller, find_teams: FindTeams
) -> list[tuple[str, Team]]:
    """The caller's teams that have something of this id, and their organizations' address names."""
    team_ids = find_teams(connection, asset_id)
    if not team_ids:
        return []
    return [
        (organization.slug, team)
        for organization in organizations.seen_by(
            connection, caller.person_id, caller.organization_ids
        )
        for team in teams.seen_by(connection, organization.id, caller.person_id)
        if team.id in team_ids
    ]


def _experiment(connection: Connection, experiment_id: str, team: Team) -> bytes | None:
    raw = experiments.document(connection, team.id, experiment_id)
    return _document_to_run(team, raw, experiment_id=experiment_id) if raw else None


def _verification(connection: Connection, verification_id: str, team: Team) -> bytes | None:
    record = verifications.find(connection, team.id, verification_id)
    raw = verifications.document(connection, team.id, verification_id)
    if record is None or raw is None:
        return None
    return _document_to_run(
        team,
        raw,
        experiment_id=record.experiment_id,
        objective_id=record.objective_id,
        verification=rules.block(verification_id, record.timing, record.target, record.window),
    )


def _document_to_run(team: Team, raw: bytes, **ids: Any) -> bytes:
    decoded = msgspec.json.decode(raw, type=dict[str, Any])
    removal = find_removal(decoded)
    if removal is not None:
        kind = "verification" if "verification" in ids else "experiment"
        detail = f"This {kind} cannot be run from here. {removal.reason} {removal.advise(kind)}"
        raise Conflict(detail, extra={"redacted": removal.count})
    return documents.to_run(decoded, {"team_id": team.id, "org_id": team.organization_id, **ids})
