"""From an older schema to this one, by Alembic, applied when a database is opened.

A new database is made from `schema.py` at once, and an up-to-date one is recognized by one query:
Alembic itself is imported only when there is a migration to apply.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, func, inspect, select
from sqlalchemy.exc import DBAPIError

from chaoscloud.console.db.engines import Engines, begin_migration, copy_database
from chaoscloud.console.db.failures import CannotOpen, describe_error
from chaoscloud.console.db.schema import metadata

# The last revision in VERSIONS; the one that `schema.py` describes.
NEWEST = "m0015_partial_indexes"
UNFINISHED_COPY = "unfinished_copy"  # a table that is there as long as something is copied
BASELINE = "m0001_baseline"
VERSIONS = Path(__file__).with_name("versions")

alembic_version = Table(  # Alembic's own table, as it makes it
    "alembic_version", MetaData(), Column("version_num", String(32), primary_key=True)
)
_numbers = Table(  # what 1.0.0 counted its schemas in, before Alembic
    "schema_versions", MetaData(), Column("number", Integer, primary_key=True)
)
_BASELINE_NUMBER = 4  # of the schema that 1.0.0 made


def migrate(engines: Engines, newest: str = NEWEST, versions: Path = VERSIONS) -> None:
    """Bring the database to the newest schema, and make the tables of a new one.

    A SQLite database is copied beside itself before it is changed. Raises `CannotOpen` when the
    database is not a console's, is damaged, or was made by a newer console; nothing is changed
    then.
    """
    with _explain(engines):
        with engines.reader.connect() as connection:
            revision = _find_revision(connection)
        if revision == newest:
            return
        if revision is not None:
            _check_revision(revision, versions)
            copy_database(engines, f"before-{newest}")
        with begin_migration(engines) as connection:
            # Asked again under the lock: another process may have been faster.
            revision = _find_revision(connection)
            if revision is None:
                metadata.create_all(connection)
                _set_revision(connection, newest)
            elif revision != newest:
                _upgrade(connection, revision, newest, versions)


def check_schema(engines: Engines) -> None:
    """Raise `CannotOpen` unless this console can work with the schema, or bring it forward."""
    with _explain(engines), engines.reader.connect() as connection:
        revision = _find_revision(connection)
        if revision is None:
            raise CannotOpen("no console made it")
        _check_revision(revision, VERSIONS)


@contextmanager
def _explain(engines: Engines) -> Iterator[None]:
    """Name the database in what is raised, without its query, which may hold a password too."""
    name = engines.file or engines.writer.url.set(query={}).render_as_string(hide_password=True)
    try:
        yield
    except DBAPIError as error:
        raise CannotOpen(f"cannot use the database {name}: {describe_error(error)}") from error
    except CannotOpen as error:
        raise CannotOpen(f"cannot use the database {name}: {error}") from error


def _find_revision(connection: Connection) -> str | None:
    """The revision of the database's schema; None when no table of ours is in it."""
    tables = set(inspect(connection).get_table_names())
    if UNFINISHED_COPY in tables:
        raise CannotOpen(
            "a copy into it is not finished: run the same `chaosiq-console copy` again"
        )
    if alembic_version.name in tables:
        return connection.scalar(select(alembic_version.c.version_num))
    if _numbers.name in tables:
        return _find_baseline(connection)
    foreign = sorted(tables & set(metadata.tables))
    if foreign:
        raise CannotOpen(f"its table {foreign[0]!r} was not made by a console")
    return None


def _find_baseline(connection: Connection) -> str:
    """The revision of a database that has none written down, for 1.0.0 knew no Alembic."""
    number = connection.scalar(select(func.max(_numbers.c.number)))
    if number == _BASELINE_NUMBER:
        return BASELINE
    raise CannotOpen(
        f"it has schema number {number}, which no released console made;"
        f" version 1.0.0 of chaosiq-cloud brings an earlier one to {_BASELINE_NUMBER}"
    )


def _set_revision(connection: Connection, revision: str) -> None:
    """Write down the revision where Alembic looks for it."""
    alembic_version.create(connection, checkfirst=True)
    connection.execute(alembic_version.delete())
    connection.execute(alembic_version.insert().values(version_num=revision))


def _check_revision(revision: str, versions: Path) -> None:
    if not (versions / f"{revision}.py").exists():
        raise CannotOpen(
            f"its schema {revision!r} is not known to this console;"
            " install the newer chaosiq-cloud again"
        )


def _upgrade(connection: Connection, revision: str, newest: str, versions: Path) -> None:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(versions.parent, version_locations=[versions])
    with Operations.context(MigrationContext.configure(connection)):
        for script in reversed(list(scripts.iterate_revisions(newest, revision))):
            script.module.upgrade()
    _numbers.drop(connection, checkfirst=True)
    _set_revision(connection, newest)
