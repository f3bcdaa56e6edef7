"""People: who runs experiments and owns tokens.

A person who is removed keeps their row, because what they ran still names them.
"""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, Select, delete, or_, select, update

from chaoscloud.console.db.schema import (
    memberships,
    organizations,
    people,
    team_members,
    teams,
    tokens,
)
from chaoscloud.console.records._rows import AlreadyThere, columns, every, first, new_id


class Person(msgspec.Struct, frozen=True):
    """A person, known by a name nobody else has."""

    id: str
    name: str


class Standing(msgspec.Struct, frozen=True):
    """What a person is in one organization; `team_names` are the teams they are on."""

    organization_name: str
    role: str
    team_names: list[str]


def add(connection: Connection, name: str, now: datetime) -> Person:
    """Add a person; somebody removed before comes back under the same id.

    Raises `AlreadyThere` when the name is taken.
    """
    known = connection.execute(
        select(people.c.id, people.c.removed_at).where(people.c.name == name)
    ).first()
    if known is None:
        made = Person(new_id(), name)
        connection.execute(people.insert().values(id=made.id, name=name, created_at=now))
        return made
    if known.removed_at is None:
        raise AlreadyThere(f"there is a person {name!r} already")
    connection.execute(update(people).where(people.c.id == known.id).values(removed_at=None))
    return Person(known.id, name)


def listed(connection: Connection) -> list[Person]:
    """Everybody who has not been removed, by name."""
    return every(connection, _present().order_by(people.c.name), Person)


def find(connection: Connection, word: str) -> Person | None:
    """The person of this id or name."""
    matching = _present().where(or_(people.c.id == word, people.c.name == word))
    return first(connection, matching.order_by((people.c.id == word).desc()), Person)


def of_organization(connection: Connection, organization_id: str) -> list[Person]:
    """Everybody who belongs to an organization, by name."""
    statement = (
        _present()
        .join(memberships, memberships.c.person_id == people.c.id)
        .where(memberships.c.organization_id == organization_id)
    )
    return every(connection, statement.order_by(people.c.name), Person)


def of_team(connection: Connection, team_id: str) -> list[Person]:
    """Everybody on a team, by name."""
    statement = (
        _present()
        .join(team_members, team_members.c.person_id == people.c.id)
        .where(team_members.c.team_id == team_id)
    )
    return every(connection, statement.order_by(people.c.name), Person)


def standings(connection: Connection, person_id: str) -> list[Standing]:
    """Where a person belongs, by organization."""
    on = (
        select(teams.c.organization_id, teams.c.name)
        .join(team_members, team_members.c.team_id == teams.c.id)
        .where(team_members.c.person_id == person_id)
        .order_by(teams.c.name)
    )
    names: dict[str, list[str]] = {}
    for organization_id, name in connection.execute(on):
        names.setdefault(organization_id, []).append(name)
    belongs = (
        select(organizations.c.id, organizations.c.name, memberships.c.role)
        .join(memberships, memberships.c.organization_id == organizations.c.id)
        .where(memberships.c.person_id == person_id)
        .order_by(organizations.c.name)
    )
    return [
        Standing(row.name, row.role, names.get(row.id, [])) for row in connection.execute(belongs)
    ]


def remove(connection: Connection, person_id: str, now: datetime) -> None:
    """Remove a person: off every team and organization, every token revoked."""
    for table in (team_members, memberships):
        connection.execute(delete(table).where(table.c.person_id == person_id))
    connection.execute(
        update(tokens)
        .where(tokens.c.person_id == person_id, tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    connection.execute(update(people).where(people.c.id == person_id).values(removed_at=now))


def _present() -> Select[tuple[object, ...]]:
    return select(*columns(people, Person)).where(people.c.removed_at.is_(None))
