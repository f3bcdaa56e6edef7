"""What an organization asks of all its runs."""

from typing import Literal

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._answers import json
from chaoscloud.console.api._body import body_of, check_json, decode_as, offload
from chaoscloud.console.api._team_request import database_of
from chaoscloud.console.api.safeguards import Scope, owner_scope
from chaoscloud.console.records import safeguard_states


class OrganizationPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`required`: no run starts, or goes on, that cannot ask its safeguards."""

    safeguards: Literal["required", "optional"]


async def read(request: Request) -> Response:
    """What the organization asks of its runs."""
    scope = await owner_scope(request)
    required = await database_of(request).reading(
        safeguard_states.is_required, scope.organization_id
    )
    return json(OrganizationPolicy("required" if required else "optional"))


async def write(request: Request) -> Response:
    """Ask something else of the organization's runs."""
    scope = await owner_scope(request)
    sent = await offload(
        lambda body: decode_as(check_json(body), OrganizationPolicy), await body_of(request)
    )
    await database_of(request).writing(_write, scope, sent.safeguards == "required")
    return json(sent)


def _write(connection: Connection, scope: Scope, on: bool) -> None:
    safeguard_states.require(
        connection,
        scope.organization_id,
        on,
        scope.now,
        person_id=scope.caller.person_id,
        token_id=scope.caller.token_id,
    )
