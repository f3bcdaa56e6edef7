"""Organizations: the houses that teams live in."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import Connection, Select, and_, delete, exists, func, or_, select, true, update

from chaoscloud.console.db.engines import lock_out_others
from chaoscloud.console.db.schema import (
    audit,
    experiments,
    memberships,
    organizations,
    people,
    retention,
    retention_holds,
    safeguards,
    subscriptions,
    team_members,
    teams,
    token_organizations,
)
from chaoscloud.console.records import earlier_slugs, tokens
from chaoscloud.console.records._rows import AlreadyThere, columns, every, first, new_id
from chaoscloud.console.rules.access import Role
from chaoscloud.console.rules.slugs import RESERVED_FOR_ORGANIZATIONS, slug


class Organization(msgspec.Struct, frozen=True):
    """An organization; `slug` is its name in addresses."""

    id: str
    name: str
    slug: str


def add(connection: Connection, name: str, now: datetime) -> Organization:
    """Add an organization. Raises `AlreadyThere` when there is one of that name."""
    organization = Organization(new_id(), name, _choose_slug(connection, name))
    connection.execute(
        organizations.insert().values(created_at=now, **msgspec.structs.asdict(organization))
    )
    return organization


def rename(
    connection: Connection, organization: Organization, name: str, now: datetime
) -> Organization:
    """Give an organization another name; its earlier address leads to the new one.

    Raises `AlreadyThere` when another organization has the name.
    """
    renamed = Organization(organization.id, name, _choose_slug(connection, name, organization.id))
    connection.execute(
        update(organizations)
        .where(organizations.c.id == renamed.id)
        .values(name=renamed.name, slug=renamed.slug)
    )
    earlier_slugs.replace(
        connection,
        earlier_slugs.NO_ORGANIZATION,
        organization.id,
        organization.slug,
        renamed.slug,
        now,
    )
    return renamed


def _choose_slug(connection: Connection, name: str, own_id: str | None = None) -> str:
    """The slug for a name that no other organization has."""
    rows = connection.execute(
        select(organizations.c.name, organizations.c.slug).where(organizations.c.id != own_id)
        if own_id
        else select(organizations.c.name, organizations.c.slug)
    ).all()
    if name in {row.name for row in rows}:
        raise AlreadyThere(f"there is an organization {name!r} already")
    taken = {row.slug for row in rows} | earlier_slugs.list_slugs(
        connection, earlier_slugs.NO_ORGANIZATION, other_than=own_id
    )
    return slug(name, taken, RESERVED_FOR_ORGANIZATIONS, "organization")


def list_page(connection: Connection) -> list[Organization]:
    """Every organization, by name."""
    return every(connection, _select().order_by(organizations.c.name), Organization)


def find(connection: Connection, word: str) -> Organization | None:
    """The organization of this id, address name or name."""
    by = organizations.c
    matching = _select().where(or_(by.id == word, by.slug == word, by.name == word))
    # An id is meant as an id, even where somebody named an organization like one.
    return first(
        connection, matching.order_by((by.id == word).desc(), by.slug != word), Organization
    )


def seen_by(connection: Connection, person_id: str, within: Collection[str]) -> list[Organization]:
    """Those of the organizations `within` (their ids) that a person belongs to, by name."""
    statement = _select().where(
        exists().where(
            and_(
                memberships.c.organization_id == organizations.c.id,
                memberships.c.person_id == person_id,
            )
        )
    )
    statement = statement.where(organizations.c.id.in_(within))
    return every(connection, statement.order_by(organizations.c.name), Organization)


def role_of(connection: Connection, organization_id: str, person_id: str) -> Role | None:
    """What a person is in an organization; None for a stranger."""
    role = connection.scalar(
        select(memberships.c.role).where(
            memberships.c.organization_id == organization_id, memberships.c.person_id == person_id
        )
    )
    return None if role is None else Role(role)


def list_roles(connection: Connection, organization_id: str) -> dict[str, Role]:
    """What each person of an organization is in it, by their ids."""
    column = memberships.c
    statement = select(column.person_id, column.role)
    rows = connection.execute(statement.where(column.organization_id == organization_id))
    return {row.person_id: Role(row.role) for row in rows}


def admit(connection: Connection, organization_id: str, person_id: str, role: Role) -> None:
    """Make a person a member or an owner, whatever they were before.

    Raises `AlreadyThere` when somebody else of the organization has their name.
    """
    _refuse_taken_name(connection, organization_id, person_id)
    where = and_(
        memberships.c.organization_id == organization_id, memberships.c.person_id == person_id
    )
    if not connection.execute(update(memberships).where(where).values(role=role.value)).rowcount:
        connection.execute(
            memberships.insert().values(
                organization_id=organization_id, person_id=person_id, role=role.value
            )
        )


def _refuse_taken_name(connection: Connection, organization_id: str, person_id: str) -> None:
    lock_out_others(connection)  # no other process admits somebody of that name meanwhile
    name = select(people.c.name).where(people.c.id == person_id).scalar_subquery()
    taken = connection.scalar(
        select(people.c.name)
        .join(memberships, memberships.c.person_id == people.c.id)
        .where(memberships.c.organization_id == organization_id)
        .where(people.c.id != person_id, people.c.name == name, people.c.removed_at.is_(None))
    )
    if taken is not None:
        raise AlreadyThere(f"there is a person {taken!r} in this organization already")


def dismiss(connection: Connection, organization_id: str, person_id: str, now: datetime) -> None:
    """Take a person out of an organization and of its teams; their tokens open it no more."""
    tokens.close(connection, organization_id, now, person_id=person_id)
    its_teams = select(teams.c.id).where(teams.c.organization_id == organization_id)
    connection.execute(
        delete(team_members).where(
            team_members.c.person_id == person_id, team_members.c.team_id.in_(its_teams)
        )
    )
    connection.execute(
        delete(memberships).where(
            memberships.c.organization_id == organization_id, memberships.c.person_id == person_id
        )
    )


def in_the_way(connection: Connection, organization_id: str) -> str | None:
    """Why an organization cannot be removed, in words; None when it can."""
    for table, words in ((teams, "team"), (experiments, "experiment")):
        present = table.c.removed_at.is_(None) if table is teams else true()
        number = connection.scalar(
            select(func.count()).where(table.c.organization_id == organization_id, present)
        )
        if number:
            return f"{number} {words}{'s' if number > 1 else ''}"
    return None


def remove(connection: Connection, organization_id: str) -> None:
    """Remove an organization that has nothing in the way; the audit keeps what was said of it."""
    connection.execute(
        update(audit)
        .where(audit.c.organization_id == organization_id)
        .values(organization_id=None, team_id=None)
    )
    removed_teams = select(teams.c.id).where(teams.c.organization_id == organization_id)
    connection.execute(delete(team_members).where(team_members.c.team_id.in_(removed_teams)))
    for table in (
        *(retention, retention_holds, subscriptions),
        *(safeguards, memberships, token_organizations, teams),
    ):
        connection.execute(delete(table).where(table.c.organization_id == organization_id))
    earlier_slugs.remove_all(connection, organization_id)
    connection.execute(delete(organizations).where(organizations.c.id == organization_id))


def _select() -> Select[tuple[object, ...]]:
    return select(*columns(organizations, Organization))
