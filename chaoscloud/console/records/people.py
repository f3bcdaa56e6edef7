"""People: who runs experiments and owns tokens.

A person who is removed keeps their row, because what they ran still names them.
"""

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import Connection, Select, delete, or_, select, update

from chaoscloud.console.db.engines import lock_out_others
from chaoscloud.console.db.schema import (
    memberships,
    organizations,
    people,
    team_members,
    teams,
    tokens,
)
from chaoscloud.console.records._rows import AlreadyThere, columns, every, new_id


class Person(msgspec.Struct, frozen=True):
    """A person; nobody else of their organizations has the name."""

    id: str
    name: str


class Affiliation(msgspec.Struct, frozen=True):
    """What a person is in one organization; `team_names` are the teams they are on."""

    organization_id: str
    organization_name: str
    role: str
    team_names: list[str]


def add(connection: Connection, name: str, now: datetime) -> Person:
    """Add a person, of no organization yet (see `organizations.admit`)."""
    person = Person(new_id(), name)
    connection.execute(people.insert().values(id=person.id, name=name, created_at=now))
    return person


def rename(connection: Connection, person: Person, name: str) -> Person:
    """Give a person another name, everywhere that they belong.

    Raises `AlreadyThere` when somebody else in one of their organizations has the name.
    """
    lock_out_others(connection)  # no other process admits somebody of that name meanwhile
    own = select(memberships.c.organization_id).where(memberships.c.person_id == person.id)
    taken = connection.scalar(
        select(organizations.c.name)
        .join(memberships, memberships.c.organization_id == organizations.c.id)
        .join(people, people.c.id == memberships.c.person_id)
        .where(memberships.c.organization_id.in_(own), people.c.removed_at.is_(None))
        .where(people.c.id != person.id, people.c.name == name)
    )
    if taken is not None:
        raise AlreadyThere(f"there is a person {name!r} in organization {taken!r} already")
    connection.execute(update(people).where(people.c.id == person.id).values(name=name))
    return Person(person.id, name)


def list_everybody(connection: Connection) -> list[Person]:
    """Everybody of every organization who has not been removed, by name; for operators only."""
    return every(connection, _present().order_by(people.c.name, people.c.id), Person)


def find_matching(connection: Connection, word: str, *, removed: bool = False) -> list[Person]:
    """The person of this id, or all of this name, in any organization; for operators only.

    With `removed` those who were removed instead.
    """
    among = _removed() if removed else _present()
    matching = among.where(or_(people.c.id == word, people.c.name == word))
    persons = every(connection, matching.order_by(people.c.created_at, people.c.id), Person)
    # An id is meant as an id, even where somebody has such a name.
    return [person for person in persons if person.id == word] or persons


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


def list_affiliations(connection: Connection, person_id: str) -> list[Affiliation]:
    """Where a person belongs, by organization."""
    on = (
        select(teams.c.organization_id, teams.c.name)
        .join(team_members, team_members.c.team_id == teams.c.id)
        .where(team_members.c.person_id == person_id, teams.c.removed_at.is_(None))
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
        Affiliation(row.id, row.name, row.role, names.get(row.id, []))
        for row in connection.execute(belongs)
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


def _removed() -> Select[tuple[object, ...]]:
    return select(*columns(people, Person)).where(people.c.removed_at.is_not(None))


def names_of(connection: Connection, person_ids: Collection[str]) -> dict[str, str]:
    """The names of people by their ids, also of those who were removed since."""
    rows = connection.execute(select(people.c.id, people.c.name).where(people.c.id.in_(person_ids)))
    return {row.id: row.name for row in rows}
