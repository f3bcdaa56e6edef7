"""`team`: added, listed, removed; who is on it."""

import click

from chaoscloud.console.cli._lookup import find_organization, find_person, find_team
from chaoscloud.console.cli._operator import (
    Console,
    command_that_reads,
    command_that_writes,
    name_of,
    organization_option,
    refuse_to_remove,
)
from chaoscloud.console.cli._output import table
from chaoscloud.console.records import people, teams


@click.group()
def team() -> None:
    """Teams, which everything that was run belongs to."""


@team.command("add")
@click.argument("name")
@organization_option
@command_that_writes
def add_team(console: Console, name: str, organization_word: str | None) -> None:
    """Add a team to an organization."""
    connection = console.connection
    organization = find_organization(connection, organization_word)
    added = teams.add(connection, organization.id, name_of(name), console.now)
    console.log("team.added", added.name, organization.id, added.id)
    console.say(f"Added team '{added.name}' to organization '{organization.name}'.")


@team.command("list")
@organization_option
@command_that_reads
def list_teams(console: Console, organization_word: str | None) -> None:
    """List an organization's teams and who is on them."""
    connection = console.connection
    organization = find_organization(connection, organization_word)
    rows = []
    for one in teams.of_organization(connection, organization.id):
        names = ", ".join(person.name for person in people.of_team(connection, one.id))
        rows.append((one.name, one.slug, names or "-", one.id))
    table(("NAME", "ADDRESS", "PEOPLE", "ID"), rows)


@team.command("rename")
@click.argument("name")
@click.argument("new_name")
@organization_option
@command_that_writes
def rename_team(console: Console, name: str, new_name: str, organization_word: str | None) -> None:
    """Call the team NAME by NEW_NAME; its earlier address leads to the new one."""
    connection = console.connection
    organization = find_organization(connection, organization_word)
    renamed = find_team(connection, organization, name)
    named = teams.rename(connection, renamed, name_of(new_name), console.now)
    subject = f"{renamed.name} to {named.name}"
    console.log("team.renamed", subject, organization.id, named.id)
    click.echo(f"Team '{renamed.name}' is called '{named.name}', {named.slug} in addresses.")


@team.command("remove")
@click.argument("name")
@organization_option
@command_that_writes
def remove_team(console: Console, name: str, organization_word: str | None) -> None:
    """Remove a team that has nothing recorded; who could see it still reads what was done there."""
    connection = console.connection
    organization = find_organization(connection, organization_word)
    removed = find_team(connection, organization, name)
    refuse_to_remove(f"team '{removed.name}'", teams.in_the_way(connection, removed.id))
    teams.remove(connection, removed, console.now)
    console.log("team.removed", removed.name, organization.id, removed.id)
    console.say(f"Removed team '{removed.name}' from organization '{organization.name}'.")


@team.command("join")
@click.argument("name")
@click.argument("person")
@organization_option
@command_that_writes
def join_team(console: Console, name: str, person: str, organization_word: str | None) -> None:
    """Put PERSON, of the same organization, on the team NAME."""
    connection = console.connection
    organization = find_organization(connection, organization_word)
    joined = find_team(connection, organization, name)
    try:
        joiner = find_person(connection, person, organization)
    except click.ClickException:
        if not people.find_matching(connection, person):
            raise
        raise click.ClickException(
            f"{person} does not belong to organization {organization.name!r}. If it is who you"
            f" mean: `chaosiq-console organization join {organization.slug} {person}`."
        ) from None
    teams.join(connection, joined.id, joiner.id)
    target = ("person", joiner.id)
    console.log("team.joined", joiner.name, organization.id, joined.id, target)
    console.say(f"{joiner.name} is on team '{joined.name}' of organization '{organization.name}'.")


@team.command("leave")
@click.argument("name")
@click.argument("person")
@organization_option
@command_that_writes
def leave_team(console: Console, name: str, person: str, organization_word: str | None) -> None:
    """Take PERSON off the team NAME."""
    connection = console.connection
    organization = find_organization(connection, organization_word)
    left = find_team(connection, organization, name)
    leaver = find_person(connection, person, organization)
    teams.leave(connection, left.id, leaver.id)
    target = ("person", leaver.id)
    console.log("team.left", leaver.name, organization.id, left.id, target)
    console.say(f"{leaver.name} is not on team '{left.name}' any more.")
