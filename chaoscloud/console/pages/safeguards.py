"""What keeps runs from happening: what is in force, the stop button, and who used it."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages._simulation import simulate
from chaoscloud.console.pages._stop_form import (
    EXPIRIES,
    InvalidReason,
    expiry_choices,
    expiry_of,
    reason_of,
)
from chaoscloud.console.pages._stop_query import wait_and_count
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.pages.audit import AuditRow, rows_of
from chaoscloud.console.pages.safeguard import own, scope_of
from chaoscloud.console.records import audit, experiments, safeguard_states, safeguards, stops
from chaoscloud.console.records.audit import Reader
from chaoscloud.console.records.experiments import Experiment
from chaoscloud.console.records.safeguard_status import SafeguardStatus, describe_safeguards
from chaoscloud.console.rules.access import may_stop_organization
from chaoscloud.console.rules.audit_words import KINDS as AUDIT_KINDS
from chaoscloud.console.rules.safeguards import KINDS, is_in_force

MOST_CHOICES = 200  # experiments to choose from in a form
MOST_ENTRIES = 20  # of the audit log


class SafeguardsPage(msgspec.Struct, frozen=True):
    """What the page reads from the database."""

    statuses: list[SafeguardStatus]
    entries: list[AuditRow]
    experiments: list[Experiment]
    required: bool


@of_team
async def show(visit: Visit) -> Response:
    """What is in force, and the forms to change it."""
    return await _show(visit)


async def _show(visit: Visit, http_status: int = 200, **values: str) -> Response:
    page = await visit.db.reading(_read_page, visit, visit.now)
    return await visit.page(
        "safeguards.html",
        http_status,
        tab="Safeguards",
        entries=page.entries,
        experiments=page.experiments,
        required=page.required,
        stops=[status for status in page.statuses if _has_own_panel(status)],
        others=[status for status in page.statuses if not _has_own_panel(status)],
        simulation=await simulate(visit),
        kinds=KINDS,
        expiries=expiry_choices(EXPIRIES[""][0]),
        is_owner=may_stop_organization(visit.scope.role),
        **({"wrong": "", "reason": ""} | values),
    )


def _has_own_panel(status: SafeguardStatus) -> bool:
    return status.stops_everything and status.state == "denies"


def _read_page(connection: Connection, visit: Visit, now: datetime) -> SafeguardsPage:
    team = visit.scope
    of_team = safeguards.list_for_team(connection, team.organization_id, team.team_id)
    lasting = [s for s in of_team if s.expires_at is None or s.expires_at > now]
    return SafeguardsPage(
        describe_safeguards(connection, lasting, now),
        _audit_rows(connection, visit),
        experiments.list_page(connection, team.team_id, limit=MOST_CHOICES),
        safeguard_states.is_required(connection, team.organization_id),
    )


def _audit_rows(connection: Connection, visit: Visit) -> list[AuditRow]:
    scope = visit.scope
    reader = Reader(scope.organization_id, [scope.team_id], visit.caller.person_id, is_owner=False)
    _, prefixes = AUDIT_KINDS["safeguards"]
    entries = audit.list_entries(connection, reader, prefixes=prefixes, limit=MOST_ENTRIES)
    return rows_of(connection, visit, entries)


@of_team
async def stop(visit: Visit) -> Response:
    """Stop all runs of the team, or of the whole organization."""
    form = await visit.form()
    try:
        reason = reason_of(form)
    except InvalidReason as error:
        return await _show(visit, 422, wrong=str(error), reason=error.typed)
    safeguard = await visit.db.writing(
        stops.stop,
        visit.scope.organization_id,
        scope_of(visit, form.get("scope", "")),
        reason,
        visit.now,
        expires_at=expiry_of(form, visit.now),
        person_id=visit.caller.person_id,
        token_id=visit.caller.token_id,
    )
    counts = await wait_and_count(visit.db, safeguard)
    return visit.back(f"{visit.base}/safeguards?said=stopped{counts}")


@of_team
async def release(visit: Visit) -> Response:
    """Release one stop; what else is set stays."""
    await visit.form()
    released = await visit.db.writing(_release, visit)
    return visit.back(f"{visit.base}/safeguards?said={'released' if released else 'unreleased'}")


def _release(connection: Connection, visit: Visit) -> bool:
    """Release the stop that the address names; False when somebody was faster, or switched it off.

    Raises `NotFound` for what is not theirs, or is no stop.
    """
    if safeguards.find(connection, visit.scope.organization_id, visit.parameter("id")) is None:
        return False
    safeguard = own(connection, visit)
    if safeguard.kind != safeguards.STOP:
        raise NotFound
    if not is_in_force(safeguard, visit.now):
        return False
    stops.release(
        connection,
        safeguard,
        visit.now,
        person_id=visit.caller.person_id,
        token_id=visit.caller.token_id,
    )
    return True


@of_team
async def require(visit: Visit) -> Response:
    """Let no run of the organization go on without an answer, or let them."""
    form = await visit.form()
    if not may_stop_organization(visit.scope.role):
        raise NotFound
    required = form.get("required") == "on"
    await visit.db.writing(
        safeguard_states.require,
        visit.scope.organization_id,
        required,
        visit.now,
        person_id=visit.caller.person_id,
        token_id=visit.caller.token_id,
    )
    return visit.back(f"{visit.base}/safeguards?said={'required' if required else 'optional'}")
