"""What keeps runs from happening: what is in force, the stop button, and who used it."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.auth import TeamScope
from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages._reasons import Unsaid, reason_of
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.records import history, safeguard_states, safeguards
from chaoscloud.console.records.history import Deed
from chaoscloud.console.rules.access import may_stop_organization
from chaoscloud.console.rules.verdict import Safeguard

EXPIRIES = {  # the field's value: what is said, and for how long it lasts
    "": ("Until somebody resumes", None),
    "30m": ("30 minutes", timedelta(minutes=30)),
    "2h": ("2 hours", timedelta(hours=2)),
    "8h": ("8 hours", timedelta(hours=8)),
    "1d": ("1 day", timedelta(days=1)),
    "7d": ("7 days", timedelta(days=7)),
}


class Guard(msgspec.Struct, frozen=True):
    """A safeguard with the name of who set it."""

    safeguard: Safeguard
    by: str

    @property
    def scope(self) -> str:
        """What it concerns, as forms say it."""
        return "team" if self.safeguard.team_id else "organization"


@of_team
async def shown(visit: Visit) -> Response:
    """What is in force, and the forms to change it."""
    return await _page(visit)


async def _page(visit: Visit, status: int = 200, **wrong: str) -> Response:
    guards, deeds = await visit.db.reading(_read, visit.scope, visit.now)
    return await visit.page(
        "safeguards.html",
        status,
        tab="Safeguards",
        guards=guards,
        deeds=deeds,
        expiries={value: words for value, (words, _) in EXPIRIES.items()},
        all_of_it=may_stop_organization(visit.scope.role),
        **({"wrong": "", "reason": ""} | wrong),
    )


def _read(connection: Connection, team: TeamScope, now: datetime) -> tuple[list[Guard], list[Deed]]:
    found = safeguards.in_force(connection, team.organization_id, team.team_id)
    said = safeguard_states.verdict_of(connection, found, now)
    refusing = {policy.id for policy in said.policies}
    holding = [each for each in found if each.id in refusing]
    names = history.names(connection, {each.person_id for each in holding if each.person_id})
    guards = [Guard(each, names.get(each.person_id or "", "")) for each in holding]
    actions = ("safeguard.stopped", "safeguard.resumed")
    deeds = history.deeds(
        connection, team.organization_id, [team.team_id], actions=actions, limit=20
    )
    return guards, deeds


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
        _scope(visit, given.get("scope", "")),
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
        _scope(visit, given.get("scope", "")),
        visit.now,
        person_id=visit.caller.person_id,
    )
    return visit.back(f"{visit.base}/safeguards?said=resumed")


def _scope(visit: Visit, said: str) -> str | None:
    """The team's id, or None for the organization. Raises `NotFound` for what is not theirs."""
    if said != "organization":
        return visit.scope.team_id
    if not may_stop_organization(visit.scope.role):
        raise NotFound
    return None
