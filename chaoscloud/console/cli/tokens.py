"""`token`: made, listed and revoked."""

from datetime import datetime, timedelta

import click
from sqlalchemy import Connection

from chaoscloud.console.cli._operator import (
    change,
    duration,
    look,
    moment,
    now,
    on_the_console,
    table,
    the_person,
)
from chaoscloud.console.cli._people import a_name
from chaoscloud.console.records import audit, people, tokens
from chaoscloud.console.records.tokens import Token


@click.group()
def token() -> None:
    """Access tokens, with which people and their pipelines sign in."""


@token.command("add")
@click.option("--person", "word", metavar="NAME", required=True, help="Whose token it is.")
@click.option("--name", default="token", show_default=True, help="What it is for.")
@click.option(
    "--expires", type=duration, metavar="TIME", help="When it ends by itself, such as 12h or 30d."
)
@on_the_console
def add_token(
    word: str, name: str, expires: timedelta | None, data: str | None, database: str | None
) -> None:
    """Make a token and print it, this once; only its digest is kept."""

    def add(connection: Connection) -> tuple[str, str, str]:
        person, at, label = the_person(connection, word), now(), a_name(name)
        end = at + expires if expires else None
        made, secret = tokens.add(connection, person.id, label, at, end)
        audit.note(connection, "token.added", f"{label} of {person.name}", at)
        return person.name, made.id, secret

    person, token_id, secret = change(data, database, add)
    # The token stands alone on stdout, so that a script can take it from there.
    click.echo(f"Token {token_id} of {person}; it is shown once:", err=True)
    click.echo(secret)


@token.command("list")
@click.option("--person", "word", metavar="NAME", help="Only theirs.")
@on_the_console
def list_tokens(word: str | None, data: str | None, database: str | None) -> None:
    """List tokens: whose they are, what they are for, and whether they still open anything."""

    def rows(connection: Connection) -> list[tuple[str, ...]]:
        whose = the_person(connection, word).id if word else None
        names = {each.id: each.name for each in people.listed(connection)}
        return [_row(each, names, now()) for each in tokens.listed(connection, whose)]

    heads = ("PERSON", "NAME", "BEGINS", "STATE", "LAST USED", "ID")
    table(heads, look(data, database, rows))


@token.command("remove")
@click.argument("token_ids", metavar="ID...", nargs=-1, required=True)
@on_the_console
def remove_token(token_ids: tuple[str, ...], data: str | None, database: str | None) -> None:
    """Revoke tokens, at once; browsers that signed in with them are signed out."""

    def remove(connection: Connection) -> list[str]:
        return [_revoke(connection, token_id) for token_id in token_ids]

    for line in change(data, database, remove):
        click.echo(line)


def _revoke(connection: Connection, token_id: str) -> str:
    found, at = tokens.find(connection, token_id), now()
    if found is None:
        raise click.ClickException(
            f"There is no token {token_id!r}; `chaosiq-console token list` shows their ids."
        )
    if not tokens.revoke(connection, token_id, at):
        return f"Token '{found.name}' ({token_id}) had been revoked already."
    audit.note(connection, "token.revoked", f"{found.name} ({found.hint}…)", at)
    return f"Revoked token '{found.name}' ({token_id})."


def _row(token: Token, names: dict[str, str], at: datetime) -> tuple[str, ...]:
    person = names.get(token.person_id, "(removed)")
    return (person, token.name, token.hint, _state(token, at), moment(token.last_used_at), token.id)


def _state(token: Token, at: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at is None:
        return "valid"
    return f"{'expired' if token.ended(at) else 'valid until'} {moment(token.expires_at)}"
