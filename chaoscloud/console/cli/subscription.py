"""`subscription`: who hears of what happens in the console, set up on the command line."""

import sys
import time
from collections.abc import Callable
from typing import Any

import click
import msgspec

from chaoscloud.console.cli._lookup import find_organization, find_team
from chaoscloud.console.cli._operator import (
    Console,
    as_option,
    command_that_reads,
    command_that_writes,
    name_of,
    now,
    open_database,
    organization_option,
    with_database_options,
)
from chaoscloud.console.cli._output import moment, one_line, table
from chaoscloud.console.messages import outbox
from chaoscloud.console.messages.settings import (
    choose_events,
    choose_outcomes,
    describe_target,
    parse_settings,
)
from chaoscloud.console.messages.subscriptions import Subscription
from chaoscloud.console.messages.targets import TARGETS
from chaoscloud.console.records import subscriptions, teams
from chaoscloud.console.records.audit import Actor

Command = Callable[..., Any]

PATIENCE = 20.0  # seconds that a test waits for the running console to send it
BETWEEN = 0.1  # seconds between two looks

_team_option = click.option(
    "--team", "team_word", metavar="NAME", help="The team it is about, by name or id."
)


def _check_target(context: click.Context, parameter: click.Parameter, name: str) -> str:
    if name not in TARGETS:
        raise click.BadParameter(f"{name!r} is no target; there are {', '.join(TARGETS)}.")
    return name


@click.group()
def subscription() -> None:
    """Messages to others: who hears of what happens, by webhook, chat, mail, Grafana."""


@subscription.command("add")
@click.argument("target", metavar=f"[{'|'.join(TARGETS)}]", callback=_check_target)
@click.argument("name")
@click.option(
    "--settings",
    "settings_json",
    metavar="JSON",
    required=True,
    help='What the target needs, such as \'{"url": "https://…"}\'; - reads it from standard'
    " input, where it stays out of the list of processes.",
)
@click.option(
    "--event",
    "events",
    metavar="EVENT",
    multiple=True,
    help="An event such as execution.finished; may be repeated.  [default: the usual ones]",
)
@click.option(
    "--tag", "tags", metavar="TAG", multiple=True, help="Only about what carries one of these tags."
)
@click.option(
    "--outcome",
    "outcomes",
    metavar="OUTCOME",
    multiple=True,
    help="Only ends with one of these outcomes, such as deviated.",
)
@click.option(
    "--experiment", "experiment_id", metavar="ID", help="Only executions of this experiment."
)
@organization_option
@_team_option
@command_that_writes
def add_subscription(
    console: Console,
    target: str,
    name: str,
    settings_json: str,
    events: tuple[str, ...],
    tags: tuple[str, ...],
    outcomes: tuple[str, ...],
    experiment_id: str | None,
    organization_word: str | None,
    team_word: str | None,
) -> None:
    """Subscribe: for a team with --team, else for the whole organization."""
    organization = find_organization(console.connection, organization_word)
    team = find_team(console.connection, organization, team_word) if team_word else None
    added = subscriptions.create(
        console.connection,
        organization.id,
        team.id if team else None,
        console.now,
        Actor(operator=console.operator),
        name=name_of(name),
        target=target,
        settings=_parse_settings(target, settings_json),
        events=_choose(choose_events, target, events),
        tags=tags,
        outcomes=_choose(choose_outcomes, target, outcomes),
        experiment_id=experiment_id,
    )
    console.say(f"Subscribed '{added.name}' with id {added.id}.")
    if added.secret:
        console.say(f"Its messages are signed with (shown once): {added.secret}")


@subscription.command("list")
@organization_option
@command_that_reads
def list_subscriptions(console: Console, organization_word: str | None) -> None:
    """List the subscriptions, and how their targets do."""
    organization = find_organization(console.connection, organization_word)
    of_organization = teams.of_organization(console.connection, organization.id)
    names = {team.id: team.name for team in of_organization}
    every = subscriptions.list_subscriptions(
        console.connection, organization.id, None, every_team=True
    )
    heads = ("NAME", "TARGET", "WHERE", "FOR", "EVENTS", "STATE", "ID")
    table(heads, [_row(each, names) for each in every])


def _row(each: Subscription, team_names: dict[str, str]) -> tuple[str, ...]:
    return (
        each.name,
        each.target,
        describe_target(each),
        team_names.get(each.team_id or "", "every team"),
        str(len(each.events)),
        _describe_state(each),
        each.id,
    )


def _describe_state(each: Subscription) -> str:
    if each.paused_at is not None:
        return f"paused: {each.pause_reason}"
    if each.failures:
        return f"failing, tried again at {moment(each.retry_at)}"
    return "ok"


@subscription.command("messages")
@click.argument("name")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most."
)
@organization_option
@command_that_reads
def list_messages(console: Console, name: str, limit: int, organization_word: str | None) -> None:
    """List the last messages of the subscription of this NAME or id, and what came of each."""
    target = _find_subscription(console, organization_word, name)
    rows = outbox.list_messages(console.connection, target.id, limit=limit)
    table(
        ("NUMBER", "WHEN", "EVENT", "STATE", "ATTEMPTS", "ANSWER"),
        [
            (
                str(row.seq),
                moment(row.created_at),
                row.type,
                row.state,
                str(row.attempts),
                row.answer or "-",
            )
            for row in rows
        ],
    )


@subscription.command("remove")
@click.argument("name")
@organization_option
@command_that_writes
def remove_subscription(console: Console, name: str, organization_word: str | None) -> None:
    """End the subscription of this NAME or id."""
    target = _find_subscription(console, organization_word, name)
    subscriptions.remove(console.connection, target, console.now, Actor(operator=console.operator))
    console.say(f"Ended subscription '{target.name}'.")


@subscription.command("resume")
@click.argument("name")
@organization_option
@command_that_writes
def resume_subscription(console: Console, name: str, organization_word: str | None) -> None:
    """Send again to the target of the subscription of this NAME or id, which was paused."""
    target = _find_subscription(console, organization_word, name)
    if target.paused_at is None:
        console.say(f"'{target.name}' is not paused.")
        return
    subscriptions.resume(console.connection, target, console.now, Actor(operator=console.operator))
    console.say(f"Resumed '{target.name}'.")


@subscription.command("secret")
@click.argument("name")
@organization_option
@command_that_writes
def renew_secret(console: Console, name: str, organization_word: str | None) -> None:
    """Renew what the messages of this NAME or id are signed with; both are valid for a day."""
    target = _find_subscription(console, organization_word, name)
    if not TARGETS[target.target].signs:
        raise click.ClickException(f"Messages to {target.target} are not signed.")
    actor = Actor(operator=console.operator)
    renewed = subscriptions.renew_secret(console.connection, target, console.now, actor)
    console.say(f"Its messages are signed with (shown once): {renewed.secret}")


@subscription.command("test")
@click.argument("name")
@organization_option
@as_option
@with_database_options
def send_test(
    name: str,
    organization_word: str | None,
    operator: str,
    data: str | None,
    database: str | None,
) -> None:
    """Let the running console send a test to the subscription of this NAME or id."""
    with open_database(data, database) as opened:

        def add(connection: Any) -> tuple[str, int]:
            console = Console(connection, now(), operator)
            target = _find_subscription(console, organization_word, name)
            return target.id, outbox.add_test(connection, target, console.now)

        subscription_id, seq = opened.write(add).result()
        ends_at = time.monotonic() + PATIENCE
        while time.monotonic() < ends_at:
            with opened.read() as connection:
                row = outbox.find_message(connection, subscription_id, seq)
            if row is not None and row.state != outbox.PENDING:
                _report(row)
                return
            time.sleep(BETWEEN)
    raise click.ClickException("Nothing came of it yet: is the console running?")


def _report(row: outbox.MessageRow) -> None:
    if row.state == outbox.FAILED:
        raise click.ClickException(f"Not sent: {one_line(row.answer or 'no answer')}.")
    click.echo(f"Sent: {one_line(row.answer or '')}.")


def _parse_settings(target: str, text: str) -> str:
    raw = sys.stdin.read() if text == "-" else text
    try:
        return parse_settings(target, raw.encode("utf-8", "replace"))
    except msgspec.MsgspecError as error:
        raise click.UsageError(f"--settings of {target}: {error}") from error


def _choose(
    choose: Callable[[str, tuple[str, ...]], tuple[str, ...]], target: str, wanted: tuple[str, ...]
) -> tuple[str, ...]:
    try:
        return choose(target, wanted)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error


def _find_subscription(console: Console, organization_word: str | None, word: str) -> Subscription:
    organization = find_organization(console.connection, organization_word)
    every = subscriptions.list_subscriptions(
        console.connection, organization.id, None, every_team=True
    )
    matching = [each for each in every if word in (each.id, each.name)]
    if not matching:
        raise click.ClickException(
            f"There is no subscription {word!r}; `subscription list` shows them."
        )
    if len(matching) > 1:
        raise click.UsageError(f"There are {len(matching)} of that name: name it by its id.")
    return matching[0]
