"""`report`: an execution as one file to hand over."""

from pathlib import Path

import click
from sqlalchemy import Connection

from chaoscloud.console.cli._operator import now, open_database, with_database_options
from chaoscloud.console.records import execution_views, organizations, teams
from chaoscloud.console.reports.execution import (
    ExecutionReport,
    Origin,
    build_execution_report,
    render_execution_report,
)


@click.command()
@click.argument("execution")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_database_options
def report(execution: str, file: Path, data: str | None, database: str | None) -> None:
    """Write the execution with the id EXECUTION into FILE, as one HTML file.

    It loads nothing and runs nothing, and prints well. FILE must not be there yet.
    """
    with open_database(data, database) as opened, opened.read() as connection:
        execution_report = _build(connection, execution)
    if execution_report is None:
        raise click.ClickException(f"There is no execution with the id {execution!r}.")
    try:
        with file.open("x", encoding="utf-8") as output:
            output.write(render_execution_report(execution_report))
    except OSError as error:
        raise click.ClickException(f"Cannot write {file}: {error.strerror}.") from error
    click.echo(f"Wrote the report of '{execution_report.record.title}' to {file}.")


def _build(connection: Connection, execution_id: str) -> ExecutionReport | None:
    """The report of the execution, whichever team has it."""
    for organization in organizations.list_page(connection):
        for team in teams.of_organization(connection, organization.id):
            if execution_views.find_detail(connection, team.id, execution_id) is not None:
                origin = Origin(organization.name, team.name)
                return build_execution_report(connection, team.id, execution_id, origin, now())
    return None
