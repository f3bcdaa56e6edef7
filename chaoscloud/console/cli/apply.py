"""`apply`: organizations, teams and what they have as a file says, such as one in git."""

import os
from contextlib import suppress
from pathlib import Path

import click
import yaml
from sqlalchemy import Connection

from chaoscloud.console.cli._operator import (
    as_option,
    now,
    open_database,
    with_database_options,
)
from chaoscloud.console.cli._output import one_line
from chaoscloud.console.records.application import Application
from chaoscloud.console.records.declaration import Declaration, read_declaration
from chaoscloud.console.records.declared_sending import InvalidDeclaration


class _DryRun(Exception):
    """Everything was done, to see what it is; now nothing of it is kept."""


@click.command()
@click.option(
    "-f",
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="What there shall be, in YAML or JSON.",
)
@click.option("--prune", is_flag=True, help="Remove what the file does not name any more.")
@click.option("--dry-run", is_flag=True, help="Change nothing; show what is different.")
@as_option
@with_database_options
def apply(
    file: Path, prune: bool, dry_run: bool, operator: str, data: str | None, database: str | None
) -> None:
    """Make organizations, teams and what they have be as a file says.

    That is safeguards, objectives, subscriptions, expected runs, and for how long events and
    journals are kept. What opens a target of messages is named in the file by the environment
    variable that has it.

    Each difference is a line: + for what is added, ~ for what is changed, - for what is removed.
    All of it is done, or nothing; a second time there is nothing to do. With --prune goes what the
    lists in the file do not name: safeguards, subscriptions and expected runs that an operator set,
    teams without records, objectives without verifications. Nothing that people set is removed.
    """
    declaration = _read(file)
    applications: list[Application] = []

    def run(connection: Connection) -> None:
        applications.append(Application(connection, operator, now(), prune))
        applications[0].run(declaration)
        if dry_run:
            raise _DryRun

    with open_database(data, database) as opened, suppress(_DryRun):
        try:
            opened.write(run).result()
        except InvalidDeclaration as error:
            raise click.ClickException(f"{file}: {error}.") from None
    _print(applications[0], dry_run=dry_run)


def _print(application: Application, *, dry_run: bool) -> None:
    for line in application.lines:
        click.echo(one_line(line))
    if not application.lines:
        click.echo("Everything is as the file says.")
    elif dry_run:
        click.echo("Nothing is changed: this was a dry run.")
    elif application.secrets:
        click.echo("Secrets, shown once:", err=True)
        for secret in application.secrets:
            click.echo(f"  {one_line(secret)}", err=True)


def _read(file: Path) -> Declaration:
    try:
        return read_declaration(yaml.safe_load(file.read_text(encoding="utf-8")), os.environ)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise click.ClickException(
            f"{file} cannot be read: {' '.join(str(error).split())}"
        ) from None
    except InvalidDeclaration as error:
        raise click.ClickException(f"{file}: {error}.") from None
