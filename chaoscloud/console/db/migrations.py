"""From an older schema to this one: an ordered list of functions, applied at start.

A new database is made from `schema.py` at once. The function at index n of `MIGRATIONS` leads from
version n + 1 to version n + 2; functions are only ever appended, and each stands on its own words
(never on `schema.py`, which moves on).
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy import Column, Connection, Integer, MetaData, Table, func, inspect, select
from sqlalchemy.exc import DBAPIError

from chaoscloud.console.db.engines import Engines, copy_aside, explained, one_at_a_time
from chaoscloud.console.db.failures import CannotOpen
from chaoscloud.console.db.schema import Moment, metadata

Migration = Callable[[Connection], None]


def _safeguards_of_every_kind(connection: Connection) -> None:
    """More about safeguards, what was heard of them, and what is kept in memory."""
    for table, column in (
        ("organizations", "safeguards_required BOOLEAN NOT NULL DEFAULT FALSE"),
        ("executions", "stop TEXT"),
        ("safeguards", "tags TEXT NOT NULL DEFAULT '[]'"),
        ("safeguards", "execution_id VARCHAR(36)"),
        ("safeguards", "decided_at TIMESTAMP WITH TIME ZONE"),
        ("safeguards", "updated_at TIMESTAMP WITH TIME ZONE"),
        ("safeguards", "secret VARCHAR(64)"),
    ):
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column}")
    connection.exec_driver_sql(
        "CREATE TABLE safeguard_states ("
        " safeguard_id VARCHAR(36) PRIMARY KEY REFERENCES safeguards (id) ON DELETE CASCADE,"
        " state TEXT NOT NULL, changed_at TIMESTAMP WITH TIME ZONE NOT NULL)"
    )
    connection.exec_driver_sql(
        "CREATE TABLE revisions (name VARCHAR(16) PRIMARY KEY, number BIGINT NOT NULL)"
    )


def _executions_found_by_tag_and_person(connection: Connection) -> None:
    """Lists of executions that look for something rare read an index instead of every row."""
    tags = ", tags" if connection.dialect.name == "sqlite" else ""
    for name, columns in (
        ("executions_by_team", "team_id, started_at, id"),
        ("executions_by_status", "team_id, status, started_at, id"),
        ("executions_by_person", "team_id, person_id, started_at, id"),
    ):
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")
        connection.exec_driver_sql(f"CREATE INDEX {name} ON executions ({columns}{tags})")


def _events_in_sequence(connection: Connection) -> None:
    """Which event of its execution each is, so that a gap can be seen."""
    connection.exec_driver_sql("ALTER TABLE events ADD COLUMN sequence INTEGER")


MIGRATIONS: Sequence[Migration] = (
    _safeguards_of_every_kind,
    _executions_found_by_tag_and_person,
    _events_in_sequence,
)

schema_versions = Table(
    "schema_versions",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("applied_at", Moment, nullable=False),
)


def migrate(engines: Engines, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Bring the database forward; give the version it has now.

    A SQLite database that has something in it is copied aside first. Raises `CannotOpen` when the
    database is not the console's, is damaged, or was made by a newer console; it is then as it was.
    """
    # Without its query, which may hold a password too.
    name = engines.file or engines.writer.url.set(query={}).render_as_string(hide_password=True)
    try:
        with engines.reader.connect() as connection:
            before = _version(connection)
        if engines.file and 0 < before < _newest(migrations):
            copy_aside(engines.writer, engines.file, before)
        with engines.writer.begin() as connection:
            one_at_a_time(connection)
            # Asked again under the lock: another process may have been faster.
            return _bring_forward(connection, _version(connection), migrations)
    except DBAPIError as error:
        raise CannotOpen(explained(name, error)) from error
    except CannotOpen as error:
        raise CannotOpen(f"cannot use the database {name}: {error}") from error


def _newest(migrations: Sequence[Migration]) -> int:
    return 1 + len(migrations)


def _version(connection: Connection) -> int:
    """The version the database has; 0 when nothing of ours is in it."""
    tables = set(inspect(connection).get_table_names())
    if schema_versions.name in tables:
        return connection.scalar(select(func.max(schema_versions.c.number))) or 0
    strangers = sorted(tables & set(metadata.tables))
    if strangers:
        raise CannotOpen(f"its table {strangers[0]!r} was not made by a console")
    return 0


def _bring_forward(connection: Connection, version: int, migrations: Sequence[Migration]) -> int:
    newest = _newest(migrations)
    if version > newest:
        raise CannotOpen(
            f"it has schema version {version} and this console knows {newest};"
            " install the newer chaosiq-cloud again"
        )
    if version == 0:
        schema_versions.create(connection, checkfirst=True)
        metadata.create_all(connection)
        _record(connection, range(1, newest + 1))
        return newest
    for step in migrations[version - 1 :]:
        step(connection)
    _record(connection, range(version + 1, newest + 1))
    return newest


def _record(connection: Connection, numbers: range) -> None:
    now = datetime.now(UTC)
    for number in numbers:
        connection.execute(schema_versions.insert().values(number=number, applied_at=now))
