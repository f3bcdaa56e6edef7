"""What keeps runs from happening: what is in force, the stop button, and who used it."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages import timeline
from chaoscloud.console.pages._guard_forms import EXPIRIES, FORMS
from chaoscloud.console.pages._guards import TITLES, Guard, guards
from chaoscloud.console.pages._reasons import Unsaid, reason_of
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.pages._would import would
from chaoscloud.console.pages.guards import scope_of
from chaoscloud.console.records import browsing, history, safeguard_states, safeguards
from chaoscloud.console.records.browsing import Entry
from chaoscloud.console.records.history import Deed
from chaoscloud.console.rules.access import may_stop_organization

MOST_CHOICES = 200  # experiments to choose from in a form
MOST_DEEDS = 20


class House(msgspec.Struct, frozen=True):
    """All that the page shows."""

    guards: list[Guard]
    deeds: list[Deed]
    experiments: list[Entry]
    required: bool


@of_team
async def shown(visit: Visit) -> Response:
    """What is in force, and the forms to change it."""
    return await _page(visit)


async def _page(visit: Visit, status: int = 200, **wrong: str) -> Response:
    house = await visit.db.reading(_read, visit, visit.now)
    return await visit.page(
        "safeguards.html",
        status,
        tab="Safeguards",
        house=house,
        switches=[each for each in house.guards if each.switch and each.standing == "refuses"],
        others=[each for each in house.guards if not each.switch or each.standing != "refuses"],
        would=await would(visit),
        words=timeline.WORDS,
        kinds={kind: (TITLES[kind], form.hint) for kind, form in FORMS.items()},
        expiries={**{value: said for value, (said, _) in EXPIRIES.items()}, "": LASTING},
        all_of_it=may_stop_organization(visit.scope.role),
        **({"wrong": "", "reason": ""} | wrong),
    )


LASTING = "Until somebody resumes"


def _read(connection: Connection, visit: Visit, now: datetime) -> House:
    team = visit.scope
    deeds = history.deeds(
        connection,
        team.organization_id,
        [team.team_id],
        actions=timeline.actions_of("safeguards"),
        limit=MOST_DEEDS,
    )
    return House(
        guards(connection, team, now),
        deeds,
        browsing.experiments_of(connection, team.team_id, limit=MOST_CHOICES),
        safeguard_states.is_required(connection, team.organization_id),
    )


@of_team
async def stop(visit: Visit) -> Response:
    """Set the stop switch of the team, or of the whole organization."""
    given = await visit.form()
    try:
        reason = reason_of(given)
    except Unsaid as unsaid:
        return await _page(visit, 422, wrong=str(unsaid), reason=unsaid.typed)
    _, lasts = EXPIRIES.get(given.get("for", ""), EXPIRIES[""])
    await visit.db.writing(
        safeguards.stop,
        visit.scope.organization_id,
        scope_of(visit, given.get("scope", "")),
        reason,
        visit.now,
        expires_at=None if lasts is None else visit.now + lasts,
        person_id=visit.caller.person_id,
    )
    return visit.back(f"{visit.base}/safeguards?said=stopped")


@of_team
async def resume(visit: Visit) -> Response:
    """Release the stop switches of the team, or of the whole organization."""
    given = await visit.form()
    await visit.db.writing(
        safeguards.resume,
        visit.scope.organization_id,
        scope_of(visit, given.get("scope", "")),
        visit.now,
        person_id=visit.caller.person_id,
    )
    return visit.back(f"{visit.base}/safeguards?said=resumed")


@of_team
async def require(visit: Visit) -> Response:
    """Let no run of the organization go on without an answer, or let them."""
    given = await visit.form()
    if not may_stop_organization(visit.scope.role):
        raise NotFound
    on = given.get("required") == "on"
    await visit.db.writing(
        safeguard_states.require,
        visit.scope.organization_id,
        on,
        visit.now,
        person_id=visit.caller.person_id,
    )
    return visit.back(f"{visit.base}/safeguards?said={'required' if on else 'optional'}")
