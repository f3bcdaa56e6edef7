"""A request of somebody who may see the team that it is about."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import wraps
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.auth import Caller, TeamScope, caller_of, team_for
from chaoscloud.console.db import Database
from chaoscloud.console.errors import BadRequest, NotFound
from chaoscloud.console.records.audit import Author
from chaoscloud.console.records.idempotency import Key, KeyKind

LONGEST_KEY = 255
LONGEST_NUMBER = 9  # digits of a version's number

Endpoint = Callable[[Request], Awaitable[Response]]


class TeamRequest(msgspec.Struct, frozen=True):
    """An HTTP request, who sent it, and the team it is about."""

    http: Request
    caller: Caller
    team: TeamScope

    @property
    def db(self) -> Database:
        """The console's database."""
        return database_of(self.http)

    @property
    def now(self) -> datetime:
        """The console's clock."""
        return now_of(self.http)

    @property
    def author(self) -> Author:
        """The person and team that new records belong to."""
        return Author(
            self.team.organization_id,
            self.team.team_id,
            self.caller.person_id,
            self.caller.token_id,
        )

    def path(self, name: str) -> str:
        """A part of the path, by its name in the route."""
        return str(self.http.path_params[name])

    def version_number(self) -> int:
        """The number of a version in the path. Raises `NotFound` for what no version has."""
        text = self.path("number")
        if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
            raise NotFound("There is no version of this number.")
        return int(text)

    def address(self, *parts: str) -> str:
        """Where something of the team is; without `/api` it is the page for people."""
        segments = ("api", self.team.organization_slug, self.team.team_slug, *parts)
        return "/".join((origin_of(self.http), *(quote(part, safe="") for part in segments)))

    def key(self, kind: KeyKind, body: bytes) -> Key | None:
        """The request's idempotency key, if it has one. Raises `BadRequest`."""
        value = self.http.headers.get("idempotency-key")
        if value is None:
            return None
        if not 0 < len(value) <= LONGEST_KEY:
            raise BadRequest(f"An Idempotency-Key has 1 to {LONGEST_KEY} characters.")
        path = self.http.url.path.encode()
        return Key(kind, value, hashlib.sha256(path + b"\n" + body).hexdigest())


def of_team(handler: Callable[[TeamRequest], Awaitable[Response]]) -> Endpoint:
    """An endpoint below a team: 401 without a valid token, 404 for a team one may not see."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        caller = await caller_of(request)
        refuse_nul(request)
        return await handler(TeamRequest(request, caller, await team_for(request, caller)))

    return answer


def refuse_nul(request: Request) -> None:
    """No id has a NUL in it, and not every database can be request for one."""
    if any("\0" in str(value) for value in request.path_params.values()):
        raise NotFound("There is nothing of that name.")


def database_of(request: Request) -> Database:
    """The console's database."""
    database: Database = request.app.state.db
    return database


def now_of(request: Request) -> datetime:
    """The console's time."""
    now: datetime = request.app.state.now()
    return now


def origin_of(request: Request) -> str:
    """The console's address as its clients know it, without a slash at the end."""
    public: str | None = request.app.state.config.public_url
    return public or str(request.base_url).rstrip("/")
