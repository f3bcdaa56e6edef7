"""`team export` and `team import`: a team's records as a file, from one console to another."""

import os
from pathlib import Path

import click
from sqlalchemy import Connection

from chaoscloud.console.cli._lookup import find_organization, find_team
from chaoscloud.console.cli._operator import (
    Console,
    as_option,
    now,
    open_database,
    organization_option,
    with_database_options,
)
from chaoscloud.console.records import teams
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.team_export import export_team
from chaoscloud.console.records.team_import import InvalidFile, TeamImport, read_header, read_parts
from chaoscloud.console.records.teams import Team

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("export")
@click.argument("name")
@click.argument("file", type=_FILE)
@organization_option
@as_option
@with_database_options
def export(
    name: str,
    file: Path,
    organization_word: str | None,
    operator: str,
    data: str | None,
    database: str | None,
) -> None:
    """Write the records of the team NAME into FILE: one JSON object a line.

    Experiments with their versions, executions with events and journals, verifications with their
    results, and the audit log; no tokens, no safeguards. FILE is readable by you alone, and must
    not be there yet.
    """
    with open_database(data, database) as opened:
        with opened.read() as connection:
            organization = find_organization(connection, organization_word)
            team = find_team(connection, organization, name)
            number = _write(file, export_team(connection, organization.name, team, now()))
        opened.write(lambda c: _log(c, operator, "team.exported", organization, team)).result()
    click.echo(f"Wrote {number - 1:,} records of team '{team.name}' to {file}.")


def _write(file: Path, lines: object) -> int:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.ClickException(f"Cannot write {file}: {error.strerror}.") from error
    number = 0
    try:
        with os.fdopen(descriptor, "wb") as output:
            for line in lines:  # type: ignore[attr-defined]
                output.write(line)
                number += 1
    except BaseException:  # half a file would look like a whole one
        file.unlink(missing_ok=True)
        raise
    return number


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@organization_option
@click.option("--team", "team_name", metavar="NAME", help="Into this team.  [default: of its name]")
@as_option
@with_database_options
def import_(
    file: Path,
    organization_word: str | None,
    team_name: str | None,
    operator: str,
    data: str | None,
    database: str | None,
) -> None:
    """Bring the records in FILE, made by `team export`, into a team; it is made when missing.

    Ids stay as they are where they are free. Nothing comes twice: run an interrupted import again.
    """
    try:
        header = read_header(file)
        for _ in read_parts(file):
            pass  # nothing is brought from a file that cannot be read to its end
        with open_database(data, database) as opened:
            word = team_name or header.team

            def prepare(connection: Connection) -> tuple[Organization, Team]:
                organization = find_organization(connection, organization_word)
                team = teams.find(connection, organization.id, word)
                return organization, team or teams.add(connection, organization.id, word, now())

            organization, team = opened.write(prepare).result()
            task = TeamImport(team)
            with opened.read() as connection:
                for part in read_parts(file):
                    task.find_ids(connection, part)
            for part in read_parts(file):
                opened.write(lambda c, part=part: task.add(c, part)).result()  # type: ignore[misc]
            opened.write(task.finish).result()
            if task.rows:
                opened.write(
                    lambda c: _log(c, operator, "team.imported", organization, team)
                ).result()
    except InvalidFile as error:
        raise click.ClickException(f"{error}.") from error
    click.echo(f"Brought {task.rows:,} records into team '{team.name}' of '{organization.name}'.")


def _log(
    connection: Connection, operator: str, action: str, organization: Organization, team: Team
) -> None:
    Console(connection, now(), operator).log(action, team.name, organization.id, team.id)
