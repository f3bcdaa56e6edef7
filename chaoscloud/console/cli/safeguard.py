"""`safeguard`: every kind of safeguard, set and looked after on the command line."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import msgspec
from sqlalchemy import Connection

from chaoscloud.console.cli._operator import (
    as_option,
    change,
    duration,
    find_organization,
    find_team,
    look,
    moment,
    now,
    one_line,
    organization_option,
    table,
    with_database_options,
)
from chaoscloud.console.cli._safeguard_options import reason_of
from chaoscloud.console.records import safeguard_states, safeguards, secrets, teams
from chaoscloud.console.records.safeguard_status import SafeguardStatus, describe_safeguards
from chaoscloud.console.rules.safeguards import KINDS, Run, Safeguard, decide
from chaoscloud.console.rules.safeguards.settings import parse_settings

Command = Callable[..., Any]

_team_option = click.option(
    "--team", "team_word", metavar="NAME", help="The team it is about, by name or id."
)
_tag_option = click.option(
    "--tag", "tags", metavar="TAG", multiple=True, help="A tag of experiments; may be repeated."
)


def _scope_options(command: Command) -> Command:
    """Give a command the options that say where it works."""
    return organization_option(_team_option(with_database_options(command)))


def _check_kind(context: click.Context, parameter: click.Parameter, name: str) -> str:
    if name not in KINDS:
        raise click.BadParameter(f"{name!r} is no kind; there are {', '.join(KINDS)}.")
    return name


@click.group()
def safeguard() -> None:
    """Safeguards, which decide whether experiments may run."""


@safeguard.command("add")
@click.argument("kind", metavar=f"[{'|'.join(KINDS)}]", callback=_check_kind)
@click.argument("name")
@click.option("--reason", required=True, help="Why; shown to everybody whose run is stopped.")
@click.option(
    "--settings",
    "settings_json",
    metavar="JSON",
    default="{}",
    help="What the kind needs, such as '{\"most\": 2}' for limit.",
)
@click.option(
    "--for", "lasting", type=duration, metavar="TIME", help="Until when, such as 30m, 2h or 1d."
)
@_tag_option
@as_option
@_scope_options
def add(
    kind: str,
    name: str,
    reason: str,
    settings_json: str,
    lasting: timedelta | None,
    tags: tuple[str, ...],
    operator: str,
    organization_word: str | None,
    team_word: str | None,
    data: str | None,
    database: str | None,
) -> None:
    """Set a safeguard of a kind: for a team with --team, else for the whole organization."""
    settings = _parse_settings(kind, settings_json)
    name, reason = reason_of(name, "NAME"), reason_of(reason, "--reason")

    def create(connection: Connection) -> list[str]:
        organization, at = find_organization(connection, organization_word), now()
        created = safeguards.create(
            connection,
            organization.id,
            find_team(connection, organization, team_word).id if team_word else None,
            kind,
            name,
            at,
            reason=reason,
            settings=settings,
            tags=tags,
            expires_at=at + lasting if lasting else None,
            operator=operator,
        )
        lines = [f"Set safeguard '{created.name}' with id {created.id}."]
        if KINDS[kind].has_secret:
            lines.append(f"Address for alerts: /api/v1/alerts/{created.id}")
            lines.append(f"Its secret (shown once): {secrets.renew(connection, created.id)}")
        return lines

    for line in change(data, database, create):
        click.echo(line)


@safeguard.command("list")
@_scope_options
def list_safeguards(
    organization_word: str | None, team_word: str | None, data: str | None, database: str | None
) -> None:
    """List the safeguards, and what each decides right now."""

    def rows(connection: Connection) -> list[tuple[str, ...]]:
        organization, at = find_organization(connection, organization_word), now()
        team_id = find_team(connection, organization, team_word).id if team_word else None
        of_organization = teams.of_organization(connection, organization.id)
        names = {team.id: team.name for team in of_organization}
        list_page = safeguards.list_safeguards(connection, organization.id, at)
        of_scope = [s for s in list_page if team_id is None or s.team_id in (None, team_id)]
        statuses = describe_safeguards(connection, of_scope, at)
        return [_row(status, names) for status in statuses]

    heads = ("NAME", "KIND", "FOR", "TAGS", "NOW", "UNTIL", "SET BY", "ID")
    table(heads, look(data, database, rows))


def _row(status: SafeguardStatus, team_names: dict[str, str]) -> tuple[str, ...]:
    list_page = status.safeguard
    return (
        list_page.name,
        list_page.kind,
        team_names.get(list_page.team_id or "", "every team"),
        ", ".join(list_page.tags) or "-",
        f"{status.state}, {status.usage}" if status.usage else status.state,
        moment(list_page.expires_at),
        status.author or "operator",
        list_page.id,
    )


def _add_switch(word: str, on: bool) -> None:
    @safeguard.command(word, help=f"Switch the safeguard of this name or id {word}.")
    @click.argument("name")
    @organization_option
    @as_option
    @with_database_options
    def switch(
        name: str,
        organization_word: str | None,
        operator: str,
        data: str | None,
        database: str | None,
    ) -> None:
        def change_it(connection: Connection) -> str:
            named = _the_safeguard(connection, organization_word, name)
            safeguards.change(connection, named, now(), enabled=on, operator=operator)
            return f"Switched {word}: '{named.name}'."

        click.echo(change(data, database, change_it))


_add_switch("on", True)
_add_switch("off", False)


@safeguard.command("remove")
@click.argument("name")
@organization_option
@as_option
@with_database_options
def remove(
    name: str,
    organization_word: str | None,
    operator: str,
    data: str | None,
    database: str | None,
) -> None:
    """Remove the safeguard of this NAME or id."""

    def remove_it(connection: Connection) -> str:
        named = _the_safeguard(connection, organization_word, name)
        safeguards.remove(connection, named, now(), operator=operator)
        return f"Removed safeguard '{named.name}'."

    click.echo(change(data, database, remove_it))


@safeguard.command("simulate")
@click.option("--at", "at_text", metavar="TIME", help="When, such as 2026-03-02T09:30+01:00.")
@_tag_option
@_scope_options
def simulate(
    at_text: str | None,
    tags: tuple[str, ...],
    organization_word: str | None,
    team_word: str | None,
    data: str | None,
    database: str | None,
) -> None:
    """Say whether a run of --team with these tags would be allowed, now or at another time.

    Webhooks are not asked for this: what they answered last counts.
    """
    if team_word is None:
        raise click.UsageError("Say whose run with --team.")
    team_name, at = team_word, _parse_time(at_text)

    def decide_run(connection: Connection) -> list[str]:
        organization = find_organization(connection, organization_word)
        team = find_team(connection, organization, team_name)
        in_force = safeguards.in_force(connection, organization.id, team.id)
        facts = safeguard_states.read_facts(connection, organization.id, now())
        decision = decide(in_force, at, Run(None, tags), facts)
        if decision.allowed:
            return [f"Allowed at {moment(at)}."]
        return [f"Denied at {moment(at)}:"] + [
            f"  {one_line(policy.name)}: {one_line(policy.reason)}"
            + (f", until {moment(policy.until)}" if policy.until else "")
            for policy in decision.policies
        ]

    for line in look(data, database, decide_run):
        click.echo(line)


def _parse_settings(kind: str, text: str) -> str:
    try:
        return parse_settings(kind, text.encode("utf-8", "replace"))
    except msgspec.DecodeError as error:
        raise click.UsageError(f"--settings of {kind}: {error}") from error


def _parse_time(text: str | None) -> datetime:
    if text is None:
        return now()
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        message = f"--at: {text!r} is not a time; write 2026-03-02T09:30+01:00."
        raise click.UsageError(message) from None


def _the_safeguard(connection: Connection, organization_word: str | None, word: str) -> Safeguard:
    organization = find_organization(connection, organization_word)
    list_page = safeguards.list_safeguards(connection, organization.id, now())
    matching = [s for s in list_page if word in (s.id, s.name)]
    if not matching:
        raise click.ClickException(f"There is no safeguard {word!r}; `safeguard list` shows them.")
    if len(matching) > 1:
        raise click.UsageError(f"There are {len(matching)} of that name: name it by its id.")
    return matching[0]
