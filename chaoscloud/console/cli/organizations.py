"""`organization`: added, listed, removed; who belongs to it."""

import click
from sqlalchemy import Connection

from chaoscloud.console.cli._operator import (
    change,
    look,
    now,
    on_the_console,
    table,
    the_organization,
    the_person,
)
from chaoscloud.console.cli._people import a_name, put_in_organization, refuse_if
from chaoscloud.console.records import audit, organizations, safeguard_states, teams


@click.group()
def organization() -> None:
    """Organizations, which have teams."""


@organization.command("add")
@click.argument("name")
@click.option("--owner", metavar="PERSON", help="Somebody known already who is to own it.")
@on_the_console
def add_organization(name: str, owner: str | None, data: str | None, database: str | None) -> None:
    """Add an organization."""

    def add(connection: Connection) -> list[str]:
        at = now()
        made = organizations.add(connection, a_name(name), at)
        audit.note(connection, "organization.added", made.name, at, organization_id=made.id)
        said = [f"Added organization '{made.name}', {made.slug} in addresses."]
        if owner:
            who = the_person(connection, owner)
            said.append(put_in_organization(connection, made, who, owner=True))
        return said

    for line in change(data, database, add):
        click.echo(line)


@organization.command("list")
@on_the_console
def list_organizations(data: str | None, database: str | None) -> None:
    """List the organizations."""

    def rows(connection: Connection) -> list[tuple[str, ...]]:
        return [
            (each.name, each.slug, str(len(teams.of_organization(connection, each.id))), each.id)
            for each in organizations.listed(connection)
        ]

    table(("NAME", "ADDRESS", "TEAMS", "ID"), look(data, database, rows))


@organization.command("remove")
@click.argument("name")
@on_the_console
def remove_organization(name: str, data: str | None, database: str | None) -> None:
    """Remove an organization that has no teams and no experiments any more."""

    def remove(connection: Connection) -> str:
        gone = the_organization(connection, name)
        refuse_if(organizations.in_the_way(connection, gone.id), f"organization '{gone.name}'")
        organizations.remove(connection, gone.id)
        audit.note(connection, "organization.removed", gone.name, now())
        return f"Removed organization '{gone.name}'."

    click.echo(change(data, database, remove))


@organization.command("join")
@click.argument("name")
@click.argument("person")
@click.option("--owner", is_flag=True, help="As an owner, who sees every team.")
@on_the_console
def join_organization(
    name: str, person: str, owner: bool, data: str | None, database: str | None
) -> None:
    """Take PERSON, known already, into the organization NAME."""

    def join(connection: Connection) -> str:
        house, who = the_organization(connection, name), the_person(connection, person)
        return put_in_organization(connection, house, who, owner=owner)

    click.echo(change(data, database, join))


@organization.command("leave")
@click.argument("name")
@click.argument("person")
@on_the_console
def leave_organization(name: str, person: str, data: str | None, database: str | None) -> None:
    """Take PERSON out of the organization NAME and off its teams."""

    def leave(connection: Connection) -> str:
        house, who = the_organization(connection, name), the_person(connection, person)
        organizations.dismiss(connection, house.id, who.id)
        audit.note(connection, "organization.left", who.name, now(), organization_id=house.id)
        return f"{who.name} does not belong to organization '{house.name}' any more."

    click.echo(change(data, database, leave))


@organization.command("require-safeguards")
@click.argument("name")
@click.argument("choice", metavar="on|off", type=click.Choice(["on", "off"]))
@on_the_console
def require_safeguards(name: str, choice: str, data: str | None, database: str | None) -> None:
    """Let no run of the organization NAME go on that cannot ask its safeguards, or let it."""
    on = choice == "on"

    def require(connection: Connection) -> str:
        house = the_organization(connection, name)
        safeguard_states.require(connection, house.id, on, now())
        done = "must not run without an answer of" if on else "may run without an answer of"
        return f"Experiments of organization '{house.name}' {done} their safeguards."

    click.echo(change(data, database, require))
