"""Who the token of a request speaks for, and how long it does."""

from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._answers import json
from chaoscloud.console.api._team_request import database_of
from chaoscloud.console.auth import caller_of
from chaoscloud.console.errors import Unauthorized
from chaoscloud.console.records import tokens


class TokenFacts(msgspec.Struct, frozen=True):
    """What people know a token by: its name, its first characters, its end (null for none)."""

    name: str
    hint: str
    expires_at: datetime | None


class Me(msgspec.Struct, frozen=True):
    """The person, and the token they came with."""

    id: str
    name: str
    token: TokenFacts


async def describe_caller(request: Request) -> Response:
    """The person a token speaks for, and the token."""
    caller = await caller_of(request)
    token = await database_of(request).reading(tokens.find, caller.token_id)
    if token is None:  # revoked and removed since the line above
        raise Unauthorized("The access token is not known, has expired or was revoked.")
    facts = TokenFacts(token.name, token.hint, token.expires_at)
    return json(Me(caller.person_id, caller.person_name, facts))
