"""Whether the console is there, and whether it takes this token."""

from sqlalchemy import Connection, text
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._answers import json
from chaoscloud.console.api._team_request import database_of
from chaoscloud.console.auth import caller_of


async def healthz(request: Request) -> Response:
    """Up, and able to read what it keeps."""
    await database_of(request).reading(_asks)
    return json({"status": "ok"})


async def check_token(request: Request) -> Response:
    """Refuse a token that was presented and is not accepted; nobody is asked for one."""
    if "authorization" in request.headers:
        await caller_of(request)
    return Response(None, 200)


def _asks(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
