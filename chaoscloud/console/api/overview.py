"""The overview of a team and of an organization, and what somebody has seen of it."""

from typing import Annotated

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._answers import json, nothing
from chaoscloud.console.api._body import body_of, check_json, decode_as, offload
from chaoscloud.console.api._team_request import (
    TeamRequest,
    database_of,
    now_of,
    of_team,
    refuse_nul,
)
from chaoscloud.console.auth import Caller, caller_of
from chaoscloud.console.errors import NotFound
from chaoscloud.console.records import attention, organizations, overview, teams
from chaoscloud.console.records.attention import LONGEST_NOTE
from chaoscloud.console.records.organization_overview import TeamOverview, read_organization
from chaoscloud.console.records.overview import MOST_STALE_DAYS
from chaoscloud.console.rules.attention import Key


class SeenNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody says about something that they have seen."""

    note: Annotated[str, msgspec.Meta(max_length=LONGEST_NOTE)] = ""


class TeamSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a team has chosen: after how many days without a run that counts one is stale."""

    stale_days: Annotated[int, msgspec.Meta(ge=1, le=MOST_STALE_DAYS)]


@of_team
async def show(request: TeamRequest) -> Response:
    """What runs, what needs attention, how it goes, what is known."""
    team = request.team
    found = await request.db.reading(
        overview.read_overview, team.organization_id, team.team_id, request.now
    )
    return json(found)


async def show_organization(request: Request) -> Response:
    """The same over the teams that the caller may see, those that need most first."""
    caller = await caller_of(request)
    refuse_nul(request)
    found = await database_of(request).reading(
        _read_organization, request.path_params["org"], caller, request
    )
    return json(found)


def _read_organization(
    connection: Connection, word: str, caller: Caller, request: Request
) -> list[TeamOverview]:
    visible = organizations.seen_by(connection, caller.person_id, caller.organization_ids)
    organization = next((item for item in visible if word in (item.id, item.slug)), None)
    if organization is None:
        raise NotFound("There is no such organization, or it is not yours to see.")
    its_teams = teams.seen_by(connection, organization.id, caller.person_id)
    return read_organization(connection, organization.id, its_teams, now_of(request))


@of_team
async def mark_seen(request: TeamRequest) -> Response:
    """Take something off the list of what needs attention, with a note."""
    sent = await offload(
        lambda body: decode_as(check_json(body), SeenNote), await body_of(request.http)
    )
    await request.db.writing(_mark_seen, request, _key(request), sent.note)
    return nothing()


def _mark_seen(connection: Connection, request: TeamRequest, key: Key, note: str) -> None:
    team = request.team
    if not attention.exists(connection, team.team_id, team.organization_id, key):
        raise NotFound("There is no such thing.")
    attention.mark_seen(connection, request.author, key, note, request.now)


@of_team
async def unmark_seen(request: TeamRequest) -> Response:
    """Put something back on the list."""
    if not await request.db.writing(
        attention.unmark_seen, request.author, _key(request), request.now
    ):
        raise NotFound("Nobody has taken such a thing off the list.")
    return nothing()


def _key(request: TeamRequest) -> Key:
    return request.path("kind"), request.path("subject")


@of_team
async def read_settings(request: TeamRequest) -> Response:
    """What the team has chosen."""
    days = await request.db.reading(overview.read_stale_days, request.team.team_id)
    return json(TeamSettings(days))


@of_team
async def write_settings(request: TeamRequest) -> Response:
    """Choose it; every member may."""
    sent = await offload(
        lambda body: decode_as(check_json(body), TeamSettings), await body_of(request.http)
    )
    await request.db.writing(overview.set_stale_days, request.author, sent.stale_days, request.now)
    return json(sent)
