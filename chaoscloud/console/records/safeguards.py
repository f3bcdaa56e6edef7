"""The safeguards people set: kept, changed, taken away, and by whom; the stop switch's motions."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, or_, select, update

from chaoscloud.console.db.schema import safeguards
from chaoscloud.console.records import audit
from chaoscloud.console.records._rows import columns, every, first, new_id
from chaoscloud.console.rules.verdict import Safeguard

STOP = "stop"
STOP_OF_ONE_RUN = timedelta(days=1)  # should the run never say that it has ended

# What may be changed, and whether the safeguard then says something else than before.
CHANGEABLE = {
    "name": False,
    "reason": False,
    "settings": True,
    "enabled": True,
    "tags": True,
    "expires_at": False,
}

_KEPT = (
    select(*columns(safeguards, Safeguard))
    .where(safeguards.c.removed_at.is_(None))
    .order_by(safeguards.c.created_at, safeguards.c.id)
)
_OF_ORGANIZATION = _KEPT.where(
    safeguards.c.organization_id == bindparam("organization"), safeguards.c.execution_id.is_(None)
)
_CONCERNING_TEAM = _OF_ORGANIZATION.where(
    or_(safeguards.c.team_id.is_(None), safeguards.c.team_id == bindparam("team"))
)
_LASTING = _OF_ORGANIZATION.where(
    or_(safeguards.c.expires_at.is_(None), safeguards.c.expires_at > bindparam("now"))
)
_ONE = _KEPT.where(
    safeguards.c.organization_id == bindparam("organization"), safeguards.c.id == bindparam("id")
)


def in_force(connection: Connection, organization_id: str, team_id: str) -> list[Safeguard]:
    """The safeguards that concern a team's runs, its organization's included, oldest first.

    Those whose time is over may be among them: `rules.verdict` knows what time it is. Stops of
    one run are not: `rules.verdict` hears of them with the run.
    """
    found = every(
        connection, _CONCERNING_TEAM, Safeguard, organization=organization_id, team=team_id
    )
    return [each for each in found if each.enabled]


def concerning(connection: Connection, organization_id: str, team_id: str) -> list[Safeguard]:
    """The same, with those that are switched off."""
    return every(
        connection, _CONCERNING_TEAM, Safeguard, organization=organization_id, team=team_id
    )


def listed(connection: Connection, organization_id: str, now: datetime) -> list[Safeguard]:
    """Every safeguard of an organization and of its teams whose time is not over, oldest first."""
    return every(connection, _LASTING, Safeguard, organization=organization_id, now=now)


def everywhere(connection: Connection, now: datetime) -> list[Safeguard]:
    """Every safeguard there is that may have a say now or later, stops of one run included."""
    lasting = or_(safeguards.c.expires_at.is_(None), safeguards.c.expires_at > bindparam("now"))
    return every(connection, _KEPT.where(safeguards.c.enabled, lasting), Safeguard, now=now)


def find(connection: Connection, organization_id: str, safeguard_id: str) -> Safeguard | None:
    """The organization's safeguard of this id."""
    return first(connection, _ONE, Safeguard, organization=organization_id, id=safeguard_id)


def add(connection: Connection, safeguard: Safeguard) -> None:
    """Keep a safeguard."""
    connection.execute(safeguards.insert().values(**msgspec.structs.asdict(safeguard)))


def set_up(
    connection: Connection,
    organization_id: str,
    team_id: str | None,
    kind: str,
    name: str,
    now: datetime,
    *,
    action: str = "safeguard.added",
    person_id: str | None = None,
    **more: Any,
) -> Safeguard:
    """Make a safeguard and write down who did; `more` are further fields of `Safeguard`."""
    usual: dict[str, Any] = {"reason": name, "settings": "{}", "enabled": True, "expires_at": None}
    made = Safeguard(
        id=new_id(),
        organization_id=organization_id,
        team_id=team_id,
        kind=kind,
        name=name,
        person_id=person_id,
        created_at=now,
        **(usual | more),
    )
    add(connection, made)
    _note(connection, action, made, now, person_id)
    return made


def change(
    connection: Connection,
    safeguard: Safeguard,
    now: datetime,
    *,
    person_id: str | None = None,
    **changes: Any,
) -> Safeguard:
    """Change what is different among `CHANGEABLE`, and write down who did and what it was."""
    differing = {k: v for k, v in changes.items() if v != getattr(safeguard, k)}
    if not differing:
        return safeguard
    kept = {**differing, "updated_at": now}
    if any(CHANGEABLE[each] for each in differing):
        kept["decided_at"] = now
    connection.execute(update(safeguards).where(safeguards.c.id == safeguard.id).values(**kept))
    what = "; ".join(_difference(safeguard, key, value) for key, value in differing.items())
    _note(connection, "safeguard.changed", safeguard, now, person_id, f": {what}")
    return msgspec.structs.replace(safeguard, **kept)


def _difference(safeguard: Safeguard, key: str, value: Any) -> str:
    if key == "enabled":
        return "switched on" if value else "switched off"
    if key == "settings":  # they may hold what opens a door
        return "settings"
    return f"{key} {_said(getattr(safeguard, key))} → {_said(value)}"


def _said(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value or "never")


def stop(
    connection: Connection,
    organization_id: str,
    team_id: str | None,
    reason: str,
    now: datetime,
    *,
    expires_at: datetime | None = None,
    person_id: str | None = None,
    execution_id: str | None = None,
) -> Safeguard:
    """Set the stop switch of a team, of the whole organization, or of one run.

    Its name is its reason: the name is what every client shows to whom it stops.
    """
    reason = " ".join(reason.split())
    if execution_id is not None and expires_at is None:
        expires_at = now + STOP_OF_ONE_RUN
    return set_up(
        connection,
        organization_id,
        team_id,
        STOP,
        reason,
        now,
        action="safeguard.stopped" if execution_id is None else "run.stopped",
        person_id=person_id,
        expires_at=expires_at,
        execution_id=execution_id,
    )


def resume(
    connection: Connection,
    organization_id: str,
    team_id: str | None,
    now: datetime,
    *,
    person_id: str | None = None,
) -> list[Safeguard]:
    """Release the stop switches of exactly this scope; give those that were set.

    A team's switch is not released with the organization's: somebody set it for that team.
    """
    lasting = listed(connection, organization_id, now)
    released = [
        each for each in lasting if (each.kind, each.team_id, each.tags) == (STOP, team_id, ())
    ]
    for each in released:
        take_away(connection, each, now, person_id=person_id, action="safeguard.resumed")
    return released


def take_away(
    connection: Connection,
    safeguard: Safeguard,
    now: datetime,
    *,
    person_id: str | None = None,
    action: str = "safeguard.removed",
) -> None:
    """Remove a safeguard, and write down who did."""
    remove(connection, safeguard.id, now)
    _note(connection, action, safeguard, now, person_id)


def remove(connection: Connection, safeguard_id: str, now: datetime) -> None:
    """Take a safeguard away; its row stays, for what it stopped."""
    where = safeguards.c.id == safeguard_id
    connection.execute(update(safeguards).where(where).values(removed_at=now))


def end_with(connection: Connection, execution_id: str, now: datetime) -> None:
    """Take away the stops of one run, which has ended."""
    where = (safeguards.c.execution_id == execution_id, safeguards.c.removed_at.is_(None))
    # Asked first: hardly any run has one, and a write would be told to everybody who waits.
    if connection.execute(select(safeguards.c.id).where(*where)).first():
        connection.execute(update(safeguards).where(*where).values(removed_at=now))


def _note(
    connection: Connection,
    action: str,
    safeguard: Safeguard,
    now: datetime,
    person_id: str | None,
    more: str = "",
) -> None:
    audit.note(
        connection,
        action,
        f"{safeguard.name}{more}",
        now,
        organization_id=safeguard.organization_id,
        team_id=safeguard.team_id,
        person_id=person_id,
    )
