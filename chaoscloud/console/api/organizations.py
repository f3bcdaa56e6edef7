"""Which organizations and teams a token's owner may see."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._answers import json
from chaoscloud.console.api._team_request import TeamRequest, database_of, of_team, refuse_nul
from chaoscloud.console.auth import caller_of
from chaoscloud.console.errors import NotFound
from chaoscloud.console.records import organizations, teams


class Named(msgspec.Struct, frozen=True):
    """An organization, or a team in a list."""

    id: str
    name: str


class TeamSummary(msgspec.Struct, frozen=True):
    """A team, and the organization it is in."""

    id: str
    name: str
    org_id: str
    required: bool  # whether no run goes on here that cannot ask its safeguards


async def list_page(request: Request) -> Response:
    """The caller's organizations."""
    caller = await caller_of(request)
    records = await database_of(request).reading(
        organizations.seen_by, caller.person_id, caller.organization_ids
    )
    return json([Named(record.id, record.name) for record in records])


async def list_teams(request: Request) -> Response:
    """The teams of an organization that the caller may see."""
    caller = await caller_of(request)
    refuse_nul(request)
    database, word = database_of(request), request.path_params["org"]
    visible = await database.reading(
        organizations.seen_by, caller.person_id, caller.organization_ids
    )
    organization = next((record for record in visible if word in (record.id, record.slug)), None)
    if organization is None:
        raise NotFound("There is no such organization, or it is not yours to see.")
    records = await database.reading(teams.seen_by, organization.id, caller.person_id)
    return json([Named(record.id, record.name) for record in records])


@of_team
async def team(request: TeamRequest) -> Response:
    """One team."""
    place = request.team
    required = await request.http.app.state.watch.is_required(place.organization_id)
    return json(TeamSummary(place.team_id, place.team_name, place.organization_id, required))
