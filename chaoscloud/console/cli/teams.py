"""`team`: added, listed, removed; who is on it."""

import click
from sqlalchemy import Connection

from chaoscloud.console.cli._operator import (
    change,
    look,
    now,
    on_the_console,
    organization_option,
    table,
    the_organization,
    the_person,
    the_team,
)
from chaoscloud.console.cli._people import a_name, put_on_team, refuse_if
from chaoscloud.console.records import audit, people, teams


@click.group()
def team() -> None:
    """Teams, which everything that was run belongs to."""


@team.command("add")
@click.argument("name")
@organization_option
@on_the_console
def add_team(
    name: str, organization_word: str | None, data: str | None, database: str | None
) -> None:
    """Add a team to an organization."""

    def add(connection: Connection) -> str:
        house, at = the_organization(connection, organization_word), now()
        made = teams.add(connection, house.id, a_name(name), at)
        audit.note(
            connection, "team.added", made.name, at, organization_id=house.id, team_id=made.id
        )
        return f"Added team '{made.name}' to organization '{house.name}'."

    click.echo(change(data, database, add))


@team.command("list")
@organization_option
@on_the_console
def list_teams(organization_word: str | None, data: str | None, database: str | None) -> None:
    """List an organization's teams and who is on them."""

    def rows(connection: Connection) -> list[tuple[str, ...]]:
        house = the_organization(connection, organization_word)
        return [
            (
                each.name,
                each.slug,
                ", ".join(one.name for one in people.of_team(connection, each.id)) or "-",
                each.id,
            )
            for each in teams.of_organization(connection, house.id)
        ]

    table(("NAME", "ADDRESS", "PEOPLE", "ID"), look(data, database, rows))


@team.command("remove")
@click.argument("name")
@organization_option
@on_the_console
def remove_team(
    name: str, organization_word: str | None, data: str | None, database: str | None
) -> None:
    """Remove a team that has nothing recorded."""

    def remove(connection: Connection) -> str:
        house = the_organization(connection, organization_word)
        gone = the_team(connection, house, name)
        refuse_if(teams.in_the_way(connection, gone.id), f"team '{gone.name}'")
        teams.remove(connection, gone.id)
        audit.note(connection, "team.removed", gone.name, now(), organization_id=house.id)
        return f"Removed team '{gone.name}' from organization '{house.name}'."

    click.echo(change(data, database, remove))


@team.command("join")
@click.argument("name")
@click.argument("person")
@organization_option
@on_the_console
def join_team(
    name: str, person: str, organization_word: str | None, data: str | None, database: str | None
) -> None:
    """Put PERSON on the team NAME."""

    def join(connection: Connection) -> str:
        return put_on_team(connection, organization_word, name, person)

    click.echo(change(data, database, join))


@team.command("leave")
@click.argument("name")
@click.argument("person")
@organization_option
@on_the_console
def leave_team(
    name: str, person: str, organization_word: str | None, data: str | None, database: str | None
) -> None:
    """Take PERSON off the team NAME."""

    def leave(connection: Connection) -> str:
        house = the_organization(connection, organization_word)
        left, who = the_team(connection, house, name), the_person(connection, person)
        teams.leave(connection, left.id, who.id)
        audit.note(
            connection, "team.left", who.name, now(), organization_id=house.id, team_id=left.id
        )
        return f"{who.name} is not on team '{left.name}' any more."

    click.echo(change(data, database, leave))
