"""`safeguard`: every kind of safeguard, set and looked after on the command line."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import msgspec

from chaoscloud.console.cli._lookup import find_organization, find_team
from chaoscloud.console.cli._operator import (
    Console,
    command_that_reads,
    command_that_writes,
    duration,
    organization_option,
    reason_of,
)
from chaoscloud.console.cli._output import moment, one_line, table
from chaoscloud.console.records import safeguard_states, safeguards, teams
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
    return organization_option(_team_option(command))


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
@_scope_options
@command_that_writes
def add_safeguard(
    console: Console,
    kind: str,
    name: str,
    reason: str,
    settings_json: str,
    lasting: timedelta | None,
    tags: tuple[str, ...],
    organization_word: str | None,
    team_word: str | None,
) -> None:
    """Set a safeguard of a kind: for a team with --team, else for the whole organization."""
    connection = console.connection
    organization = find_organization(connection, organization_word)
    added = safeguards.create(
        connection,
        organization.id,
        find_team(connection, organization, team_word).id if team_word else None,
        kind,
        reason_of(name, "NAME"),
        console.now,
        reason=reason_of(reason, "--reason"),
        settings=_parse_settings(kind, settings_json),
        tags=tags,
        expires_at=console.now + lasting if lasting else None,
        operator=console.operator,
    )
    console.say(f"Set safeguard '{added.name}' with id {added.id}.")
    if KINDS[kind].has_secret:
        console.say(f"Address for alerts: /api/v1/alerts/{added.id}")
        console.say(f"Its secret (shown once): {safeguards.renew_secret(connection, added.id)}")


@safeguard.command("list")
@_scope_options
@command_that_reads
def list_safeguards(console: Console, organization_word: str | None, team_word: str | None) -> None:
    """List the safeguards, and what each decides right now."""
    connection = console.connection
    organization = find_organization(connection, organization_word)
    team_id = find_team(connection, organization, team_word).id if team_word else None
    of_organization = teams.of_organization(connection, organization.id)
    names = {team.id: team.name for team in of_organization}
    of_scope = [
        safeguard
        for safeguard in safeguards.list_safeguards(connection, organization.id, console.now)
        if team_id is None or safeguard.team_id in (None, team_id)
    ]
    statuses = describe_safeguards(connection, of_scope, console.now)
    heads = ("NAME", "KIND", "FOR", "TAGS", "NOW", "UNTIL", "SET BY", "ID")
    table(heads, [_row(status, names) for status in statuses])


def _row(status: SafeguardStatus, team_names: dict[str, str]) -> tuple[str, ...]:
    safeguard = status.safeguard
    return (
        safeguard.name,
        safeguard.kind,
        team_names.get(safeguard.team_id or "", "every team"),
        ", ".join(safeguard.tags) or "-",
        f"{status.state}, {status.usage}" if status.usage else status.state,
        moment(safeguard.expires_at),
        status.author or "operator",
        safeguard.id,
    )


def _add_switch(word: str, on: bool) -> None:
    @safeguard.command(word, help=f"Switch the safeguard of this name or id {word}.")
    @click.argument("name")
    @organization_option
    @command_that_writes
    def switch(console: Console, name: str, organization_word: str | None) -> None:
        target = _find_safeguard(console, organization_word, name)
        safeguards.change(
            console.connection, target, console.now, enabled=on, operator=console.operator
        )
        console.say(f"Switched {word}: '{target.name}'.")


_add_switch("on", True)
_add_switch("off", False)


@safeguard.command("remove")
@click.argument("name")
@organization_option
@command_that_writes
def remove_safeguard(console: Console, name: str, organization_word: str | None) -> None:
    """Remove the safeguard of this NAME or id."""
    target = _find_safeguard(console, organization_word, name)
    safeguards.remove(console.connection, target, console.now, operator=console.operator)
    console.say(f"Removed safeguard '{target.name}'.")


@safeguard.command("simulate")
@click.option("--at", "at_text", metavar="TIME", help="When, such as 2026-03-02T09:30+01:00.")
@_tag_option
@_scope_options
@command_that_reads
def simulate(
    console: Console,
    at_text: str | None,
    tags: tuple[str, ...],
    organization_word: str | None,
    team_word: str | None,
) -> None:
    """Say whether a run of --team with these tags would be allowed, now or at another time.

    Webhooks are not asked for this: what they answered last counts.
    """
    if team_word is None:
        raise click.UsageError("Say whose run with --team.")
    connection, at = console.connection, _parse_time(at_text, console.now)
    organization = find_organization(connection, organization_word)
    team = find_team(connection, organization, team_word)
    in_force = safeguards.in_force(connection, organization.id, team.id)
    facts = safeguard_states.read_facts(connection, organization.id, console.now)
    decision = decide(in_force, at, Run(None, tags), facts)
    click.echo(f"Allowed at {moment(at)}." if decision.allowed else f"Denied at {moment(at)}:")
    for policy in decision.policies:
        until = f", until {moment(policy.until)}" if policy.until else ""
        click.echo(f"  {one_line(policy.name)}: {one_line(policy.reason)}{until}")


def _parse_settings(kind: str, text: str) -> str:
    try:
        return parse_settings(kind, text.encode("utf-8", "replace"))
    except msgspec.DecodeError as error:
        raise click.UsageError(f"--settings of {kind}: {error}") from error


def _parse_time(text: str | None, now: datetime) -> datetime:
    if text is None:
        return now
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        message = f"--at: {text!r} is not a time; write 2026-03-02T09:30+01:00."
        raise click.UsageError(message) from None


def _find_safeguard(console: Console, organization_word: str | None, word: str) -> Safeguard:
    organization = find_organization(console.connection, organization_word)
    every = safeguards.list_safeguards(console.connection, organization.id, console.now)
    matching = [safeguard for safeguard in every if word in (safeguard.id, safeguard.name)]
    if not matching:
        raise click.ClickException(f"There is no safeguard {word!r}; `safeguard list` shows them.")
    if len(matching) > 1:
        raise click.UsageError(f"There are {len(matching)} of that name: name it by its id.")
    return matching[0]
