"""`subscription messages`, `test`, `send`, `secret`, `pause`, `resume`: how a target does."""

import time
from collections.abc import Callable

import click

from chaoscloud.console.cli._operator import (
    Console,
    as_option,
    command_that_reads,
    command_that_writes,
    now,
    open_database,
    organization_option,
    with_database_options,
)
from chaoscloud.console.cli._output import moment, one_line, table
from chaoscloud.console.cli._subscription import find_subscription
from chaoscloud.console.cli.subscription import subscription
from chaoscloud.console.db import Database
from chaoscloud.console.messages import outbox
from chaoscloud.console.messages.targets import TARGETS
from chaoscloud.console.records import subscriptions
from chaoscloud.console.records.audit import Actor

__all__ = ["subscription"]

PATIENCE = 20.0  # seconds to wait for the running console to send a message
BETWEEN = 0.1  # seconds between two looks


@subscription.command("messages")
@click.argument("name")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most."
)
@organization_option
@command_that_reads
def list_messages(console: Console, name: str, limit: int, organization_word: str | None) -> None:
    """List the last messages of the subscription of this NAME or id, and what came of each."""
    target = find_subscription(console, organization_word, name)
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


@subscription.command("resume")
@click.argument("name")
@organization_option
@command_that_writes
def resume_subscription(console: Console, name: str, organization_word: str | None) -> None:
    """Send again to the target of the subscription of this NAME or id, which was paused."""
    target = find_subscription(console, organization_word, name)
    if target.paused_at is None:
        console.say(f"'{target.name}' is not paused.")
        return
    subscriptions.resume(console.connection, target, console.now, Actor(operator=console.operator))
    console.say(f"Resumed '{target.name}'.")


@subscription.command("pause")
@click.argument("name")
@organization_option
@command_that_writes
def pause_subscription(console: Console, name: str, organization_word: str | None) -> None:
    """Send nothing to the target of the subscription of this NAME or id until it is resumed."""
    target = find_subscription(console, organization_word, name)
    if target.paused_at is not None:
        console.say(f"'{target.name}' is paused already.")
        return
    subscriptions.pause(console.connection, target, console.now, Actor(operator=console.operator))
    console.say(f"Paused '{target.name}'.")


@subscription.command("secret")
@click.argument("name")
@organization_option
@command_that_writes
def renew_secret(console: Console, name: str, organization_word: str | None) -> None:
    """Renew what the messages of this NAME or id are signed with; both are valid for a day."""
    target = find_subscription(console, organization_word, name)
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

    def add(console: Console) -> tuple[str, int]:
        target = find_subscription(console, organization_word, name)
        return target.id, outbox.add_test(console.connection, target, console.now)

    with open_database(data, database) as opened:
        _write_and_wait(opened, operator, add)


@subscription.command("send")
@click.argument("name")
@click.argument("number", type=click.IntRange(1))
@organization_option
@as_option
@with_database_options
def send_again(
    name: str,
    number: int,
    organization_word: str | None,
    operator: str,
    data: str | None,
    database: str | None,
) -> None:
    """Let the running console send a message again that has failed, by its NUMBER in `messages`."""

    def write(console: Console) -> tuple[str, int]:
        target = find_subscription(console, organization_word, name)
        if target.paused_at is not None:
            raise click.ClickException(f"'{target.name}' is paused: resume it first.")
        if not outbox.send_again(console.connection, target, number, console.now):
            raise click.ClickException(f"'{target.name}' has no message {number} that has failed.")
        return target.id, number

    with open_database(data, database) as opened:
        _write_and_wait(opened, operator, write)


def _write_and_wait(
    opened: Database, operator: str, write: Callable[[Console], tuple[str, int]]
) -> None:
    """Write a message and print what came of it, once the running console has sent it."""
    job = opened.write(lambda connection: write(Console(connection, now(), operator)))
    subscription_id, seq = job.result()
    ends_at = time.monotonic() + PATIENCE
    while time.monotonic() < ends_at:
        with opened.read() as connection:
            row = outbox.find_message(connection, subscription_id, seq)
        if row is not None and (row.state != outbox.PENDING or row.attempts):
            _report(row)
            return
        time.sleep(BETWEEN)
    raise click.ClickException("Nothing came of it yet: is the console running?")


def _report(row: outbox.MessageRow) -> None:
    if row.state != outbox.SENT:
        raise click.ClickException(f"Not sent: {one_line(row.answer or 'no answer')}.")
    click.echo(f"Sent: {one_line(row.answer or '')}.")
