"""`expected`: runs that a team expects by a schedule, and those that did not come."""

from datetime import timedelta

import click
from sqlalchemy import Connection

from chaoscloud.console.cli._lookup import find_experiment, find_organization, find_team
from chaoscloud.console.cli._operator import (
    Console,
    command_that_reads,
    command_that_writes,
    duration,
    organization_option,
)
from chaoscloud.console.cli._output import moment, table
from chaoscloud.console.records import expected_runs
from chaoscloud.console.records.expected_runs import TeamActor
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.schedules import InvalidSchedule, read_schedule

_team_option = click.option(
    "--team", "team_word", metavar="NAME", required=True, help="The team, by name or id."
)


@click.group()
def expected() -> None:
    """Runs that a team expects by a schedule; nothing is started."""


@expected.command("add")
@click.argument("experiment")
@click.argument("cron")
@click.option("--zone", default="UTC", metavar="ZONE", help="Time zone, such as Europe/Paris.")
@click.option("--grace", type=duration, metavar="TIME", help="How late a run may start: 30m, 2h.")
@_team_option
@organization_option
@command_that_writes
def add_expected(
    console: Console,
    experiment: str,
    cron: str,
    zone: str,
    grace: timedelta | None,
    team_word: str,
    organization_word: str | None,
) -> None:
    """Expect runs of EXPERIMENT, by title or id, by each moment of CRON ("0 6 * * 1-5")."""
    try:
        schedule = read_schedule(cron, zone, grace.total_seconds() if grace else 0.0)
    except InvalidSchedule as error:
        raise click.UsageError(str(error)) from None
    team = _find_team(console.connection, organization_word, team_word)
    experiment_id = find_experiment(console.connection, team, experiment)
    actor = _actor(team, console)
    added = expected_runs.add(console.connection, actor, experiment_id, schedule, console.now)
    assert added is not None  # noqa: S101 - the experiment was just found
    status = expected_runs.describe_status(console.connection, added, console.now)
    console.say(
        f"Runs of {added.title} are expected: {status.description}."
        f" Next: {moment(status.next_due_at)}."
    )


@expected.command("list")
@_team_option
@organization_option
@command_that_reads
def list_expected(console: Console, team_word: str, organization_word: str | None) -> None:
    """List what is expected, with the next moment and the last that was missed."""
    team = _find_team(console.connection, organization_word, team_word)
    rows = [
        (
            status.title,
            status.description,
            moment(status.next_due_at),
            moment(status.last_missed_at),
            status.id,
        )
        for status in expected_runs.list_of_team(console.connection, team.id, console.now)
    ]
    table(("EXPERIMENT", "EXPECTED BY", "NEXT", "LAST MISSED", "ID"), rows)


@expected.command("missed")
@_team_option
@organization_option
@command_that_reads
def list_missed(console: Console, team_word: str, organization_word: str | None) -> None:
    """List the runs that did not come, the latest first."""
    team = _find_team(console.connection, organization_word, team_word)
    rows = [
        (missed.title, moment(missed.due_at))
        for missed in expected_runs.list_missed(console.connection, team.id)
    ]
    table(("EXPERIMENT", "EXPECTED BY"), rows)


@expected.command("remove")
@click.argument("expected_id", metavar="ID")
@_team_option
@organization_option
@command_that_writes
def remove_expected(
    console: Console, expected_id: str, team_word: str, organization_word: str | None
) -> None:
    """Expect the runs with this ID no more."""
    team = _find_team(console.connection, organization_word, team_word)
    known = expected_runs.find(console.connection, team.id, expected_id)
    if known is None:
        raise click.ClickException(
            f"Nothing is expected under {expected_id!r}: see `chaosiq-console expected list`."
        )
    expected_runs.remove(console.connection, _actor(team, console), known, console.now)
    console.say(f"Runs of {known.title} are expected no more.")


def _find_team(connection: Connection, organization_word: str | None, team_word: str) -> Team:
    return find_team(connection, find_organization(connection, organization_word), team_word)


def _actor(team: Team, console: Console) -> TeamActor:
    return TeamActor(
        organization_id=team.organization_id, team_id=team.id, operator=console.operator
    )
