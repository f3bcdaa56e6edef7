"""`token`: made, listed and revoked."""

from datetime import datetime, timedelta

import click
from sqlalchemy import Connection

from chaoscloud.console.cli._lookup import find_organization, find_person
from chaoscloud.console.cli._operator import (
    Console,
    command_that_reads,
    command_that_writes,
    duration,
    name_of,
    organization_option,
)
from chaoscloud.console.cli._output import moment, table
from chaoscloud.console.records import organizations, people, tokens
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.people import Person
from chaoscloud.console.records.tokens import Token


@click.group()
def token() -> None:
    """Access tokens, with which people and their pipelines sign in."""


@token.command("add")
@click.option("--person", "word", metavar="NAME", required=True, help="Whose token it is.")
@organization_option
@click.option("--name", default="token", show_default=True, help="What it is for.")
@click.option(
    "--expires", type=duration, metavar="TIME", help="When it ends by itself, such as 12h or 30d."
)
@command_that_writes
def add_token(
    console: Console,
    word: str,
    organization_word: str | None,
    name: str,
    expires: timedelta | None,
) -> None:
    """Make a token and print it, this once; only its digest is kept.

    It opens one organization: the one named, or the only one that the person belongs to.
    """
    connection, label = console.connection, name_of(name)
    person, organization = _find_owner(connection, word, organization_word)
    end = console.now + expires if expires else None
    added, secret = tokens.add(
        connection, person.id, label, console.now, end, organization_id=organization.id
    )
    subject = f"{label} for {person.name}"
    console.log("token.added", subject, organization.id, target=("person", person.id))
    # The token stands alone on stdout, so that a script can take it from there.
    console.say(f"Token {added.id} of {person.name}; it is shown once:", to_stderr=True)
    console.say(secret)


def _find_owner(
    connection: Connection, word: str, organization_word: str | None
) -> tuple[Person, Organization]:
    """The person a token is for, and the organization that it opens."""
    if organization_word is not None:
        organization = find_organization(connection, organization_word)
        return find_person(connection, word, organization), organization
    person = find_person(connection, word)
    ids = [place.organization_id for place in people.list_affiliations(connection, person.id)]
    joined = organizations.seen_by(connection, person.id, ids)
    if not joined:
        raise click.ClickException(
            f"{person.name} belongs to no organization that a token could open: first"
            f" `chaosiq-console organization join ORGANIZATION {person.id}`."
        )
    if len(joined) > 1:
        names = ", ".join(repr(organization.name) for organization in joined)
        raise click.UsageError(
            f"A token opens one organization. Say which with --organization: {names}."
        )
    return person, joined[0]


@token.command("list")
@click.option("--person", "word", metavar="NAME", help="Only theirs.")
@command_that_reads
def list_tokens(console: Console, word: str | None) -> None:
    """List tokens: whose they are, what they open, and whether they still do."""
    connection = console.connection
    person_id = find_person(connection, word).id if word else None
    names = {person.id: person.name for person in people.list_everybody(connection)}
    opened = {one.id: one.name for one in organizations.list_page(connection)}
    rows = [
        (
            names.get(token.person_id, "(removed)"),
            token.name,
            ", ".join(sorted(opened[id_] for id_ in tokens.organizations_of(connection, token.id)))
            or "-",
            token.hint,
            _state(token, console.now),
            moment(token.last_used_at),
            token.id,
        )
        for token in tokens.list_tokens(connection, person_id)
    ]
    table(("PERSON", "NAME", "OPENS", "BEGINS", "STATE", "LAST USED", "ID"), rows)


@token.command("remove")
@click.argument("token_ids", metavar="ID...", nargs=-1, required=True)
@command_that_writes
def remove_token(console: Console, token_ids: tuple[str, ...]) -> None:
    """Revoke tokens, at once; browsers that signed in with them are signed out."""
    console.say("\n".join([_revoke(console, token_id) for token_id in token_ids]))


def _revoke(console: Console, token_id: str) -> str:
    connection = console.connection
    token = tokens.find(connection, token_id)
    if token is None:
        raise click.ClickException(
            f"There is no token {token_id!r}; `chaosiq-console token list` shows their ids."
        )
    if not tokens.revoke(connection, token_id, console.now):
        return f"Token '{token.name}' ({token_id}) had been revoked already."
    name = people.names_of(connection, [token.person_id])[token.person_id]
    for organization_id in sorted(tokens.organizations_of(connection, token_id)):
        subject = f"{token.name} ({token.hint}…) of {name}"
        target = ("person", token.person_id)
        console.log("token.revoked", subject, organization_id, target=target)
    return f"Revoked token '{token.name}' ({token_id})."


def _state(token: Token, at: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at is None:
        return "valid"
    return f"{'expired' if token.has_ended(at) else 'valid until'} {moment(token.expires_at)}"
