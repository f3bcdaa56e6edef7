"""The safeguards people set: created, changed, removed, and by whom; stops and their release."""

import hmac
import secrets
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, func, or_, select, update

from chaoscloud.console.db.changes import of_organization
from chaoscloud.console.db.schema import safeguards
from chaoscloud.console.messages.announcements import announce_safeguard
from chaoscloud.console.messages.events import (
    SAFEGUARD_CHANGED,
    SAFEGUARD_RELEASED,
    SAFEGUARD_SET,
)
from chaoscloud.console.records import audit, safeguard_states
from chaoscloud.console.records._rows import TooMany, columns, every, first, new_id
from chaoscloud.console.records.tokens import digest
from chaoscloud.console.rules.safeguards import KINDS, Safeguard

STOP = "stop"
MOST = 200  # of a scope: as many stops, and as many others
MOST_STOPS_OF_ONE_RUN = 2_000  # of a team

# What may be changed, and whether that may change what the safeguard decides.
CHANGEABLE = {
    "name": False,
    "reason": False,
    "settings": True,
    "enabled": True,
    "tags": True,
    "expires_at": False,
}

_PRESENT = (
    select(*columns(safeguards, Safeguard))
    .where(safeguards.c.removed_at.is_(None))
    .order_by(safeguards.c.created_at, safeguards.c.id)
)
_OF_ORGANIZATION = _PRESENT.where(
    safeguards.c.organization_id == bindparam("organization"), safeguards.c.execution_id.is_(None)
)
_OF_TEAM = _OF_ORGANIZATION.where(
    or_(safeguards.c.team_id.is_(None), safeguards.c.team_id == bindparam("team"))
)
_LASTING = _OF_ORGANIZATION.where(
    or_(safeguards.c.expires_at.is_(None), safeguards.c.expires_at > bindparam("now"))
)
_ONE = _PRESENT.where(
    safeguards.c.organization_id == bindparam("organization"), safeguards.c.id == bindparam("id")
)


def in_force(connection: Connection, organization_id: str, team_id: str) -> list[Safeguard]:
    """The safeguards that apply to a team's runs, its organization's included, oldest first.

    Those whose time is over may be among them: the rules compare with the clock. Stops of one run
    are not.
    """
    every_one = list_for_team(connection, organization_id, team_id)
    return [safeguard for safeguard in every_one if safeguard.enabled]


def list_for_team(connection: Connection, organization_id: str, team_id: str) -> list[Safeguard]:
    """The same, with those that are switched off."""
    return every(connection, _OF_TEAM, Safeguard, organization=organization_id, team=team_id)


def list_safeguards(connection: Connection, organization_id: str, now: datetime) -> list[Safeguard]:
    """Every safeguard of an organization and of its teams whose time is not over, oldest first."""
    return every(connection, _LASTING, Safeguard, organization=organization_id, now=now)


def list_possible(connection: Connection, organization_id: str, now: datetime) -> list[Safeguard]:
    """An organization's safeguards that may deny now or later, stops of one run included."""
    lasting = or_(safeguards.c.expires_at.is_(None), safeguards.c.expires_at > bindparam("now"))
    statement = _PRESENT.where(safeguards.c.organization_id == organization_id)
    statement = statement.where(safeguards.c.enabled, lasting)
    return every(connection, statement, Safeguard, now=now)


def find(connection: Connection, organization_id: str, safeguard_id: str) -> Safeguard | None:
    """The organization's safeguard of this id."""
    return first(connection, _ONE, Safeguard, organization=organization_id, id=safeguard_id)


def create(
    connection: Connection,
    organization_id: str,
    team_id: str | None,
    kind: str,
    name: str,
    now: datetime,
    *,
    action: str = "safeguard.added",
    person_id: str | None = None,
    operator: str | None = None,
    token_id: str | None = None,
    **fields: Any,
) -> Safeguard:
    """Create a safeguard and note who did; `fields` are further fields of `Safeguard`."""
    defaults: dict[str, Any] = {
        "reason": name,
        "settings": "{}",
        "enabled": True,
        "expires_at": None,
    }
    safeguard = Safeguard(
        id=new_id(),
        organization_id=organization_id,
        team_id=team_id,
        kind=kind,
        name=name,
        person_id=person_id,
        operator=operator,
        created_at=now,
        **(defaults | fields),
    )
    _ensure_room(connection, safeguard, now)
    connection.execute(
        safeguards.insert().values(**msgspec.structs.asdict(safeguard)),
        execution_options=of_organization(organization_id),
    )
    _note(connection, action, safeguard, now, person_id, operator, token_id)
    announce_safeguard(connection, SAFEGUARD_SET, safeguard, now)
    return safeguard


def change(
    connection: Connection,
    safeguard: Safeguard,
    now: datetime,
    *,
    person_id: str | None = None,
    operator: str | None = None,
    token_id: str | None = None,
    **changes: Any,
) -> Safeguard:
    """Change what differs among `CHANGEABLE`, and note who did and what it was."""
    differing = {
        name: value for name, value in changes.items() if value != getattr(safeguard, name)
    }
    if not differing:
        return safeguard
    values = {**differing, "updated_at": now}
    if any(CHANGEABLE[name] for name in differing):
        values["decided_at"] = now
    connection.execute(
        update(safeguards).where(safeguards.c.id == safeguard.id).values(**values),
        execution_options=of_organization(safeguard.organization_id),
    )
    if "settings" in differing and KINDS[safeguard.kind].calls:
        safeguard_states.forget(connection, safeguard.id)  # somebody else is asked from now on
    differences = "; ".join(
        _describe_change(safeguard, name, value) for name, value in differing.items()
    )
    subject = f": {differences}"
    _note(connection, "safeguard.changed", safeguard, now, person_id, operator, token_id, subject)
    after = msgspec.structs.replace(safeguard, **values)
    announce_safeguard(connection, SAFEGUARD_CHANGED, after, now)
    return after


def _describe_change(safeguard: Safeguard, name: str, value: Any) -> str:
    if name == "enabled":
        return "switched on" if value else "switched off"
    if name == "settings":  # they may hold what opens a door
        return "settings"
    return f"{name} {_describe_value(getattr(safeguard, name))} → {_describe_value(value)}"


def _describe_value(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value or "never")


def remove(
    connection: Connection,
    safeguard: Safeguard,
    now: datetime,
    *,
    person_id: str | None = None,
    operator: str | None = None,
    token_id: str | None = None,
    action: str = "safeguard.removed",
) -> None:
    """Remove a safeguard, and note who did; its row stays, for what it stopped."""
    where = safeguards.c.id == safeguard.id
    connection.execute(
        update(safeguards).where(where).values(removed_at=now),
        execution_options=of_organization(safeguard.organization_id),
    )
    _note(connection, action, safeguard, now, person_id, operator, token_id)
    announce_safeguard(connection, SAFEGUARD_RELEASED, safeguard, now)


def _ensure_room(connection: Connection, safeguard: Safeguard, now: datetime) -> None:
    """Raise `TooMany` where a safeguard would be one more than can be decided by in time.

    Stops are counted by themselves: others never take the place of one in an emergency. Of the
    stops of one execution each needs an execution that goes on, and ends with it.
    """
    by, is_stop = safeguards.c, safeguard.kind == STOP
    statement = select(func.count()).where(
        by.organization_id == safeguard.organization_id,
        by.team_id == safeguard.team_id if safeguard.team_id else by.team_id.is_(None),
        by.removed_at.is_(None),
        or_(by.expires_at.is_(None), by.expires_at > now),
        by.kind == STOP if is_stop else by.kind != STOP,
        by.execution_id.is_(None) if safeguard.execution_id is None else by.execution_id != "",
    )
    most = MOST if safeguard.execution_id is None else MOST_STOPS_OF_ONE_RUN
    if (connection.scalar(statement) or 0) >= most:
        kind = "stops" if is_stop else "safeguards"
        scope = "a team" if safeguard.team_id else "the organization"
        raise TooMany(
            f"There are {most} {kind} already, and {scope} can have no more: remove some."
        )


def _note(
    connection: Connection,
    action: str,
    safeguard: Safeguard,
    now: datetime,
    person_id: str | None,
    operator: str | None,
    token_id: str | None,
    more: str = "",
) -> None:
    of_one_run = action == "run.stopped" and safeguard.execution_id
    audit.add_entry(
        connection,
        action,
        f"{safeguard.name}{more}",
        now,
        organization_id=safeguard.organization_id,
        team_id=safeguard.team_id,
        person_id=person_id,
        operator=operator,
        token_id=token_id,
        target=("execution", of_one_run) if of_one_run else ("safeguard", safeguard.id),
    )


def renew_secret(connection: Connection, safeguard_id: str) -> str:
    """A new secret for a safeguard's address; an earlier one opens nothing any more."""
    secret = secrets.token_urlsafe(32)
    where = safeguards.c.id == safeguard_id
    connection.execute(update(safeguards).where(where).values(secret=digest(secret)))
    return secret


def find_by_secret(connection: Connection, safeguard_id: str, secret: str) -> Safeguard | None:
    """The safeguard whose address this is, if this is its secret."""
    where = (safeguards.c.id == safeguard_id, safeguards.c.removed_at.is_(None))
    stored = connection.scalar(select(safeguards.c.secret).where(*where))
    if stored is None or not hmac.compare_digest(stored, digest(secret)):
        return None
    return first(connection, select(*columns(safeguards, Safeguard)).where(*where), Safeguard)
