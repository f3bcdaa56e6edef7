"""What the operator's commands share: the database they work on, errors, and words they look up."""

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

import click
from sqlalchemy import Connection

from chaoscloud.console.config import Config
from chaoscloud.console.db import Database, StorageError
from chaoscloud.console.db.engines import find_file
from chaoscloud.console.db.lock import check_not_emptied
from chaoscloud.console.records import AlreadyThere, TooMany, organizations, people, teams
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.people import Person
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.durations import seconds_of

P = ParamSpec("P")
R = TypeVar("R")

_OPTIONS = (
    click.option(
        "--data",
        metavar="DIR",
        type=click.Path(file_okay=False),
        help="Folder of the console's data.  [default: $CHAOSIQ_CONSOLE_DATA, else"
        " chaosiq-console where the system keeps data]",
    ),
    click.option(
        "--database",
        metavar="URL",
        help="Database to use, such as postgresql://user@host/name."
        "  [default: $DATABASE_URL, else SQLite in the data folder]",
    ),
)

organization_option = click.option(
    "--organization",
    "organization_word",
    metavar="NAME",
    help="Organization, by name or id; needed only when there are several.",
)


def duration(typed: str) -> timedelta:
    """A length of time as people type it: 90s, 30m, 2h, 30d."""
    seconds = seconds_of(typed)
    if seconds is None:
        raise click.BadParameter(f"{typed!r} is not a length of time; write 90s, 30m, 2h or 30d.")
    return timedelta(seconds=seconds)


def on_the_console(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command `--data` and `--database`, and turn what goes wrong below into one line."""

    @functools.wraps(command)
    def translated(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (StorageError, AlreadyThere, TooMany) as error:
            raise click.ClickException(_sentence(error)) from error

    for option in reversed(_OPTIONS):
        translated = option(translated)
    return translated


def _sentence(error: Exception) -> str:
    words = str(error)
    return f"{words[:1].upper()}{words[1:]}."


def configured(data: str | None, database: str | None, **overrides: object) -> Config:
    """The console's set-up, from the options and the environment."""
    try:
        return Config.from_environ(os.environ, data=data, database_url=database, **overrides)
    except ValueError as error:
        raise click.UsageError(_sentence(error)) from error


@contextmanager
def opened(data: str | None, database: str | None) -> Iterator[Database]:
    """The database of a console that has been started before."""
    find_database_file(data, database)
    with Database.open(configured(data, database).database_url) as opened_database:
        yield opened_database


def find_database_file(data: str | None, database: str | None) -> Path | None:
    """The database file of a console that has been started before; None on PostgreSQL."""
    config = configured(data, database)
    file = find_file(config.database_url)
    if file is None:
        return None
    if not file.exists():
        raise click.ClickException(
            f"There is no console in {config.data} yet: start one with `chaosiq-console serve`,"
            " or name its folder with --data."
            if database is None and file.parent == config.data
            else f"There is no database {file}."
        )
    check_not_emptied(file)
    return file


def change(data: str | None, database: str | None, job: Callable[[Connection], R]) -> R:
    """Run a change and wait until it is on disk."""
    with opened(data, database) as console:
        return console.write(job).result()


def look(data: str | None, database: str | None, job: Callable[[Connection], R]) -> R:
    """Run something that only reads."""
    with opened(data, database) as console, console.read() as connection:
        return job(connection)


def now() -> datetime:
    """The time, once for a command."""
    return datetime.now(UTC)


def the_organization(connection: Connection, word: str | None) -> Organization:
    """The organization meant: the one named, or the only one there is."""
    if word is not None:
        found = organizations.find(connection, word)
        if found is None:
            raise click.ClickException(_unknown("organization", word, _organizations(connection)))
        return found
    there = organizations.listed(connection)
    if not there:
        raise click.ClickException(
            "There is no organization yet: add one with `chaosiq-console organization add NAME`."
        )
    if len(there) > 1:
        raise click.UsageError(
            f"Say which organization with --organization: {_these(_organizations(connection))}."
        )
    return there[0]


def the_team(connection: Connection, organization: Organization, word: str) -> Team:
    """The team of the organization meant."""
    found = teams.find(connection, organization.id, word)
    if found is None:
        names = [team.name for team in teams.of_organization(connection, organization.id)]
        raise click.ClickException(_unknown("team", word, names))
    return found


def the_person(connection: Connection, word: str) -> Person:
    """The person meant."""
    found = people.find(connection, word)
    if found is None:
        names = [person.name for person in people.listed(connection)]
        raise click.ClickException(_unknown("person", word, names))
    return found


def _organizations(connection: Connection) -> list[str]:
    return [each.name for each in organizations.listed(connection)]


def _unknown(kind: str, word: str, known: Sequence[str]) -> str:
    hint = f"; there is {_these(known)}" if known else f"; there is no {kind} yet"
    return f"There is no {kind} {word!r}{hint}."


def _these(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:10])
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns as wide as they need; nothing at all prints only the heads."""
    lines = [list(heads), *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def one_line(text: str) -> str:
    """A text without anything that would move a terminal's cursor."""
    return "".join(each if each.isprintable() else " " for each in text)


def moment(at: datetime | None) -> str:
    """A time as an operator reads it; a dash for never."""
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
