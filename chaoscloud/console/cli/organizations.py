"""`organization`: added, listed, removed; who belongs to it."""

import click

from chaoscloud.console.cli._lookup import find_organization, find_person
from chaoscloud.console.cli._operator import (
    Console,
    command_that_reads,
    command_that_writes,
    name_of,
    refuse_to_remove,
)
from chaoscloud.console.cli._output import table
from chaoscloud.console.records import (
    AlreadyThere,
    organizations,
    safeguard_states,
    teams,
)
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.people import Person
from chaoscloud.console.rules.access import Role


@click.group()
def organization() -> None:
    """Organizations, which have teams."""


@organization.command("add")
@click.argument("name")
@click.option("--owner", metavar="PERSON", help="Somebody known already who is to own it.")
@command_that_writes
def add_organization(console: Console, name: str, owner: str | None) -> None:
    """Add an organization."""
    connection = console.connection
    added = organizations.add(connection, name_of(name), console.now)
    console.log("organization.added", added.name, added.id)
    lines = [f"Added organization '{added.name}', {added.slug} in addresses."]
    if owner:
        lines.append(_admit(console, added, find_person(connection, owner), owner=True))
    console.say("\n".join(lines))


@organization.command("list")
@command_that_reads
def list_organizations(console: Console) -> None:
    """List the organizations."""
    rows = [
        (one.name, one.slug, str(len(teams.of_organization(console.connection, one.id))), one.id)
        for one in organizations.list_page(console.connection)
    ]
    table(("NAME", "ADDRESS", "TEAMS", "ID"), rows)


@organization.command("rename")
@click.argument("name")
@click.argument("new_name")
@command_that_writes
def rename_organization(console: Console, name: str, new_name: str) -> None:
    """Call the organization NAME by NEW_NAME; its earlier address leads to the new one."""
    connection = console.connection
    organization = find_organization(connection, name)
    renamed = organizations.rename(connection, organization, name_of(new_name), console.now)
    subject = f"{organization.name} to {renamed.name}"
    console.log("organization.renamed", subject, renamed.id)
    click.echo(
        f"Organization '{organization.name}' is called '{renamed.name}',"
        f" {renamed.slug} in addresses."
    )


@organization.command("remove")
@click.argument("name")
@command_that_writes
def remove_organization(console: Console, name: str) -> None:
    """Remove an organization that has no teams and no experiments any more."""
    connection = console.connection
    removed = find_organization(connection, name)
    reason = organizations.in_the_way(connection, removed.id)
    refuse_to_remove(f"organization '{removed.name}'", reason)
    organizations.remove(connection, removed.id)
    console.log("organization.removed", removed.name)
    console.say(f"Removed organization '{removed.name}'.")


@organization.command("join")
@click.argument("name")
@click.argument("person")
@click.option("--owner", is_flag=True, help="As an owner, who sees every team.")
@command_that_writes
def join_organization(console: Console, name: str, person: str, owner: bool) -> None:
    """Take PERSON, known already, into the organization NAME; by id where several have the name.

    The tokens they have open it no more than before: give them one for it.
    """
    connection = console.connection
    joined = find_organization(connection, name)
    console.say(_admit(console, joined, find_person(connection, person), owner=owner))


def _admit(console: Console, joined: Organization, person: Person, *, owner: bool) -> str:
    """Make somebody a member or an owner; an owner stays one."""
    before = organizations.role_of(console.connection, joined.id, person.id)
    role = Role.OWNER if owner else before or Role.MEMBER
    if role is not before:
        try:
            organizations.admit(console.connection, joined.id, person.id, role)
        except AlreadyThere:
            raise click.ClickException(
                f"There is another person {person.name!r} in organization {joined.name!r}:"
                " two of one name cannot be told apart there. Add them under another name:"
                f" `chaosiq-console person add NAME --organization {joined.slug}`."
            ) from None
        target = ("person", person.id)
        console.log(f"{role}.added", person.name, joined.id, target=target)
    article = "an" if role is Role.OWNER else "a"
    return f"{person.name} is {article} {role} of organization '{joined.name}'."


@organization.command("leave")
@click.argument("name")
@click.argument("person")
@command_that_writes
def leave_organization(console: Console, name: str, person: str) -> None:
    """Take PERSON out of the organization NAME and off its teams; their tokens open it no more."""
    connection = console.connection
    left = find_organization(connection, name)
    leaver = find_person(connection, person, left)
    organizations.dismiss(connection, left.id, leaver.id, console.now)
    console.log("organization.left", leaver.name, left.id)
    console.say(f"{leaver.name} does not belong to organization '{left.name}' any more.")


@organization.command("require-safeguards")
@click.argument("name")
@click.argument("choice", metavar="on|off", type=click.Choice(["on", "off"]))
@command_that_writes
def require_safeguards(console: Console, name: str, choice: str) -> None:
    """Let no run of the organization NAME go on that cannot ask its safeguards, or let it."""
    on = choice == "on"
    changed = find_organization(console.connection, name)
    safeguard_states.require(
        console.connection, changed.id, on, console.now, operator=console.operator
    )
    done = "must not run without an answer of" if on else "may run without an answer of"
    console.say(f"Experiments of organization '{changed.name}' {done} their safeguards.")
