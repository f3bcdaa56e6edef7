"""What the commands about organizations, teams and people do alike."""

import click
from sqlalchemy import Connection

from chaoscloud.console.cli._operator import now, the_organization, the_person, the_team
from chaoscloud.console.records import audit, organizations, teams
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.people import Person
from chaoscloud.console.rules.access import Role


def put_in_organization(
    connection: Connection, house: Organization, who: Person, *, owner: bool
) -> str:
    """Make somebody a member or an owner; an owner is not made less by being added again."""
    before = organizations.role_of(connection, house.id, who.id)
    role = Role.OWNER if owner else before or Role.MEMBER
    if role is not before:
        organizations.admit(connection, house.id, who.id, role)
        audit.note(connection, f"{role}.added", who.name, now(), organization_id=house.id)
    return f"{who.name} is {_article(role)} of organization '{house.name}'."


def put_on_team(
    connection: Connection, organization_word: str | None, team_word: str, person_word: str
) -> str:
    """Put somebody on a team, and in its organization first where need be."""
    house, at = the_organization(connection, organization_word), now()
    joined, who = the_team(connection, house, team_word), the_person(connection, person_word)
    if organizations.role_of(connection, house.id, who.id) is None:
        organizations.admit(connection, house.id, who.id, Role.MEMBER)
    teams.join(connection, joined.id, who.id)
    audit.note(connection, "team.joined", who.name, at, organization_id=house.id, team_id=joined.id)
    return f"{who.name} is on team '{joined.name}' of organization '{house.name}'."


def _article(role: Role) -> str:
    return "an owner" if role is Role.OWNER else "a member"


def a_name(name: str) -> str:
    """The name, tidied, if it can stand in a list."""
    name = " ".join(name.split())
    if not name or not name.isprintable():
        raise click.UsageError("A name needs at least one letter, and only what can be printed.")
    return name


def refuse_if(reason: str | None, what: str) -> None:
    """Stop here when something is in the way of removing what it is about."""
    if reason:
        raise click.ClickException(f"Cannot remove {what}: it still has {reason}.")
