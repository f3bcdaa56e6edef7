"""`safeguard`: every kind of safeguard, set and looked after on the command line."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import msgspec
from sqlalchemy import Connection

from chaoscloud.console.cli._operator import (
    change,
    duration,
    look,
    moment,
    now,
    on_the_console,
    one_line,
    organization_option,
    table,
    the_organization,
    the_team,
)
from chaoscloud.console.records import safeguard_states, safeguards, secrets, teams
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.rules.verdict import KINDS, Run, Safeguard, in_force, settings, verdict

Command = Callable[..., Any]

_team_option = click.option(
    "--team", "team_word", metavar="NAME", help="The team it is about, by name or id."
)
_tag_option = click.option(
    "--tag", "tags", metavar="TAG", multiple=True, help="A tag of experiments; may be repeated."
)


def _somewhere(command: Command) -> Command:
    """Give a command the options that say where it works."""
    return organization_option(_team_option(on_the_console(command)))


@click.group()
def safeguard() -> None:
    """Safeguards, which say whether experiments may run."""


@safeguard.command("add")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("name")
@click.option("--reason", required=True, help="Why; shown to everybody whose run is stopped.")
@click.option(
    "--settings",
    "written",
    metavar="JSON",
    default="{}",
    help="What the kind needs, such as '{\"most\": 2}' for limit.",
)
@click.option(
    "--for", "lasting", type=duration, metavar="TIME", help="Until when, such as 30m, 2h or 1d."
)
@_tag_option
@_somewhere
def add(
    kind: str,
    name: str,
    reason: str,
    written: str,
    lasting: timedelta | None,
    tags: tuple[str, ...],
    organization_word: str | None,
    team_word: str | None,
    data: str | None,
    database: str | None,
) -> None:
    """Set a safeguard of a KIND: for a team with --team, else for the whole organization."""
    kept, name, reason = _settings(kind, written), _words(name, "NAME"), _words(reason, "--reason")

    def set_it(connection: Connection) -> list[str]:
        house, at = the_organization(connection, organization_word), now()
        made = safeguards.set_up(
            connection,
            house.id,
            the_team(connection, house, team_word).id if team_word else None,
            kind,
            name,
            at,
            reason=reason,
            settings=kept,
            tags=tags,
            expires_at=at + lasting if lasting else None,
        )
        said = [f"Set safeguard '{made.name}' with id {made.id}."]
        if kind == "alert":
            said.append(f"Address for alerts: /api/v1/alerts/{made.id}")
            said.append(f"Its secret (shown once): {secrets.given_to(connection, made.id)}")
        return said

    for line in change(data, database, set_it):
        click.echo(line)


@safeguard.command("list")
@_somewhere
def list_safeguards(
    organization_word: str | None, team_word: str | None, data: str | None, database: str | None
) -> None:
    """List the safeguards, and what each says right now."""

    def rows(connection: Connection) -> list[tuple[str, ...]]:
        house, at = the_organization(connection, organization_word), now()
        team_id = the_team(connection, house, team_word).id if team_word else None
        names = {each.id: each.name for each in teams.of_organization(connection, house.id)}
        facts = safeguard_states.facts(connection, house.id)
        return [
            (
                each.name,
                each.kind,
                names.get(each.team_id or "", "every team"),
                ", ".join(each.tags) or "-",
                _standing(each, verdict([_bare(each)], at, None, facts).allowed, at),
                moment(each.expires_at),
                each.id,
            )
            for each in safeguards.listed(connection, house.id, at)
            if team_id is None or each.team_id in (None, team_id)
        ]

    heads = ("NAME", "KIND", "FOR", "TAGS", "SAYS", "UNTIL", "ID")
    table(heads, look(data, database, rows))


def _bare(each: Safeguard) -> Safeguard:
    return msgspec.structs.replace(each, tags=())


def _standing(each: Safeguard, allowed: bool, at: datetime) -> str:
    if not in_force(each, at):
        return "switched off"
    if each.kind == "tags":
        return "by tags"
    return "go on" if allowed else "stop"


def _switch(word: str, on: bool) -> None:
    @safeguard.command(word, help=f"Switch the safeguard of this name or id {word}.")
    @click.argument("name")
    @organization_option
    @on_the_console
    def switch(
        name: str, organization_word: str | None, data: str | None, database: str | None
    ) -> None:
        def turn(connection: Connection) -> str:
            found = _the_safeguard(connection, organization_word, name)
            safeguards.change(connection, found, now(), enabled=on)
            return f"Switched {word}: '{found.name}'."

        click.echo(change(data, database, turn))


_switch("on", True)
_switch("off", False)


@safeguard.command("remove")
@click.argument("name")
@organization_option
@on_the_console
def remove(
    name: str, organization_word: str | None, data: str | None, database: str | None
) -> None:
    """Take away the safeguard of this NAME or id."""

    def take_away(connection: Connection) -> str:
        found = _the_safeguard(connection, organization_word, name)
        safeguards.take_away(connection, found, now())
        return f"Removed safeguard '{found.name}'."

    click.echo(change(data, database, take_away))


@safeguard.command("simulate")
@click.option("--at", "written", metavar="TIME", help="When, such as 2026-03-02T09:30+01:00.")
@_tag_option
@_somewhere
def simulate(
    written: str | None,
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
    team, at = team_word, _moment(written)

    def would(connection: Connection) -> list[str]:
        house = the_organization(connection, organization_word)
        found = safeguards.in_force(connection, house.id, the_team(connection, house, team).id)
        facts = safeguard_states.facts(connection, house.id)
        said = verdict(found, at, Run(None, tags), facts)
        if said.allowed:
            return [f"Allowed at {moment(at)}."]
        return [f"Not allowed at {moment(at)}:"] + [
            f"  {one_line(each.name)}: {one_line(each.reason)}"
            + (f", until {moment(each.until)}" if each.until else "")
            for each in said.policies
        ]

    for line in look(data, database, would):
        click.echo(line)


def _settings(kind: str, written: str) -> str:
    try:
        return settings.read(kind, written.encode("utf-8", "replace"))
    except msgspec.DecodeError as error:
        raise click.UsageError(f"--settings of {kind}: {error}") from error


def _words(said: str, what: str) -> str:
    said = " ".join(one_line(said).split())
    if not said:
        raise click.UsageError(f"{what} is what people read when they are stopped; write one.")
    return said


def _moment(written: str | None) -> datetime:
    if written is None:
        return now()
    try:
        at = datetime.fromisoformat(written)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        said = f"--at: {written!r} is not a time; write 2026-03-02T09:30+01:00."
        raise click.UsageError(said) from None


def _the_safeguard(connection: Connection, organization_word: str | None, word: str) -> Safeguard:
    house: Organization = the_organization(connection, organization_word)
    there = safeguards.listed(connection, house.id, now())
    found = [each for each in there if word in (each.id, each.name)]
    if not found:
        raise click.ClickException(f"There is no safeguard {word!r}; `safeguard list` shows them.")
    if len(found) > 1:
        raise click.UsageError(f"There are {len(found)} of that name: name it by its id.")
    return found[0]
