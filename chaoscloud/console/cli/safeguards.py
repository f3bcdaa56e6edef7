"""`stop` and `resume`: the big red button, on the command line."""

from datetime import datetime, timedelta

import click
from sqlalchemy import Connection

from chaoscloud.console.cli._operator import (
    change,
    duration,
    moment,
    now,
    on_the_console,
    one_line,
    organization_option,
    the_organization,
    the_team,
)
from chaoscloud.console.records import safeguards, teams
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.verdict import in_force

_team_option = click.option(
    "--team", "team_word", metavar="NAME", help="Only this team's runs, by name or id."
)


@click.command()
@organization_option
@_team_option
@click.option("--reason", required=True, help="Why; shown to everybody whose run is stopped.")
@click.option(
    "--for", "lasting", type=duration, metavar="TIME", help="Until when, such as 30m, 2h or 1d."
)
@on_the_console
def stop(
    organization_word: str | None,
    team_word: str | None,
    reason: str,
    lasting: timedelta | None,
    data: str | None,
    database: str | None,
) -> None:
    """Stop every run, and let none start, until `resume`."""
    reason = one_line(reason).strip()
    if not reason:
        raise click.UsageError("--reason is what people read when they are stopped; write one.")

    def set_switch(connection: Connection) -> str:
        organization, team = _scope(connection, organization_word, team_word)
        at = now()
        until = at + lasting if lasting else None
        safeguards.stop(connection, organization.id, _id(team), reason, at, expires_at=until)
        return f"Stopped: {_called(organization, team)}, {_end(until)}."

    click.echo(change(data, database, set_switch))


@click.command()
@organization_option
@_team_option
@on_the_console
def resume(
    organization_word: str | None, team_word: str | None, data: str | None, database: str | None
) -> None:
    """Release the stop switch.

    What was stopped with --team is released with --team.
    """

    def release(connection: Connection) -> list[str]:
        organization, team = _scope(connection, organization_word, team_word)
        released = safeguards.resume(connection, organization.id, _id(team), now())
        done = "Released" if released else "Nothing was stopped"
        said = [f"{done}: {_called(organization, team)}."]
        return said + _still_stopped(connection, organization, team)

    for line in change(data, database, release):
        click.echo(line)


def _scope(
    connection: Connection, organization_word: str | None, team_word: str | None
) -> tuple[Organization, Team | None]:
    organization = the_organization(connection, organization_word)
    return organization, the_team(connection, organization, team_word) if team_word else None


def _id(team: Team | None) -> str | None:
    return team.id if team else None


def _called(organization: Organization, team: Team | None) -> str:
    if team is None:
        return f"organization '{organization.name}'"
    return f"team '{team.name}' of organization '{organization.name}'"


def _end(until: datetime | None) -> str:
    return f"until {moment(until)}" if until else "until `chaosiq-console resume`"


def _still_stopped(
    connection: Connection, organization: Organization, team: Team | None
) -> list[str]:
    """What else holds runs back there, so that nobody wonders."""
    names = {each.id: each for each in teams.of_organization(connection, organization.id)}
    others = [
        each
        for each in safeguards.listed(connection, organization.id, now())
        if each.kind == safeguards.STOP
        and in_force(each, now())
        and (team is None or each.team_id in (None, team.id))
    ]
    return [
        f"Still stopped: {_called(organization, names.get(each.team_id or ''))}: {each.reason}"
        for each in others
    ]
