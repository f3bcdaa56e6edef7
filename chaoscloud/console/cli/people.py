"""`person`: added, listed, removed."""

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
)
from chaoscloud.console.cli._people import a_name, put_in_organization, put_on_team
from chaoscloud.console.records import audit, people


@click.group()
def person() -> None:
    """People, who run experiments."""


@person.command("add")
@click.argument("name")
@organization_option
@click.option("--team", "team_words", metavar="NAME", multiple=True, help="Put them on this team.")
@click.option("--owner", is_flag=True, help="Make them an owner, who sees every team.")
@on_the_console
def add_person(
    name: str,
    organization_word: str | None,
    team_words: tuple[str, ...],
    owner: bool,
    data: str | None,
    database: str | None,
) -> None:
    """Add a person to an organization, as a member unless said otherwise.

    Give them a token afterwards: chaosiq-console token add --person NAME.
    """

    def add(connection: Connection) -> list[str]:
        house, at = the_organization(connection, organization_word), now()
        made = people.find(connection, name) or people.add(connection, a_name(name), at)
        said = [put_in_organization(connection, house, made, owner=owner)]
        return said + [put_on_team(connection, house.id, word, made.id) for word in team_words]

    for line in change(data, database, add):
        click.echo(line)


@person.command("list")
@on_the_console
def list_people(data: str | None, database: str | None) -> None:
    """List everybody, and where they belong."""

    def rows(connection: Connection) -> list[tuple[str, ...]]:
        return [
            (each.name, _belongs(connection, each.id), each.id)
            for each in people.listed(connection)
        ]

    table(("NAME", "BELONGS TO", "ID"), look(data, database, rows))


@person.command("remove")
@click.argument("name")
@on_the_console
def remove_person(name: str, data: str | None, database: str | None) -> None:
    """Remove a person: their tokens are revoked, what they ran still names them."""

    def remove(connection: Connection) -> str:
        gone, at = the_person(connection, name), now()
        people.remove(connection, gone.id, at)
        audit.note(connection, "person.removed", gone.name, at)
        return f"Removed {gone.name} and revoked their tokens."

    click.echo(change(data, database, remove))


def _belongs(connection: Connection, person_id: str) -> str:
    places = (
        f"{each.organization_name} ({', '.join([each.role, *each.team_names])})"
        for each in people.standings(connection, person_id)
    )
    return "; ".join(places) or "-"
