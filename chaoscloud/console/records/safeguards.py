"""The safeguards people set, and the stop switch's two motions."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, or_, select, update

from chaoscloud.console.db.schema import safeguards
from chaoscloud.console.records import audit
from chaoscloud.console.records._rows import columns, every, new_id
from chaoscloud.console.rules.verdict import Safeguard

STOP = "stop"


_KEPT = (
    select(*columns(safeguards, Safeguard))
    .where(safeguards.c.organization_id == bindparam("organization"))
    .where(safeguards.c.removed_at.is_(None))
    .order_by(safeguards.c.created_at, safeguards.c.id)
)
_CONCERNING_TEAM = _KEPT.where(safeguards.c.enabled).where(
    or_(safeguards.c.team_id.is_(None), safeguards.c.team_id == bindparam("team"))
)
_LASTING = _KEPT.where(
    or_(safeguards.c.expires_at.is_(None), safeguards.c.expires_at > bindparam("now"))
)


def in_force(connection: Connection, organization_id: str, team_id: str) -> list[Safeguard]:
    """The safeguards that concern a team's runs, its organization's included, oldest first.

    Those whose time is over may be among them: `rules.verdict` knows what time it is.
    """
    return every(
        connection, _CONCERNING_TEAM, Safeguard, organization=organization_id, team=team_id
    )


def listed(connection: Connection, organization_id: str, now: datetime) -> list[Safeguard]:
    """Every safeguard of an organization and of its teams whose time is not over, oldest first."""
    return every(connection, _LASTING, Safeguard, organization=organization_id, now=now)


def add(connection: Connection, safeguard: Safeguard) -> None:
    """Keep a safeguard."""
    connection.execute(safeguards.insert().values(**msgspec.structs.asdict(safeguard)))


def stop(
    connection: Connection,
    organization_id: str,
    team_id: str | None,
    reason: str,
    now: datetime,
    *,
    expires_at: datetime | None = None,
    person_id: str | None = None,
) -> Safeguard:
    """Set the stop switch of a team, or of the whole organization.

    Its name is its reason: the name is what every client shows to whom it stops.
    """
    reason = " ".join(reason.split())
    made = Safeguard(
        id=new_id(),
        organization_id=organization_id,
        team_id=team_id,
        kind=STOP,
        name=reason,
        reason=reason,
        settings="{}",
        enabled=True,
        person_id=person_id,
        created_at=now,
        expires_at=expires_at,
    )
    add(connection, made)
    _note(connection, "safeguard.stopped", made, now, person_id)
    return made


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
    released = [each for each in lasting if (each.kind, each.team_id) == (STOP, team_id)]
    for each in released:
        remove(connection, each.id, now)
        _note(connection, "safeguard.resumed", each, now, person_id)
    return released


def remove(connection: Connection, safeguard_id: str, now: datetime) -> None:
    """Take a safeguard away; its row stays, for what it stopped."""
    where = safeguards.c.id == safeguard_id
    connection.execute(update(safeguards).where(where).values(removed_at=now))


def _note(
    connection: Connection, action: str, safeguard: Safeguard, now: datetime, person_id: str | None
) -> None:
    audit.note(
        connection,
        action,
        safeguard.name,
        now,
        organization_id=safeguard.organization_id,
        team_id=safeguard.team_id,
        person_id=person_id,
    )
