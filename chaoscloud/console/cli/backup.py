"""`backup` and `restore`: a copy of all that the console keeps, and the way back."""

from pathlib import Path

import click

from chaoscloud.console.cli._operator import (
    find_database_file,
    now,
    read_config,
    with_database_options,
)
from chaoscloud.console.db.backup import back_up
from chaoscloud.console.db.backup import restore as restore_backup
from chaoscloud.console.db.engines import find_file

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@with_database_options
def backup(file: Path, data: str | None, database: str | None) -> None:
    """Copy all that the console keeps into FILE, while it runs.

    FILE is readable by you alone: journals are in it. A PostgreSQL database is copied with pg_dump.
    """
    source = find_database_file(data, database)
    if source is None:
        raise click.ClickException(
            "This console keeps its data in PostgreSQL: copy it with"
            f" `pg_dump --format=custom --file={file}`."
        )
    back_up(source, file)
    click.echo(f"Backed up {source} to {file} ({file.stat().st_size:,} bytes).")


@click.command()
@click.argument("file", type=_FILE)
@with_database_options
def restore(file: Path, data: str | None, database: str | None) -> None:
    """Put the backup FILE in the place of the console's database; the console must not run.

    What was there is kept beside it. A PostgreSQL database is restored with pg_restore.
    """
    config = read_config(data, database)
    target = find_file(config.database_url)
    if target is None:
        raise click.ClickException(
            "This console keeps its data in PostgreSQL: stop it, and restore with"
            f" `pg_restore --clean --if-exists --dbname=NAME {file}`."
        )
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    earlier = restore_backup(file, target, now())
    click.echo(f"Restored {target} from {file}.")
    if earlier:
        click.echo(f"What was there before lies in {earlier}.")
