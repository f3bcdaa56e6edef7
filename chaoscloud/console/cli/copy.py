"""`copy`: everything that a console keeps, into another database."""

from contextlib import AbstractContextManager, ExitStack, nullcontext

import click

from chaoscloud.console.cli._operator import (
    find_database_file,
    read_config,
    with_database_options,
)
from chaoscloud.console.db.copying import TableCopy, copy_all
from chaoscloud.console.db.engines import create_engines, find_file
from chaoscloud.console.db.failures import CannotOpen
from chaoscloud.console.db.lock import lock_database


@click.command()
@click.option(
    "--to",
    "target_url",
    metavar="URL",
    required=True,
    help="Where to: postgresql://user@host/name, or sqlite:////path/to/file; nothing may be there.",
)
@click.option("--restart", is_flag=True, help="Begin an unfinished copy anew.")
@with_database_options
def copy(target_url: str, restart: bool, data: str | None, database: str | None) -> None:
    """Copy everything into another database, from SQLite to PostgreSQL or back.

    Stop the console first: what is written meanwhile would be missing, and the copy would say so.
    Every table is counted and compared on both sides. A copy that was interrupted goes on where it
    was when the same command is run again. Then start the console with --database URL.
    """
    find_database_file(data, database)
    source_url = read_config(data, database).database_url

    def report(copied: TableCopy) -> None:
        click.echo(f"{copied.name:24} {copied.rows:>13,} rows  {copied.checksum}")

    with ExitStack() as stack:
        for url in (source_url, target_url):
            stack.enter_context(_lock(url, may_be_empty=url == target_url))
        source, target = create_engines(source_url), create_engines(target_url)
        stack.callback(source.dispose)
        stack.callback(target.dispose)
        name = source.writer.url.set(query={}).render_as_string(hide_password=True)
        if name == target.writer.url.set(query={}).render_as_string(hide_password=True):
            raise CannotOpen("a database cannot be copied into itself")
        copied = copy_all(source, target, name, report, restart=restart)
    total = sum(one.rows for one in copied)
    click.echo(f"Copied {total:,} rows of {len(copied)} tables; both sides are equal.")


def _lock(url: str, *, may_be_empty: bool) -> AbstractContextManager[None]:
    file = find_file(url)
    return lock_database(file, may_be_empty=may_be_empty) if file else nullcontext()
