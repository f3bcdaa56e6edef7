"""One safeguard: set, changed, switched on or off, removed, by plain forms."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages._safeguard_forms import (
    UNCHANGED,
    fill_form,
    initial_form,
    needs_tags,
    read_form,
)
from chaoscloud.console.pages._stop_form import expiry_choices
from chaoscloud.console.pages._stop_query import wait_and_count
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.records import audit, safeguards
from chaoscloud.console.records.safeguard_status import SafeguardStatus, describe_safeguards
from chaoscloud.console.rules.access import may_stop_organization
from chaoscloud.console.rules.safeguards import KINDS, Kind, Safeguard
from chaoscloud.console.rules.safeguards.fields import InvalidField

ENDLESS = "Until somebody changes it"

# --- setting -----------------------------------------------------------------------------------


@of_team
async def new(visit: Visit) -> Response:
    """The form for another safeguard of one kind."""
    kind = _kind(visit.request.query_params.get("kind", ""))
    form = visit.draft.fields if visit.draft else initial_form(kind)
    return await _show_form(visit, kind, form)


@of_team
async def add(visit: Visit) -> Response:
    """Set a safeguard; for an alert, the answer shows the secret of its address, this once."""
    form = await visit.form()
    kind = _kind(form.get("kind", ""))
    networks = visit.request.app.state.config.webhook_networks
    try:
        fields = read_form(kind, form, networks, visit.now)
    except InvalidField as error:
        return await _show_form(visit, kind, form, 422, str(error))
    team_id = scope_of(visit, form.get("scope", ""))
    safeguard, secret = await visit.db.writing(_add, visit, team_id, kind, fields)
    if secret:
        return await _show(visit, safeguard.id, secret=secret)
    counts = await wait_and_count(visit.db, safeguard)
    return visit.back(f"{visit.base}/safeguards?said=set{counts}")


def _add(
    connection: Connection,
    visit: Visit,
    team_id: str | None,
    kind: Kind[Any],
    fields: dict[str, Any],
) -> tuple[Safeguard, str]:
    safeguard = safeguards.create(
        connection,
        visit.scope.organization_id,
        team_id,
        kind.name,
        str(fields.pop("name")),
        visit.now,
        person_id=visit.caller.person_id,
        token_id=visit.caller.token_id,
        **fields,
    )
    return safeguard, safeguards.renew_secret(connection, safeguard.id) if kind.has_secret else ""


async def _show_form(
    visit: Visit, kind: Kind[Any], form: Mapping[str, str], status: int = 200, error: str = ""
) -> Response:
    return await visit.page(
        "safeguard.html",
        status,
        tab="Safeguards",
        status_of_page=None,
        secret="",
        address="",
        kind=kind,
        needs_tags=kind.needs_tags,
        form=form,
        wrong=error,
        expiries=expiry_choices(ENDLESS),
        is_owner=may_stop_organization(visit.scope.role),
    )


def _kind(name: str) -> Kind[Any]:
    if name not in KINDS:
        raise NotFound
    return KINDS[name]


# --- one ---------------------------------------------------------------------------------------


@of_team
async def one(visit: Visit) -> Response:
    """One safeguard, with the form to change it for those who may."""
    form = visit.draft.fields if visit.draft else None
    return await _show(visit, visit.parameter("id"), form=form)


async def _show(
    visit: Visit,
    safeguard_id: str,
    http_status: int = 200,
    form: Mapping[str, str] | None = None,
    error: str = "",
    secret: str = "",
) -> Response:
    status = await visit.db.reading(_describe, visit, safeguard_id)
    safeguard = status.safeguard
    end = f"{safeguard.expires_at:%-d %b %Y %H:%M} UTC" if safeguard.expires_at else ""
    unchanged = f"As it is: until {end}" if end else "As it is: nobody ends it"
    has_secret = KINDS[safeguard.kind].has_secret
    return await visit.page(
        "safeguard.html",
        http_status,
        tab="Safeguards",
        status_of_page=status,
        secret=secret,
        address=f"{visit.origin}/api/v1/alerts/{safeguard.id}" if has_secret else "",
        kind=KINDS[safeguard.kind],
        needs_tags=needs_tags(KINDS[safeguard.kind], safeguard),
        form=form or fill_form(safeguard),
        wrong=error,
        expiries={UNCHANGED: unchanged, **expiry_choices(ENDLESS)},
        is_owner=may_stop_organization(visit.scope.role),
    )


def _describe(connection: Connection, visit: Visit, safeguard_id: str) -> SafeguardStatus:
    safeguard = _find(connection, visit, safeguard_id)
    return describe_safeguards(connection, [safeguard], visit.now)[0]


def _find(connection: Connection, visit: Visit, safeguard_id: str) -> Safeguard:
    """The safeguard, if it is the team's or its organization's. Raises `NotFound`."""
    safeguard = safeguards.find(connection, visit.scope.organization_id, safeguard_id)
    if safeguard is None or safeguard.execution_id is not None:
        raise NotFound
    if safeguard.team_id not in (None, visit.scope.team_id):
        raise NotFound
    return safeguard


# --- changing ----------------------------------------------------------------------------------


@of_team
async def change(visit: Visit) -> Response:
    """Change a safeguard."""
    form = await visit.form()
    safeguard = await visit.db.reading(own, visit)
    networks = visit.request.app.state.config.webhook_networks
    try:
        fields = read_form(KINDS[safeguard.kind], form, networks, visit.now, safeguard)
    except InvalidField as error:
        return await _show(visit, safeguard.id, 422, form, str(error))
    return await _change_and_wait(visit, fields)


@of_team
async def switch(visit: Visit) -> Response:
    """Switch a safeguard on or off."""
    form = await visit.form()
    return await _change_and_wait(visit, {"enabled": form.get("on") == "on"})


@of_team
async def remove(visit: Visit) -> Response:
    """Remove a safeguard."""
    await visit.form()
    await visit.db.writing(_remove, visit)
    return visit.back(f"{visit.base}/safeguards?said=removed")


@of_team
async def renew(visit: Visit) -> Response:
    """Give an alert's address another secret; the one before opens nothing any more."""
    await visit.form()
    return await _show(visit, visit.parameter("id"), secret=await visit.db.writing(_renew, visit))


async def _change_and_wait(visit: Visit, fields: dict[str, Any]) -> Response:
    safeguard = await visit.db.writing(_change, visit, fields)
    counts = await wait_and_count(visit.db, safeguard)
    return visit.back(f"{visit.base}/safeguards?said=changed{counts}")


def _change(connection: Connection, visit: Visit, fields: dict[str, Any]) -> Safeguard:
    by = {"person_id": visit.caller.person_id, "token_id": visit.caller.token_id}
    return safeguards.change(connection, own(connection, visit), visit.now, **by, **fields)


def _remove(connection: Connection, visit: Visit) -> None:
    safeguards.remove(
        connection,
        own(connection, visit),
        visit.now,
        person_id=visit.caller.person_id,
        token_id=visit.caller.token_id,
    )


def _renew(connection: Connection, visit: Visit) -> str:
    safeguard = own(connection, visit)
    if not KINDS[safeguard.kind].has_secret:
        raise NotFound
    audit.add_entry(
        connection,
        "safeguard.secret-renewed",
        safeguard.name,
        visit.now,
        organization_id=safeguard.organization_id,
        team_id=safeguard.team_id,
        person_id=visit.caller.person_id,
        token_id=visit.caller.token_id,
        target=("safeguard", safeguard.id),
    )
    return safeguards.renew_secret(connection, safeguard.id)


def own(connection: Connection, visit: Visit) -> Safeguard:
    """The safeguard that the address names, if it is theirs to change. Raises `NotFound`."""
    safeguard = _find(connection, visit, visit.parameter("id"))
    if safeguard.team_id is None and not may_stop_organization(visit.scope.role):
        raise NotFound
    return safeguard


def scope_of(visit: Visit, scope: str) -> str | None:
    """The team's id, or None for the organization. Raises `NotFound` for what is not theirs."""
    if scope != "organization":
        return visit.scope.team_id
    if not may_stop_organization(visit.scope.role):
        raise NotFound
    return None
