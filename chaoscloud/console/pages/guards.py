"""One safeguard: set, changed, switched on or off, removed, by plain forms."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages._guard_forms import (
    AS_IT_IS,
    EXPIRIES,
    FORMS,
    Wrong,
    fields_of,
    rows_of,
    typed_of,
    usual_of,
)
from chaoscloud.console.pages._guards import TITLES, Guard, told
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.pages._zones import ZONES
from chaoscloud.console.records import safeguard_states, safeguards, secrets
from chaoscloud.console.rules.access import may_stop_organization
from chaoscloud.console.rules.verdict import Safeguard
from chaoscloud.console.rules.verdict.windows import DAYS

# --- setting -----------------------------------------------------------------------------------


@of_team
async def new(visit: Visit) -> Response:
    """The form for another safeguard of one kind."""
    kind = _kind(visit.request.query_params.get("kind", ""))
    return await _form(visit, kind, usual_of(kind))


@of_team
async def add(visit: Visit) -> Response:
    """Set a safeguard; for an alert, the answer shows the secret of its address, this once."""
    given = await visit.form()
    kind = _kind(given.get("kind", ""))
    try:
        fields = fields_of(kind, given, visit.request.app.state.config.webhook_networks, visit.now)
    except Wrong as wrong:
        return await _form(visit, kind, given, 422, str(wrong))
    team_id = scope_of(visit, given.get("scope", ""))
    made, secret = await visit.db.writing(_add, visit, team_id, kind, fields)
    if secret:
        return await _page(visit, made.id, secret=secret)
    return visit.back(f"{visit.base}/safeguards?said=set")


def _add(
    connection: Connection, visit: Visit, team_id: str | None, kind: str, fields: dict[str, Any]
) -> tuple[Safeguard, str]:
    made = safeguards.set_up(
        connection,
        visit.scope.organization_id,
        team_id,
        kind,
        str(fields.pop("name")),
        visit.now,
        person_id=visit.caller.person_id,
        **fields,
    )
    return made, secrets.given_to(connection, made.id) if kind == "alert" else ""


async def _form(
    visit: Visit, kind: str, typed: Mapping[str, str], status: int = 200, wrong: str = ""
) -> Response:
    return await visit.page(
        "guard.html",
        status,
        tab="Safeguards",
        guard_of_page=None,
        secret="",
        address="",
        **_shown(kind, typed, wrong),
        expiries={value: words for value, (words, _) in EXPIRIES.items()},
        all_of_it=may_stop_organization(visit.scope.role),
    )


def _shown(kind: str, typed: Mapping[str, str], wrong: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "title": TITLES[kind],
        "hint": FORMS[kind].hint,
        "typed": typed,
        "rows": rows_of(typed),
        "days": DAYS,
        "zones": ZONES if kind == "windows" else (),
        "wrong": wrong,
    }


def _kind(word: str) -> str:
    if word not in FORMS:
        raise NotFound
    return word


# --- one ---------------------------------------------------------------------------------------


@of_team
async def one(visit: Visit) -> Response:
    """One safeguard, with the form to change it for those who may."""
    return await _page(visit, visit.named("id"))


async def _page(
    visit: Visit,
    safeguard_id: str,
    status: int = 200,
    typed: Mapping[str, str] | None = None,
    wrong: str = "",
    secret: str = "",
) -> Response:
    guard = await visit.db.reading(_told, visit, safeguard_id)
    kept = guard.safeguard
    ends = f"{kept.expires_at:%-d %b %Y %H:%M} UTC" if kept.expires_at else "nobody ends it"
    expiries = {AS_IT_IS: f"As it is: {'until ' if kept.expires_at else ''}{ends}"}
    expiries |= {value: words for value, (words, _) in EXPIRIES.items()}
    return await visit.page(
        "guard.html",
        status,
        tab="Safeguards",
        guard_of_page=guard,
        secret=secret,
        address=f"{visit.origin}/api/v1/alerts/{kept.id}" if kept.kind == "alert" else "",
        **_shown(kept.kind, typed or typed_of(kept), wrong),
        expiries=expiries,
        all_of_it=False,
    )


def _told(connection: Connection, visit: Visit, safeguard_id: str) -> Guard:
    found = _find(connection, visit, safeguard_id)
    return told(connection, [found], visit.scope, visit.now)[0]


def _find(connection: Connection, visit: Visit, safeguard_id: str) -> Safeguard:
    """The safeguard, if the team is under it. Raises `NotFound`."""
    found = safeguards.find(connection, visit.scope.organization_id, safeguard_id)
    here = found and found.execution_id is None and found.team_id in (None, visit.scope.team_id)
    if found is None or not here:
        raise NotFound
    return found


# --- changing ----------------------------------------------------------------------------------


@of_team
async def change(visit: Visit) -> Response:
    """Change what a safeguard says."""
    given = await visit.form()
    found = await visit.db.reading(_own, visit)
    networks = visit.request.app.state.config.webhook_networks
    try:
        fields = fields_of(found.kind, given, networks, visit.now)
    except Wrong as wrong:
        return await _page(visit, found.id, 422, given, str(wrong))
    await visit.db.writing(_change, visit, fields)
    return visit.back(f"{visit.base}/safeguards?said=changed")


@of_team
async def switch(visit: Visit) -> Response:
    """Switch a safeguard on or off."""
    given = await visit.form()
    await visit.db.writing(_change, visit, {"enabled": given.get("on") == "on"})
    return visit.back(f"{visit.base}/safeguards?said=changed")


@of_team
async def remove(visit: Visit) -> Response:
    """Take a safeguard away."""
    await visit.form()
    await visit.db.writing(_remove, visit)
    return visit.back(f"{visit.base}/safeguards?said=removed")


@of_team
async def renew(visit: Visit) -> Response:
    """Give an alert's address another secret; the one before opens nothing any more."""
    await visit.form()
    return await _page(visit, visit.named("id"), secret=await visit.db.writing(_renew, visit))


def _change(connection: Connection, visit: Visit, fields: dict[str, Any]) -> None:
    before = _own(connection, visit)
    person_id = visit.caller.person_id
    after = safeguards.change(connection, before, visit.now, person_id=person_id, **fields)
    if after.kind == "webhook" and after.settings != before.settings:
        safeguard_states.forget(connection, after.id)


def _remove(connection: Connection, visit: Visit) -> None:
    gone = _own(connection, visit)
    safeguards.take_away(connection, gone, visit.now, person_id=visit.caller.person_id)


def _renew(connection: Connection, visit: Visit) -> str:
    found = _own(connection, visit)
    if found.kind != "alert":
        raise NotFound
    return secrets.given_to(connection, found.id)


def _own(connection: Connection, visit: Visit) -> Safeguard:
    """The safeguard that the address names, if it is theirs to change. Raises `NotFound`."""
    found = _find(connection, visit, visit.named("id"))
    if found.team_id is None and not may_stop_organization(visit.scope.role):
        raise NotFound
    return found


def scope_of(visit: Visit, said: str) -> str | None:
    """The team's id, or None for the organization. Raises `NotFound` for what is not theirs."""
    if said != "organization":
        return visit.scope.team_id
    if not may_stop_organization(visit.scope.role):
        raise NotFound
    return None
