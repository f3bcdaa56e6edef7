"""`person`: added, listed, removed."""

from collections import Counter
from collections.abc import Sequence

import click
from sqlalchemy import Connection

from chaoscloud.console.cli._lookup import affiliations, find_organization, find_person, find_team
from chaoscloud.console.cli._operator import (
    Console,
    as_option,
    command_that_reads,
    command_that_writes,
    name_of,
    now,
    open_database,
    organization_option,
    with_database_options,
)
from chaoscloud.console.cli._output import table
from chaoscloud.console.records import AlreadyThere, erasing, organizations, people, teams
from chaoscloud.console.records.people import Person
from chaoscloud.console.rules.access import Role


@click.group()
def person() -> None:
    """People, who run experiments."""


@person.command("add")
@click.argument("name")
@organization_option
@click.option("--team", "team_words", metavar="NAME", multiple=True, help="Put them on this team.")
@click.option("--owner", is_flag=True, help="Make them an owner, who sees every team.")
@command_that_writes
def add_person(
    console: Console,
    name: str,
    organization_word: str | None,
    team_words: tuple[str, ...],
    owner: bool,
) -> None:
    """Add a person to an organization, as a member unless said otherwise.

    Give them a token afterwards: chaosiq-console token add --person NAME.
    """
    connection = console.connection
    organization = find_organization(connection, organization_word)
    role = Role.OWNER if owner else Role.MEMBER
    added = people.add(connection, name_of(name), console.now)
    try:
        organizations.admit(connection, organization.id, added.id, role)
    except AlreadyThere:
        raise click.ClickException(
            f"There is a person {added.name!r} in organization {organization.name!r} already."
            " Choose another name for somebody else. To change what they are:"
            " `chaosiq-console team join TEAM NAME`,"
            " `chaosiq-console organization join ORGANIZATION NAME --owner`."
        ) from None
    target = ("person", added.id)
    console.log(f"{role}.added", added.name, organization.id, target=target)
    lines = [f"Added {added.name}, {role} of organization '{organization.name}'."]
    for word in team_words:
        team = find_team(connection, organization, word)
        teams.join(connection, team.id, added.id)
        console.log("team.joined", added.name, organization.id, team.id, target)
        lines.append(f"{added.name} is on team '{team.name}'.")
    console.say("\n".join(lines))


@person.command("list")
@command_that_reads
def list_people(console: Console) -> None:
    """List everybody, and where they belong."""
    connection = console.connection
    rows = [
        (person.name, affiliations(connection, person.id), person.id)
        for person in people.list_everybody(connection)
    ]
    table(("NAME", "BELONGS TO", "ID"), rows)


@person.command("rename")
@click.argument("name")
@click.argument("new_name")
@organization_option
@command_that_writes
def rename_person(
    console: Console, name: str, new_name: str, organization_word: str | None
) -> None:
    """Call the person NAME by NEW_NAME, by id where several have the name."""
    connection = console.connection
    organization = find_organization(connection, organization_word) if organization_word else None
    earlier = find_person(connection, name, organization)
    renamed = people.rename(connection, earlier, name_of(new_name))
    for affiliation in people.list_affiliations(connection, renamed.id):
        subject = f"{earlier.name} to {renamed.name}"
        console.log(
            "person.renamed", subject, affiliation.organization_id, target=("person", renamed.id)
        )
    click.echo(f"{earlier.name} is called {renamed.name}.")


@person.command("remove")
@click.argument("name")
@command_that_writes
def remove_person(console: Console, name: str) -> None:
    """Remove a person: their tokens are revoked, what they ran still names them."""
    connection = console.connection
    removed = find_person(connection, name)
    places = people.list_affiliations(connection, removed.id)
    ids: list[str | None] = [place.organization_id for place in places]
    for organization_id in ids or [None]:
        console.log("person.removed", removed.name, organization_id)
    people.remove(connection, removed.id, console.now)
    console.say(f"Removed {removed.name} and revoked their tokens.")


@person.command("erase")
@click.argument("name")
@organization_option
@click.option("--dry-run", is_flag=True, help="Change nothing; say where the name stands.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@as_option
@with_database_options
def erase_person(
    name: str,
    organization_word: str | None,
    dry_run: bool,
    yes: bool,
    operator: str,
    data: str | None,
    database: str | None,
) -> None:
    """Remove a person, and replace their name by a pseudonym wherever it stands; ids are kept.

    In what is shown and in what was recorded: audit log, journals, events, documents, of every
    organization they belonged to. Everything of these is read, so it may take minutes. It cannot be
    undone; backups and exported files keep the name.
    """
    with open_database(data, database) as opened:
        with opened.read() as connection:
            erased = _find_to_erase(connection, name, organization_word)
            pseudonym = erasing.name_pseudonym(erased)
            pattern = erasing.NamePattern(erased.name, pseudonym)
            places = list(erasing.find_places(connection, erased, pattern))
            organization_ids = erasing.list_organizations(connection, erased)
        counts = Counter(place.table.name for place in places)
        click.echo(f"The name stands in {len(places):,} rows:" if places else "It stands nowhere.")
        for table_name, number in sorted(counts.items()):
            click.echo(f"  {table_name}: {number:,}")
        if dry_run:
            return
        if not yes:
            click.confirm(f"Erase {erased.name} ({erased.id})?", abort=True)
        opened.write(lambda c: erasing.remove_person(c, erased, pseudonym, now())).result()
        for start in range(0, len(places), erasing.PLACES_AT_ONCE):
            part = places[start : start + erasing.PLACES_AT_ONCE]
            opened.write(
                lambda c, part=part: erasing.replace_names(c, part, pattern)  # type: ignore[misc]
            ).result()
        opened.write(lambda c: _log_erased(c, operator, pseudonym, organization_ids)).result()
    click.echo(f"Erased: they are called {pseudonym} now.")


def _log_erased(
    connection: Connection, operator: str, pseudonym: str, organization_ids: Sequence[str]
) -> None:
    console = Console(connection, now(), operator)
    ids: Sequence[str | None] = organization_ids or [None]
    for organization_id in ids:
        console.log("person.erased", pseudonym, organization_id)


def _find_to_erase(connection: Connection, word: str, organization_word: str | None) -> Person:
    """The person of this name or id; somebody who was removed already, where nobody else is."""
    organization = find_organization(connection, organization_word) if organization_word else None
    if not people.find_matching(connection, word):
        removed = people.find_matching(connection, word, removed=True)
        if len(removed) == 1:
            return removed[0]
    return find_person(connection, word, organization)
