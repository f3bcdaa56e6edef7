"""Teams: what everything that was run belongs to, and who is on them."""

from datetime import datetime

import msgspec
from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from chaoscloud.console.db.schema import (
    executions,
    experiment_versions,
    idempotency_keys,
    memberships,
    objectives,
    organizations,
    safeguards,
    subscriptions,
    team_experiments,
    team_members,
    teams,
    verification_runs,
    verifications,
)
from chaoscloud.console.records import earlier_slugs
from chaoscloud.console.records._rows import AlreadyThere, columns, every, first, new_id
from chaoscloud.console.rules.access import Role
from chaoscloud.console.rules.slugs import RESERVED_FOR_TEAMS, slug

# What a team may have recorded, and how it is called when it keeps a team from being removed.
_RECORDS = (
    (executions, "execution"),
    (experiment_versions, "experiment version"),
    (objectives, "objective"),
    (verifications, "verification"),
    (verification_runs, "verification run"),
)


class Team(msgspec.Struct, frozen=True):
    """A team; `slug` is its name in addresses, unique within the organization."""

    id: str
    organization_id: str
    name: str
    slug: str


class TeamAccess(msgspec.Struct, frozen=True):
    """A team, its organization, and what somebody is in them."""

    organization_id: str
    organization_slug: str
    organization_name: str
    team_id: str
    team_slug: str
    team_name: str
    role: str
    on_it: bool


def add(connection: Connection, organization_id: str, name: str, now: datetime) -> Team:
    """Add a team. Raises `AlreadyThere` when the organization has one of that name."""
    team = Team(new_id(), organization_id, name, _choose_slug(connection, organization_id, name))
    connection.execute(teams.insert().values(created_at=now, **msgspec.structs.asdict(team)))
    return team


def rename(connection: Connection, team: Team, name: str, now: datetime) -> Team:
    """Give a team another name; its earlier address leads to the new one.

    Raises `AlreadyThere` when the organization has another team of that name.
    """
    new_slug = _choose_slug(connection, team.organization_id, name, team.id)
    connection.execute(update(teams).where(teams.c.id == team.id).values(name=name, slug=new_slug))
    earlier_slugs.replace(connection, team.organization_id, team.id, team.slug, new_slug, now)
    return Team(team.id, team.organization_id, name, new_slug)


def _choose_slug(
    connection: Connection, organization_id: str, name: str, own_id: str | None = None
) -> str:
    """The slug for a name that no other team of the organization has."""
    others = [team for team in of_organization(connection, organization_id) if team.id != own_id]
    if name in {team.name for team in others}:
        raise AlreadyThere(f"there is a team {name!r} already")
    taken = {team.slug for team in others} | earlier_slugs.list_slugs(
        connection, organization_id, other_than=own_id
    )
    return slug(name, taken, RESERVED_FOR_TEAMS, "team")


def of_organization(connection: Connection, organization_id: str) -> list[Team]:
    """Every team of an organization, by name."""
    statement = _present().where(teams.c.organization_id == organization_id)
    return every(connection, statement.order_by(teams.c.name), Team)


def find(connection: Connection, organization_id: str, word: str) -> Team | None:
    """The organization's team of this id, address name or name."""
    matching = _present().where(
        teams.c.organization_id == organization_id,
        or_(teams.c.id == word, teams.c.slug == word, teams.c.name == word),
    )
    return first(
        connection, matching.order_by((teams.c.id == word).desc(), teams.c.slug != word), Team
    )


def seen_by(
    connection: Connection, organization_id: str, person_id: str, *, removed: bool = False
) -> list[Team]:
    """The teams of an organization that a person may see, by name; with `removed`, or could see.

    The same rule as `rules.access.sees_team`, as a condition of the query.
    """
    member = and_(
        memberships.c.organization_id == teams.c.organization_id,
        memberships.c.person_id == person_id,
    )
    on_it = exists().where(
        team_members.c.team_id == teams.c.id, team_members.c.person_id == person_id
    )
    statement = (
        (_select() if removed else _present())
        .join(memberships, member)
        .where(teams.c.organization_id == organization_id)
        .where(or_(memberships.c.role == Role.OWNER.value, on_it))
    )
    return every(connection, statement.order_by(teams.c.name), Team)


_PLACE = (
    select(organizations.c.id, organizations.c.slug, organizations.c.name)
    .add_columns(teams.c.id, teams.c.slug, teams.c.name, memberships.c.role)
    .add_columns(
        exists().where(
            team_members.c.team_id == teams.c.id, team_members.c.person_id == bindparam("person")
        )
    )
    .join_from(teams, organizations, organizations.c.id == teams.c.organization_id)
    .join(memberships, memberships.c.organization_id == organizations.c.id)
    .where(memberships.c.person_id == bindparam("person"))
    .where(
        or_(
            organizations.c.id == bindparam("organization"),
            organizations.c.slug == bindparam("organization"),
            organizations.c.id == earlier_slugs.renamed_organization("organization"),
        )
    )
    .where(
        or_(
            teams.c.id == bindparam("team"),
            teams.c.slug == bindparam("team"),
            teams.c.id == earlier_slugs.renamed_team(organizations.c.id, "team"),
        )
    )
    .where(teams.c.removed_at.is_(None))
    # An id is meant as an id, even where somebody named a team like one.
    .order_by(
        (organizations.c.id == bindparam("organization")).desc(),
        (teams.c.id == bindparam("team")).desc(),
    )
)


def find_access(
    connection: Connection, organization: str, team: str, person_id: str
) -> TeamAccess | None:
    """The team that two words (ids or address names) mean to somebody of its organization.

    Whether they may see it is for `rules.access` to say; strangers get None.
    """
    return first(
        connection, _PLACE, TeamAccess, organization=organization, team=team, person=person_id
    )


def has_on_it(connection: Connection, team_id: str, person_id: str) -> bool:
    """Whether a person is on a team."""
    membership = select(team_members.c.person_id).where(
        team_members.c.team_id == team_id, team_members.c.person_id == person_id
    )
    return connection.execute(membership).first() is not None


def join(connection: Connection, team_id: str, person_id: str) -> None:
    """Put a person on a team; they must belong to the organization already."""
    if not has_on_it(connection, team_id, person_id):
        connection.execute(team_members.insert().values(team_id=team_id, person_id=person_id))


def leave(connection: Connection, team_id: str, person_id: str) -> None:
    """Take a person off a team; they stay in the organization."""
    connection.execute(
        delete(team_members).where(
            team_members.c.team_id == team_id, team_members.c.person_id == person_id
        )
    )


def in_the_way(connection: Connection, team_id: str) -> str | None:
    """Why a team cannot be removed, in words; None when it can."""
    for table, words in _RECORDS:
        number = connection.scalar(select(func.count()).where(table.c.team_id == team_id))
        if number:
            return f"{number} {words}{'s' if number > 1 else ''}"
    return None


def remove(connection: Connection, team: Team, now: datetime) -> None:
    """Remove a team that has nothing in the way.

    Its row stays, and so do its members: those who could see the team still read its entries in
    the audit log. Its name and its address are free for another team.
    """
    connection.execute(
        update(safeguards)
        .where(safeguards.c.team_id == team.id, safeguards.c.removed_at.is_(None))
        .values(removed_at=now)
    )
    connection.execute(  # what they opened is forgotten
        update(subscriptions)
        .where(subscriptions.c.team_id == team.id, subscriptions.c.removed_at.is_(None))
        .values(removed_at=now, settings="{}", secret=None, earlier_secret=None)
    )
    for table in (team_experiments, idempotency_keys):
        connection.execute(delete(table).where(table.c.team_id == team.id))
    earlier_slugs.remove_all(connection, team.id)
    connection.execute(
        update(teams)
        .where(teams.c.id == team.id)
        .values(
            removed_at=now,
            name=f"{team.name} (removed {now:%Y-%m-%d}, {team.id[:8]})",
            slug=f"{team.slug}~{team.id[:8]}",  # no team's own address has a tilde
        )
    )


def _present() -> Select[tuple[object, ...]]:
    return _select().where(teams.c.removed_at.is_(None))


def _select() -> Select[tuple[object, ...]]:
    return select(*columns(teams, Team))


def find_organization_id(connection: Connection, team_id: str) -> str:
    """The organization that a team belongs to."""
    return str(connection.scalar(select(teams.c.organization_id).where(teams.c.id == team_id)))
