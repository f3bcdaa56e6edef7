"""Safeguards: of a team, by who is on it; of a whole organization, by its owners."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api import _guards
from chaoscloud.console.api._answers import json, nothing
from chaoscloud.console.api._body import Document, Invalid, away, body_of, shaped, sound
from chaoscloud.console.api._guards import Changes, Moment, NewSafeguard, Shown
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
from chaoscloud.console.records import organizations, safeguard_states, safeguards, secrets
from chaoscloud.console.rules import documents
from chaoscloud.console.rules.access import may_stop_organization
from chaoscloud.console.rules.verdict import Policy, Run, Safeguard, in_force, verdict
from chaoscloud.console.rules.verdict.tags import Tags
from chaoscloud.console.watch import Watch

FARTHEST = timedelta(days=3660)


class Listed(msgspec.Struct, frozen=True):
    """Safeguards, oldest first."""

    items: list[Shown]


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


class WouldIt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Would a run be allowed? Of this experiment, or of one with these tags; now, or `at`."""

    experiment: Document = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    tags: Tags = ()
    at: Moment | None = None


class Would(msgspec.Struct, frozen=True):
    """Whether it would be allowed at that time, as far as is known now; who says no, and why."""

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
        return await handler(await owned(request))

    return of_a_team, of_an_organization


async def owned(request: Request) -> Scope:
    """The organization that the path names, for an owner of it. Raises a `Problem`."""
    caller = await caller_of(request)
    refuse_nul(request)
    word = request.path_params["org"]
    found = await database_of(request).reading(_standing, word, caller.person_id)
    if found is None:
        raise NotFound("There is no such organization, or it is not yours to see.")
    organization_id, owner = found
    if not owner:
        raise Forbidden("Only an owner of the organization may do that.")
    return Scope(request, organization_id, None, caller)


def _standing(connection: Connection, word: str, person_id: str) -> tuple[str, bool] | None:
    for each in organizations.seen_by(connection, person_id):
        if word in (each.id, each.slug):
            role = organizations.role_of(connection, each.id, person_id)
            return each.id, may_stop_organization(role)
    return None


# --- reading -----------------------------------------------------------------------------------


async def _list(scope: Scope) -> Response:
    """The safeguards in force; with `?all=true` also those that are switched off."""
    all_ = scope.request.query_params.get("all", "").lower() in ("true", "1")
    return json(Listed(await database_of(scope.request).reading(_listed, scope, all_, scope.now)))


async def _one(scope: Scope) -> Response:
    """One safeguard."""
    return json(await database_of(scope.request).reading(_read, scope, scope.now))


def _listed(connection: Connection, scope: Scope, all_: bool, now: datetime) -> list[Shown]:
    if scope.team_id is None:
        found = safeguards.listed(connection, scope.organization_id, now)
        found = [each for each in found if each.team_id is None]
    else:
        found = safeguards.concerning(connection, scope.organization_id, scope.team_id)
        found = [each for each in found if each.expires_at is None or each.expires_at > now]
    return _guards.shown(connection, [e for e in found if all_ or in_force(e, now)], now)


def _read(connection: Connection, scope: Scope, now: datetime) -> Shown:
    return _guards.shown(connection, [_found(connection, scope)], now)[0]


def _found(connection: Connection, scope: Scope) -> Safeguard:
    """The safeguard that the path names, if the scope can see it."""
    id_ = scope.request.path_params["safeguard"]
    found = safeguards.find(connection, scope.organization_id, id_)
    if found is None or found.team_id not in (None, scope.team_id):
        raise NotFound("There is no such safeguard.")
    return found


# --- changing ----------------------------------------------------------------------------------


async def _create(scope: Scope) -> Response:
    """Set a safeguard; for an alert, the answer has the secret of its address, this once."""
    new = await away(lambda body: shaped(sound(body), NewSafeguard), await body_of(scope.request))
    fields = _guards.fields_of(new, scope.now, scope.request.app.state.config.webhook_networks)
    made = await database_of(scope.request).writing(_set, scope, fields, scope.now)
    return json(made, 201)


async def _change(scope: Scope) -> Response:
    """Change a safeguard, or switch it on or off."""
    sent = await away(lambda body: shaped(sound(body), Changes), await body_of(scope.request))
    return json(await database_of(scope.request).writing(_changed, scope, sent, scope.now))


async def _remove(scope: Scope) -> Response:
    """Take a safeguard away."""
    await database_of(scope.request).writing(_removed, scope, scope.now)
    return nothing()


def _set(connection: Connection, scope: Scope, fields: dict[str, Any], now: datetime) -> Shown:
    made = safeguards.set_up(
        connection,
        scope.organization_id,
        scope.team_id,
        now=now,
        person_id=scope.caller.person_id,
        **fields,
    )
    [told] = _guards.shown(connection, [made], now)
    if made.kind != "alert":
        return told
    address = f"{origin_of(scope.request)}/api/v1/alerts/{made.id}"
    secret = secrets.given_to(connection, made.id)
    return msgspec.structs.replace(told, address=address, secret=secret)


def _changed(connection: Connection, scope: Scope, sent: Changes, now: datetime) -> Shown:
    before = _own(connection, scope)
    networks = scope.request.app.state.config.webhook_networks
    changes = _guards.changes_of(sent, before.kind, now, networks)
    person = scope.caller.person_id
    after = safeguards.change(connection, before, now, person_id=person, **changes)
    if after.kind == "webhook" and after.settings != before.settings:
        safeguard_states.forget(connection, after.id)
    return _guards.shown(connection, [after], now)[0]


def _removed(connection: Connection, scope: Scope, now: datetime) -> None:
    gone = _own(connection, scope)
    safeguards.take_away(connection, gone, now, person_id=scope.caller.person_id)


def _own(connection: Connection, scope: Scope) -> Safeguard:
    """The safeguard that the path names, if it is this scope's to change."""
    found = _found(connection, scope)
    if found.team_id != scope.team_id:
        raise Forbidden("It is the organization's: only an owner may change it, at its address.")
    return found


# --- would it? ---------------------------------------------------------------------------------


@of_team
async def simulate(request: TeamRequest) -> Response:
    """Say whether a run of the team would be allowed, now or at another time, and why not."""
    sent = await away(lambda body: shaped(sound(body), WouldIt), await body_of(request.http))
    at = sent.at or request.now
    if abs(at - request.now) > FARTHEST:
        raise Invalid("Expected a time within ten years", ["body", "at"], "value_error")
    head = shaped(sent.experiment, documents.Head, "experiment")
    tags = (*sent.tags, *(head.tags or ()))
    watch: Watch = request.http.app.state.watch
    organization, team = request.team.organization_id, request.team.team_id
    holding = await request.db.reading(safeguards.in_force, organization, team)
    facts = await watch.facts(organization, holding)
    said = verdict(holding, at, Run(None, tags), facts)
    required = await watch.required(organization)
    return json(Would(said.allowed, required, at, said.policies))


listed, listed_of_organization = in_scope(_list)
create, create_for_organization = in_scope(_create)
one, one_of_organization = in_scope(_one)
change, change_of_organization = in_scope(_change)
remove, remove_of_organization = in_scope(_remove)
