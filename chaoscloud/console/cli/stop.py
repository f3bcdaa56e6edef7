"""`stop` and `release`: stop every run, and release in_force, on the command line."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import click
from sqlalchemy import Connection

from chaoscloud.console.cli._lookup import find_organization, find_team
from chaoscloud.console.cli._operator import (
    as_option,
    duration,
    now,
    open_database,
    organization_option,
    reason_of,
    with_database_options,
)
from chaoscloud.console.cli._output import moment, one_line
from chaoscloud.console.records import stops, teams
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.safeguard_status import SafeguardStatus, describe_safeguards
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.safeguards import Safeguard
from chaoscloud.console.watch.acknowledging import StopWait

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
@as_option
@with_database_options
def stop(
    organization_word: str | None,
    team_word: str | None,
    reason: str,
    lasting: timedelta | None,
    operator: str,
    data: str | None,
    database: str | None,
) -> None:
    """Stop every run, and let none start, until `release`.

    Waits for two seconds at most until every run knows, and says which do.
    """
    reason = reason_of(reason, "--reason")

    def set_stop(connection: Connection) -> tuple[Safeguard, str]:
        organization, team = _scope(connection, organization_word, team_word)
        at = now()
        safeguard = stops.stop(
            connection,
            organization.id,
            team.id if team else None,
            reason,
            at,
            expires_at=at + lasting if lasting else None,
            operator=operator,
        )
        return safeguard, f"Stopped: {_describe_scope(organization, team)}, {_end(at, lasting)}."

    with open_database(data, database) as opened:
        safeguard, line = opened.write(set_stop).result()
        click.echo(line)
        report = StopWait(opened, safeguard, safeguard.created_at).finish_blocking()
    for line in report.lines:
        click.echo(one_line(line))


@click.command("release")
@click.argument("stop_word", metavar="[REASON]", required=False)
@organization_option
@_team_option
@click.option("--all", "every_one", is_flag=True, help="Release all of them, without a question.")
@as_option
@with_database_options
def release(
    stop_word: str | None,
    organization_word: str | None,
    team_word: str | None,
    every_one: bool,
    operator: str,
    data: str | None,
    database: str | None,
) -> None:
    """Release the stop that `stop` or the stop button set.

    When there are several, name one by its REASON or id, or say --all; else you are asked. What was
    stopped with --team is released with --team. A stop that is switched off stays as it is.
    """
    with open_database(data, database) as opened, opened.read() as connection:
        in_force = _stops(connection, *_scope(connection, organization_word, team_word))
    if stop_word is not None:
        in_force = _matching(in_force, stop_word)
    elif len(in_force) > 1 and not every_one:
        _confirm(in_force)
    ids = {status.safeguard.id for status in in_force}

    def release_present(connection: Connection) -> list[str]:
        organization, team = _scope(connection, organization_word, team_word)
        scope = _describe_scope(organization, team)
        # Read again: somebody may have been faster.
        present = [s for s in _stops(connection, organization, team) if s.safeguard.id in ids]
        for status in present:
            stops.release(connection, status.safeguard, now(), operator=operator)
        released = [f"Released: {scope}: {_describe_stop(status)}." for status in present]
        return [
            *(released or [f"Nothing was stopped: {scope}."]),
            *_still_stopped(connection, organization, team),
        ]

    with open_database(data, database) as opened:  # closed while the question above was open
        lines = opened.write(release_present).result()
    for line in lines:
        click.echo(line)


def _stops(
    connection: Connection, organization: Organization, team: Team | None
) -> list[SafeguardStatus]:
    at = now()
    team_id = team.id if team else None
    in_force = stops.stops_of_scope(connection, organization.id, team_id, at)
    return describe_safeguards(connection, in_force, at)


def _matching(in_force: Sequence[SafeguardStatus], word: str) -> list[SafeguardStatus]:
    matching = [s for s in in_force if word in (s.safeguard.id, s.safeguard.name)]
    if not matching:
        raise click.ClickException(
            f"There is no stop {word!r} in force there; `safeguard list` shows them."
        )
    if len(matching) > 1:
        raise click.UsageError(f"There are {len(matching)} of that reason: name it by its id.")
    return matching


def _confirm(in_force: Sequence[SafeguardStatus]) -> None:
    """Ask whether to release all of these. Raises `ClickException` unless the answer is yes."""
    for status in in_force:
        click.echo(f"In force: {_describe_stop(status)}, id {status.safeguard.id}.")
    try:
        confirmed = click.confirm(f"Release all {len(in_force)}?")
    except click.Abort:  # nobody there to answer
        click.echo()
        confirmed = False
    if not confirmed:
        raise click.ClickException(
            "Nothing was released. Name one by its reason or id, or say --all."
        )


def _describe_stop(status: SafeguardStatus) -> str:
    author = status.author or "the operator"
    created_at = moment(status.safeguard.created_at)
    return f"{one_line(status.safeguard.reason)} (set by {one_line(author)}, {created_at})"


def _scope(
    connection: Connection, organization_word: str | None, team_word: str | None
) -> tuple[Organization, Team | None]:
    organization = find_organization(connection, organization_word)
    return organization, find_team(connection, organization, team_word) if team_word else None


def _describe_scope(organization: Organization, team: Team | None) -> str:
    if team is None:
        return f"organization '{organization.name}'"
    return f"team '{team.name}' of organization '{organization.name}'"


def _end(at: datetime, lasting: timedelta | None) -> str:
    return f"until {moment(at + lasting)}" if lasting else "until `chaosiq-console release`"


def _still_stopped(
    connection: Connection, organization: Organization, team: Team | None
) -> list[str]:
    """What else stops runs there, so that nobody wonders."""
    of_organization = teams.of_organization(connection, organization.id)
    scopes = [None, *(t for t in of_organization if team is None or t.id == team.id)]
    return [
        f"Still stopped: {_describe_scope(organization, scope)}: {_describe_stop(status)}."
        for scope in scopes
        for status in _stops(connection, organization, scope)
    ]
