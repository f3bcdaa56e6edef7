"""The API's own description."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._answers import json
from chaoscloud.console.api._describing import Operation, described
from chaoscloud.console.api._operations import OPERATIONS


async def openapi(request: Request) -> Response:
    """What you are reading."""
    return json(described(request.app.routes, WHOLE))


WHOLE = {**OPERATIONS, openapi: Operation({200: dict[str, Any]}, open=True)}
