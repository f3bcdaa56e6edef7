"""Who asks, and for which team: the one door between requests and records.

Scripts and the plugin come with `Authorization: Bearer`; browsers with a session cookie that was
opened with a token and ends with it. What a caller may not see does not exist: 404, never 403.
"""

import contextlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.config import Config
from chaoscloud.console.db import Database, QueueFull
from chaoscloud.console.errors import NotFound, Unauthorized
from chaoscloud.console.rates import RateLimiter
from chaoscloud.console.records import sessions, teams, tokens
from chaoscloud.console.rules.access import Role, sees_team
from chaoscloud.console.rules.masking import mask, unmask

COOKIE = "chaosiq_session"


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    person_id: str
    person_name: str
    token_id: str
    organization_ids: frozenset[str]  # those that the token opens
    expires_at: datetime | None = None  # when the token does; not known of a browser's session


@dataclass(frozen=True)
class TeamScope:
    """The team a request is about, which its caller may see; `role` is the caller's."""

    organization_id: str
    organization_slug: str
    organization_name: str
    team_id: str
    team_slug: str
    team_name: str
    role: Role


async def caller_of(request: Request) -> Caller:
    """Who the request's bearer token speaks for. Raises `Unauthorized`."""
    secret = _bearer(request)
    if secret is None:
        raise Unauthorized("This needs an access token: Authorization: Bearer ….")
    caller = await _holder(request, secret)
    if caller is None:
        _count(request, "wrong-token")
        raise Unauthorized("The access token is not known, has expired or was revoked.")
    return caller


async def team_for(request: Request, caller: Caller) -> TeamScope:
    """The team that the path names by ids or address names. Raises `NotFound`."""
    path = request.path_params
    if any("\0" in str(word) for word in path.values()):
        raise NotFound("Nothing here has such a name.")  # PostgreSQL cannot even be asked for it
    place = await _database(request).reading(
        teams.find_access, path["org"], path["team"], caller.person_id
    )
    if (
        place is None
        or place.organization_id not in caller.organization_ids
        or not sees_team(Role(place.role), place.on_it)
    ):
        raise NotFound("There is no such team, or it is not yours to see.")
    return TeamScope(
        place.organization_id,
        place.organization_slug,
        place.organization_name,
        place.team_id,
        place.team_slug,
        place.team_name,
        Role(place.role),
    )


async def session_caller(request: Request) -> Caller | None:
    """Who the browser is signed in as; None when it is not, or not any more."""
    value = request.cookies.get(COOKIE)
    if not value:
        return None
    session = await _database(request).reading(sessions.find, value, _now(request))
    if session is None:
        return None
    return Caller(
        session.person_id, session.person_name, session.token_id, session.organization_ids
    )


async def start_session(request: Request, response: Response, token: str) -> Caller | None:
    """Sign a browser in: put the cookie on the response; None when the token is not accepted.

    Raises `TooManyRequests` for an address that tries too often.
    """
    _count(request, "signin")
    caller = await _holder(request, token.strip())
    if caller is None:
        await _database(request).writing(sessions.log_refused, token.strip(), _now(request))
        return None
    value = await _database(request).writing(sessions.add, caller.token_id, _now(request))
    _set_cookie(request, response, value)
    return caller


async def start_session_by_link(request: Request, response: Response, secret: str) -> bool:
    """The same with the secret of an address that signs in once; False when it does not (any more).

    Raises `TooManyRequests` for an address that tries too often.
    """
    _count(request, "signin")
    value = await _database(request).writing(sessions.open_link, secret, _now(request))
    if value is None:
        return False
    _set_cookie(request, response, value)
    return True


def _set_cookie(request: Request, response: Response, value: str) -> None:
    response.set_cookie(
        COOKIE,
        value,
        max_age=int(sessions.LIFETIME.total_seconds()),
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )


async def end_session(request: Request, response: Response) -> None:
    """Sign a browser out, here and in what the console keeps."""
    value = request.cookies.get(COOKIE)
    if value:
        await _database(request).writing(sessions.end, value, _now(request))
    response.delete_cookie(
        COOKIE, path="/", secure=_is_secure(request), httponly=True, samesite="lax"
    )


def form_token(request: Request) -> str:
    """What a form of this browser's session carries in a hidden field; never the same twice."""
    return mask(sessions.form_token(request.cookies.get(COOKIE, "")))


def form_accepted(request: Request, submitted: str) -> bool:
    """Whether a submitted form carries what this browser's session was given."""
    value = request.cookies.get(COOKIE, "")
    return bool(value) and hmac.compare_digest(sessions.form_token(value), unmask(submitted))


async def _holder(request: Request, secret: str) -> Caller | None:
    database, now = _database(request), _now(request)
    holder = await database.reading(tokens.holder, secret, now)
    if holder is None:
        return None
    if tokens.worth_noting(holder.last_used_at, now):
        # Nobody waits for this note, and a console that is too busy goes without.
        with contextlib.suppress(QueueFull):
            database.write(lambda connection: tokens.used(connection, holder.token_id, now))
    return Caller(
        holder.person_id,
        holder.person_name,
        holder.token_id,
        holder.organization_ids,
        holder.expires_at,
    )


def address_of(request: Request) -> str:
    """Where a request comes from; behind a proxy that is trusted, what that one says of it."""
    return request.client.host if request.client else "unknown"


def _count(request: Request, name: str) -> None:
    limiter: RateLimiter = request.app.state.limiter
    limiter.count(name, address_of(request))


def _bearer(request: Request) -> str | None:
    """The token of the request; hosts differ in how they spell the scheme."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() or None if scheme.lower() == "bearer" else None


def _is_secure(request: Request) -> bool:
    config: Config = request.app.state.config
    return (config.public_url or str(request.url)).startswith("https:")


def _database(request: Request) -> Database:
    database: Database = request.app.state.db
    return database


def _now(request: Request) -> datetime:
    now: Callable[[], datetime] = request.app.state.now
    return now()
