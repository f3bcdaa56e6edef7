"""`retention`: for how long an organization keeps events and journals, and what it holds."""

import click

from chaoscloud.console.cli._lookup import find_organization
from chaoscloud.console.cli._operator import (
    Console,
    command_that_reads,
    command_that_writes,
    now,
    organization_option,
    read_config,
    with_database_options,
)
from chaoscloud.console.cli._output import moment, table
from chaoscloud.console.db.engines import compact_database, create_engines, find_file
from chaoscloud.console.db.lock import lock_database
from chaoscloud.console.records import removals
from chaoscloud.console.records import retention as records
from chaoscloud.console.records.audit import Actor
from chaoscloud.console.records.retention import (
    FEWEST_DAYS,
    LONGEST_REASON,
    MOST_DAYS,
    NoSuchExecution,
    Retention,
)

FOR_EVER = "forever"


def _parse_days(
    context: click.Context, parameter: click.Parameter, typed: str | None
) -> int | str | None:
    """A number of days, or `forever`."""
    if typed is None or typed == FOR_EVER:
        return typed
    if typed.isascii() and typed.isdigit() and FEWEST_DAYS <= int(typed) <= MOST_DAYS:
        return int(typed)
    raise click.BadParameter(
        f"{typed!r} is neither {FOR_EVER!r} nor {FEWEST_DAYS} to {MOST_DAYS} days."
    )


@click.group()
def retention() -> None:
    """For how long an organization keeps events and journals."""


@retention.command("show")
@organization_option
@command_that_reads
def show_retention(console: Console, organization_word: str | None) -> None:
    """Show what is kept, what is held, and what would be removed now."""
    connection = console.connection
    organization = find_organization(connection, organization_word)
    choice = records.read_retention(connection, organization.id)
    click.echo(f"{organization.name} keeps {records.describe_retention(choice)}.")
    if choice.is_set:
        due = removals.preview(connection, organization.id, choice, console.now)
        click.echo(f"To be removed now: {due.describe()}.")
    holds = records.list_holds(connection, organization.id)
    if holds:
        rows = [
            (
                f"tag {hold.tag}" if hold.tag is not None else f"execution {hold.execution_id}",
                hold.reason or "-",
                hold.person_name or "-",
                moment(hold.created_at),
                hold.id,
            )
            for hold in holds
        ]
        table(("HELD", "WHY", "BY", "SINCE", "ID"), rows)


@retention.command("set")
@organization_option
@click.option("--events", metavar="DAYS", callback=_parse_days, help="Keep events so many days.")
@click.option(
    "--journals", metavar="DAYS", callback=_parse_days, help="Keep journals so many days."
)
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be removed.")
@command_that_writes
def set_retention(
    console: Console,
    organization_word: str | None,
    events: int | str | None,
    journals: int | str | None,
    dry_run: bool,
) -> None:
    """Keep events and journals for so many days after a run began, or `forever`.

    Outcomes, results of verifications and the audit log stay for ever. A running console removes
    what is due within ten minutes, in small steps.
    """
    if events is None and journals is None:
        raise click.UsageError("Say --events DAYS, --journals DAYS, or both.")
    connection = console.connection
    organization = find_organization(connection, organization_word)
    before = records.read_retention(connection, organization.id)
    choice = Retention(_choose(events, before.event_days), _choose(journals, before.journal_days))
    due = removals.preview(connection, organization.id, choice, console.now)
    if dry_run:
        console.say(f"Nothing is changed. {records.describe_retention(choice).capitalize()} would")
        console.say(f"remove {due.describe()} now.")
        return
    records.set_retention(connection, organization.id, choice, _actor(console), console.now)
    console.say(f"{organization.name} keeps {records.describe_retention(choice)}.")
    console.say(f"To be removed now: {due.describe()}.")


def _choose(option: int | str | None, before: int | None) -> int | None:
    if option is None:
        return before
    return None if option == FOR_EVER else int(option)


@retention.command("hold")
@organization_option
@click.option("--tag", metavar="TAG", help="Every run with this tag.")
@click.option("--execution", "execution_id", metavar="ID", help="This run.")
@click.option("--reason", default="", help="Why, for whoever looks later.")
@command_that_writes
def hold_runs(
    console: Console,
    organization_word: str | None,
    tag: str | None,
    execution_id: str | None,
    reason: str,
) -> None:
    """Remove nothing of the runs with a tag, or of one run, however old."""
    if (tag is None) == (execution_id is None):
        raise click.UsageError("Say --tag TAG or --execution ID: one of the two.")
    connection = console.connection
    organization = find_organization(connection, organization_word)
    try:
        hold_id = records.add_hold(
            connection,
            organization.id,
            _actor(console),
            console.now,
            tag=tag,
            execution_id=execution_id,
            reason=" ".join(reason.split())[:LONGEST_REASON],
        )
    except NoSuchExecution:
        raise click.ClickException(
            f"Organization {organization.name!r} has no execution {execution_id!r}."
        ) from None
    console.say(f"Held. To end it: chaosiq-console retention release {hold_id}")


@retention.command("release")
@click.argument("hold")
@organization_option
@command_that_writes
def release_hold(console: Console, hold: str, organization_word: str | None) -> None:
    """End a HOLD, by its id."""
    organization = find_organization(console.connection, organization_word)
    if not records.remove_hold(
        console.connection, organization.id, hold, _actor(console), console.now
    ):
        raise click.ClickException(
            f"There is no hold {hold!r}: `chaosiq-console retention show` lists them."
        )
    console.say("Released: it is kept as long as everything else.")


def _actor(console: Console) -> Actor:
    return Actor(operator=console.operator)


@click.command()
@with_database_options
def compact(data: str | None, database: str | None) -> None:
    """Write a SQLite database anew, without the room of what was removed; stop the console first.

    A database that version 1.1 or later made gives room back by itself, beside its work. This one
    is for older databases, once: from then on they do, too. It needs as much free room as the data.
    """
    config = read_config(data, database)
    file = find_file(config.database_url)
    if file is None:
        raise click.ClickException(
            "This console keeps its data in PostgreSQL, which uses the room again by itself;"
            " to give it back to the disk: `VACUUM FULL events, executions`."
        )
    if not file.exists():
        raise click.ClickException(f"There is no database {file}.")
    with lock_database(file):
        before = file.stat().st_size
        engines = create_engines(config.database_url)
        try:
            compact_database(engines)
        finally:
            engines.dispose()
        after = file.stat().st_size
    click.echo(f"{file}: {before:,} bytes before, {after:,} now ({now():%Y-%m-%d %H:%M} UTC).")
