"""What the operator's commands share: the database they work on, errors, and words they look up."""

import functools
import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
from sqlalchemy import Connection

from chaoscloud.console.cli._output import one_line
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database, StorageError
from chaoscloud.console.db.engines import find_file
from chaoscloud.console.db.lock import check_not_emptied
from chaoscloud.console.records import AlreadyThere, TooMany, audit
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

LONGEST_NAME = 100  # characters of an operator's name


def _operator_name(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    name = " ".join(one_line(value or _system_user()).split())
    if not name:
        raise click.BadParameter("write a name.")
    return name[:LONGEST_NAME]


def _system_user() -> str:
    """Who is logged in; behind sudo, who called it."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as containers have
        return f"user {os.getuid()}"


as_option = click.option(
    "--as",
    "operator",
    metavar="NAME",
    callback=_operator_name,
    help="Who does it, for pages and the audit log.  [default: the system's user]",
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


def with_database_options(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command `--data` and `--database`, and turn what goes wrong below into one line."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (StorageError, AlreadyThere, TooMany) as error:
            raise click.ClickException(_sentence(error)) from error

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper


def _sentence(error: Exception) -> str:
    words = str(error)
    return f"{words[:1].upper()}{words[1:]}."


def read_config(data: str | None, database: str | None, **overrides: object) -> Config:
    """The console's set-up, from the options and the environment."""
    try:
        return Config.from_environ(os.environ, data=data, database_url=database, **overrides)
    except ValueError as error:
        raise click.UsageError(_sentence(error)) from error


@contextmanager
def open_database(data: str | None, database: str | None) -> Iterator[Database]:
    """The database of a console that has been started before."""
    find_database_file(data, database)
    with Database.open(read_config(data, database).database_url) as opened_database:
        yield opened_database


def find_database_file(data: str | None, database: str | None) -> Path | None:
    """The database file of a console that has been started before; None on PostgreSQL."""
    config = read_config(data, database)
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


@dataclass(frozen=True)
class Console:
    """What a command works with: an open transaction, its time, and who typed the command.

    `lines` are what it will print, each with whether it goes to standard error.
    """

    connection: Connection
    now: datetime
    operator: str = ""
    lines: list[tuple[str, bool]] = field(default_factory=list)

    def say(self, line: str, *, to_stderr: bool = False) -> None:
        """Print a line once the command's work is on disk."""
        self.lines.append((line, to_stderr))

    def log(
        self,
        action: str,
        subject: str,
        organization_id: str | None = None,
        team_id: str | None = None,
        target: tuple[str, str] | None = None,
    ) -> None:
        """Write an entry of the audit log."""
        audit.add_entry(
            self.connection,
            action,
            subject,
            self.now,
            organization_id=organization_id,
            team_id=team_id,
            operator=self.operator,
            target=target,
        )


def command_that_writes(function: Callable[..., None]) -> Callable[..., None]:
    """Give a function a `Console` whose transaction is on disk when it returns; and its options."""

    @as_option
    @with_database_options
    @functools.wraps(function)
    def command(data: str | None, database: str | None, operator: str, **options: Any) -> None:
        def run(connection: Connection) -> list[tuple[str, bool]]:
            console = Console(connection, now(), operator)
            function(console, **options)
            return console.lines

        with open_database(data, database) as opened:
            lines = opened.write(run).result()
        for line, to_stderr in lines:
            click.echo(line, err=to_stderr)

    return command


def command_that_reads(function: Callable[..., None]) -> Callable[..., None]:
    """Give a function a `Console` to read from, and its options."""

    @with_database_options
    @functools.wraps(function)
    def command(data: str | None, database: str | None, **options: Any) -> None:
        with open_database(data, database) as opened, opened.read() as connection:
            function(Console(connection, now()), **options)

    return command


def now() -> datetime:
    """The time, once for a command."""
    return datetime.now(UTC)


def name_of(typed: str) -> str:
    """A name on one line. Raises a usage error for one that cannot stand in a list."""
    name = " ".join(typed.split())
    if not name or not name.isprintable():
        raise click.UsageError("A name needs at least one letter, and only what can be printed.")
    return name


def refuse_to_remove(what: str, reason: str | None) -> None:
    """Raise a `ClickException` when there is a reason."""
    if reason:
        raise click.ClickException(f"Cannot remove {what}: it still has {reason}.")


def reason_of(text: str, what: str) -> str:
    """A name or a reason as one line. Raises a usage error when nothing is left of it."""
    line = " ".join(one_line(text).split())
    if not line:
        raise click.UsageError(f"{what} is what people read when they are stopped; write one.")
    return line
