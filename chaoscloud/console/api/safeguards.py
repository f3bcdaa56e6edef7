"""Safeguards: of a team, by who is on it; of a whole organization, by its owners."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import wraps
from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api import _safeguards
from chaoscloud.console.api._answers import json, nothing
from chaoscloud.console.api._body import Document, Invalid, body_of, check_json, decode_as, offload
from chaoscloud.console.api._safeguards import (
    Moment,
    NewSafeguard,
    SafeguardChanges,
    SafeguardView,
    ensure_sane,
)
from chaoscloud.console.api._team_request import (
    Endpoint,
    TeamRequest,
    database_of,
    now_of,
    of_team,
    origin_of,
    refuse_nul,
)
from chaoscloud.console.auth import Caller, caller_of
from chaoscloud.console.errors import Forbidden, NotFound
from chaoscloud.console.records import organizations, safeguards
from chaoscloud.console.rules import documents
from chaoscloud.console.rules.access import may_stop_organization
from chaoscloud.console.rules.safeguards import KINDS, Policy, Safeguard, is_in_force
from chaoscloud.console.rules.safeguards.kinds.tags import Tags
from chaoscloud.console.watch import Watch
from chaoscloud.console.watch.simulation import FARTHEST, simulate_run


class SafeguardList(msgspec.Struct, frozen=True):
    """Safeguards, oldest first."""

    items: list[SafeguardView]


class Scope(msgspec.Struct, frozen=True):
    """Where safeguards are set: a team, or (None) the whole organization; and by whom."""

    request: Request
    organization_id: str
    team_id: str | None
    caller: Caller

    @property
    def now(self) -> datetime:
        """The console's clock."""
        return now_of(self.request)


class SimulationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Would a run be allowed? Of this experiment, or of one with these tags; now, or `at`."""

    experiment: Document = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    tags: Tags = ()
    at: Moment | None = None


class SimulationResult(msgspec.Struct, frozen=True):
    """Whether it would be allowed at that time, as far as is known now; what denies it, and why."""

    allowed: bool
    required: bool
    at: datetime
    policies: tuple[Policy, ...]


def in_scope(handler: Callable[[Scope], Awaitable[Response]]) -> tuple[Endpoint, Endpoint]:
    """The same below a team, and below an organization, whose owners alone may."""

    @of_team
    @wraps(handler)
    async def of_a_team(request: TeamRequest) -> Response:
        return await handler(
            Scope(request.http, request.team.organization_id, request.team.team_id, request.caller)
        )

    @wraps(handler)
    async def of_an_organization(request: Request) -> Response:
        return await handler(await owner_scope(request))

    return of_a_team, of_an_organization


async def owner_scope(request: Request) -> Scope:
    """The organization that the path names, for an owner of it. Raises a `Problem`."""
    caller = await caller_of(request)
    refuse_nul(request)
    word = request.path_params["org"]
    membership = await database_of(request).reading(_find_membership, word, caller)
    if membership is None:
        raise NotFound("There is no such organization, or it is not yours to see.")
    organization_id, is_owner = membership
    if not is_owner:
        raise Forbidden("Only an owner of the organization may do that.")
    return Scope(request, organization_id, None, caller)


def _find_membership(connection: Connection, word: str, caller: Caller) -> tuple[str, bool] | None:
    """The id of an organization that a person belongs to, and whether they own it."""
    visible = organizations.seen_by(connection, caller.person_id, caller.organization_ids)
    for organization in visible:
        if word in (organization.id, organization.slug):
            role = organizations.role_of(connection, organization.id, caller.person_id)
            return organization.id, may_stop_organization(role)
    return None


# --- reading -----------------------------------------------------------------------------------


async def _list(scope: Scope) -> Response:
    """The safeguards in force; with `?all=true` also those that are switched off."""
    every_one = scope.request.query_params.get("all", "").lower() in ("true", "1")
    views = await database_of(scope.request).reading(_read_list, scope, every_one, scope.now)
    return json(SafeguardList(views))


async def _one(scope: Scope) -> Response:
    """One safeguard."""
    return json(await database_of(scope.request).reading(_read_one, scope, scope.now))


def _read_list(
    connection: Connection, scope: Scope, every_one: bool, now: datetime
) -> list[SafeguardView]:
    if scope.team_id is None:
        lasting = safeguards.list_safeguards(connection, scope.organization_id, now)
        lasting = [safeguard for safeguard in lasting if safeguard.team_id is None]
    else:
        of_team = safeguards.list_for_team(connection, scope.organization_id, scope.team_id)
        lasting = [s for s in of_team if s.expires_at is None or s.expires_at > now]
    list_page = [s for s in lasting if every_one or is_in_force(s, now)]
    return _safeguards.view_safeguards(connection, list_page, now)


def _read_one(connection: Connection, scope: Scope, now: datetime) -> SafeguardView:
    return _safeguards.view_safeguards(connection, [_find(connection, scope)], now)[0]


def _find(connection: Connection, scope: Scope) -> Safeguard:
    """The safeguard that the path names, if the scope can see it. Raises `NotFound`."""
    safeguard_id = scope.request.path_params["safeguard"]
    safeguard = safeguards.find(connection, scope.organization_id, safeguard_id)
    if safeguard is None or safeguard.team_id not in (None, scope.team_id):
        raise NotFound("There is no such safeguard.")
    return safeguard


# --- changing ----------------------------------------------------------------------------------


async def _create(scope: Scope) -> Response:
    """Set a safeguard; for an alert, the answer has the secret of its address, this once."""
    new = await offload(
        lambda body: decode_as(check_json(body), NewSafeguard), await body_of(scope.request)
    )
    networks = scope.request.app.state.config.webhook_networks
    fields = _safeguards.fields_of(new, scope.now, networks)
    now = scope.now
    view = await database_of(scope.request).writing(_write_new, scope, fields, now)
    return json(await _add_acknowledgement(scope, view, now), 201)


async def _change(scope: Scope) -> Response:
    """Change a safeguard, or switch it on or off."""
    raw = await body_of(scope.request)
    changes = await offload(lambda body: decode_as(check_json(body), SafeguardChanges), raw)
    now = scope.now
    view = await database_of(scope.request).writing(_write_changes, scope, changes, now)
    return json(await _add_acknowledgement(scope, view, now))


async def _remove(scope: Scope) -> Response:
    """Remove a safeguard; a stop is released like this."""
    await database_of(scope.request).writing(_write_removal, scope, scope.now)
    return nothing()


async def _add_acknowledgement(scope: Scope, view: SafeguardView, now: datetime) -> SafeguardView:
    database = database_of(scope.request)
    return await _safeguards.add_acknowledgement(database, scope.organization_id, view, now)


def _write_new(
    connection: Connection, scope: Scope, fields: dict[str, Any], now: datetime
) -> SafeguardView:
    safeguard = safeguards.create(
        connection,
        scope.organization_id,
        scope.team_id,
        now=now,
        person_id=scope.caller.person_id,
        token_id=scope.caller.token_id,
        **fields,
    )
    [view] = _safeguards.view_safeguards(connection, [safeguard], now)
    if not KINDS[safeguard.kind].has_secret:
        return view
    address = f"{origin_of(scope.request)}/api/v1/alerts/{safeguard.id}"
    secret = safeguards.renew_secret(connection, safeguard.id)
    return msgspec.structs.replace(view, address=address, secret=secret)


def _write_changes(
    connection: Connection, scope: Scope, changes: SafeguardChanges, now: datetime
) -> SafeguardView:
    before = _own(connection, scope)
    networks = scope.request.app.state.config.webhook_networks
    fields = _safeguards.changes_of(changes, before.kind, now, networks)
    by = {"person_id": scope.caller.person_id, "token_id": scope.caller.token_id}
    after = safeguards.change(connection, before, now, **by, **fields)
    return _safeguards.view_safeguards(connection, [after], now)[0]


def _write_removal(connection: Connection, scope: Scope, now: datetime) -> None:
    safeguard = _own(connection, scope)
    safeguards.remove(
        connection, safeguard, now, person_id=scope.caller.person_id, token_id=scope.caller.token_id
    )


def _own(connection: Connection, scope: Scope) -> Safeguard:
    """The safeguard that the path names, if it is this scope's to change. Raises a `Problem`."""
    safeguard = _find(connection, scope)
    if safeguard.team_id != scope.team_id:
        raise Forbidden("It is the organization's: only an owner may change it, at its address.")
    return safeguard


# --- simulating --------------------------------------------------------------------------------


@of_team
async def simulate(request: TeamRequest) -> Response:
    """Say whether a run of the team would be allowed, now or at another time, and why not."""
    raw = await body_of(request.http)
    sent = await offload(lambda body: decode_as(check_json(body), SimulationRequest), raw)
    at = ensure_sane(sent.at, "at") if sent.at else request.now
    if abs(at - request.now) > FARTHEST:
        raise Invalid("Expected a time within ten years", ["body", "at"], "value_error")
    head = decode_as(sent.experiment, documents.Head, "experiment")
    watch: Watch = request.http.app.state.watch
    tags = (*sent.tags, *(head.tags or ()))
    decision = (await simulate_run(request.db, watch, request.team, tags, at)).decision
    required = await watch.is_required(request.team.organization_id)
    return json(SimulationResult(decision.allowed, required, at, decision.policies))


list_page, list_page_of_organization = in_scope(_list)
create, create_for_organization = in_scope(_create)
one, one_of_organization = in_scope(_one)
change, change_of_organization = in_scope(_change)
remove, remove_of_organization = in_scope(_remove)
