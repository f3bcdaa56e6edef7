"""Servers that answer as the console does and keep no event: what storing costs is the rest."""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chaoscloud.console.app import create_app
from chaoscloud.console.cli._operator import now
from chaoscloud.console.cli._server import Server
from chaoscloud.console.cli.serve import _log_to_stderr
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.records.beginnings import begin


class Forgetful(Database):
    """A database that keeps everything but events."""

    async def recording_together(
        self, job: Callable[..., Any], item: Any, *, is_large: bool = False
    ) -> Any:
        """Say at once that it is kept; only events come in crowds."""
        return 1


def forgetful(data: Path, told: Callable[[str], None]) -> None:
    """Serve the console without its events; tells its address and its token."""
    rates = {"CHAOSIQ_CONSOLE_RATES": "api=60000000/minute"}
    config = Config.from_environ(rates, data=str(data))
    with Forgetful.open(config.database_url) as database:
        owner = database.write(lambda connection: begin(connection, now())).result()
        assert owner is not None
        _serve(create_app(config, database), data, lambda url: told(f"{url} {owner.token}"))


def bare(data: Path, told: Callable[[str], None]) -> None:
    """Serve nothing but an answer to whatever comes."""

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(b'{"id":"e-1"}', 201, media_type="application/json")

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])])
    _serve(app, data, lambda url: told(f"{url} -"))


def _serve(app: Starlette, data: Path, ready: Callable[[str], None]) -> None:
    os.dup2(os.open(data / "log", os.O_WRONLY | os.O_CREAT, 0o600), sys.stderr.fileno())
    _log_to_stderr()
    made = socket.create_server(("127.0.0.1", 0))
    Server(app, lambda: ready(f"http://127.0.0.1:{made.getsockname()[1]}")).run([made])
