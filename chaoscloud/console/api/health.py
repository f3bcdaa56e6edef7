"""Whether the console works, and whether it takes this token."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._answers import json
from chaoscloud.console.api._team_request import database_of
from chaoscloud.console.auth import caller_of
from chaoscloud.console.db import StorageError
from chaoscloud.console.watch import Undecided

OK = "ok"
LIMIT = 3.0  # seconds for each part


class Health(msgspec.Struct, frozen=True):
    """Whether the console works: `status` is `ok` or `failing`, each part `ok` or what is wrong."""

    status: str
    disk: str
    database: str
    decisions: str


async def healthz(request: Request) -> Response:
    """Say which parts of the console work; 503 when one does not."""
    parts = {name: await check(request) for name, check in _CHECKS.items()}
    works = all(state == OK for state in parts.values())
    health = Health(OK if works else "failing", **parts)
    return json(health, 200 if works else 503, {} if works else {"Retry-After": "10"})


async def check_token(request: Request) -> Response:
    """Refuse a token that was presented and is not accepted; nobody is asked for one."""
    if "authorization" in request.headers:
        await caller_of(request)
    return Response(None, 200)


async def _check_disk(request: Request) -> str:
    return database_of(request).space.describe_shortage() or OK


async def _check_database(request: Request) -> str:
    return await _try(database_of(request).check())


async def _check_decisions(request: Request) -> str:
    return await _try(request.app.state.watch.check())


async def _try(check: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(LIMIT):
            await check
    except TimeoutError:
        return f"no answer within {LIMIT:g} seconds"
    except (StorageError, Undecided) as error:
        return str(error)
    return OK


_CHECKS: Mapping[str, Callable[[Request], Awaitable[str]]] = {
    "disk": _check_disk,
    "database": _check_database,
    "decisions": _check_decisions,
}
