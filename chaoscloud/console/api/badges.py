"""Badges: turned on and off by a team, and read by whoever has the address."""

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._answers import json, nothing
from chaoscloud.console.api._lookup import find_experiment
from chaoscloud.console.api._team_request import (
    TeamRequest,
    database_of,
    now_of,
    of_team,
    origin_of,
    refuse_nul,
)
from chaoscloud.console.errors import NotFound
from chaoscloud.console.records import badges
from chaoscloud.console.rules.badge import draw_badge


class BadgeView(msgspec.Struct, frozen=True):
    """The address of an experiment's badge."""

    address: str


async def show(request: Request) -> Response:
    """The badge at an address, for whoever knows it."""
    refuse_nul(request)
    secret = request.path_params["secret"]
    badge = await database_of(request).reading(badges.find_badge, secret)
    if badge is None:
        raise NotFound("There is no badge at this address, or it was turned off.")
    return Response(
        draw_badge(badge.run, now_of(request)),
        media_type="image/svg+xml",
        headers={
            "Cache-Control": "public, max-age=60",
            "Content-Security-Policy": "default-src 'none'",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "nosniff",
        },
    )


@of_team
async def read(request: TeamRequest) -> Response:
    """Where the badge of an experiment is, if its team has turned one on."""
    secret = await request.db.reading(_read, request.team.team_id, request.path("experiment"))
    if secret is None:
        raise NotFound("This experiment has no badge; PUT to this address turns one on.")
    return json(_view(request, secret))


@of_team
async def turn_on(request: TeamRequest) -> Response:
    """Give the experiment a badge at a new address; an earlier address ends."""
    secret = await request.db.writing(
        badges.set_badge, request.author, request.path("experiment"), True, request.now
    )
    if secret is None:
        raise NotFound("There is no such experiment.")
    return json(_view(request, secret))


@of_team
async def turn_off(request: TeamRequest) -> Response:
    """Take the badge away."""
    secret = await request.db.writing(
        badges.set_badge, request.author, request.path("experiment"), False, request.now
    )
    if secret is None:
        raise NotFound("There is no such experiment.")
    return nothing()


def _read(connection: Connection, team_id: str, experiment_id: str) -> str | None:
    find_experiment(connection, team_id, experiment_id)
    return badges.find_badge_secret(connection, team_id, experiment_id)


def _view(request: TeamRequest, secret: str) -> BadgeView:
    return BadgeView(f"{origin_of(request.http)}/assets/badges/{secret}.svg")
