"""Many rows in one statement: what comes in crowds is written with one call of the driver.

The driver lets go of the interpreter for each row that it gets by itself, and on a busy console
waits for it to come round again. One statement with all the rows is several times as quick.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

AT_ONCE = 250  # rows; SQLite takes 32,766 values, PostgreSQL 65,535


class Insert(NamedTuple):
    """Rows to insert, but for those whose `unique` columns are there already.

    `columns` are the names of the table's columns, in the order of a row's values; `unique` is some
    of them, as SQL lists them.
    """

    table: Table
    columns: tuple[str, ...]
    unique: str

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> int:
        """Insert the rows; how many were new."""
        added = 0
        for start in range(0, len(rows), AT_ONCE):
            part = rows[start : start + AT_ONCE]
            statement = _write_statement(mark(connection), self, len(part))
            added += execute(connection, statement, tuple(chain.from_iterable(part))).rowcount
        return added


def insert_missing(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> int:
    """Insert the rows whose keys are not there yet; how many that were."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(table).on_conflict_do_nothing().returning(*table.primary_key.columns)
    # Counted by what comes back: for several rows at once PostgreSQL's driver does not say.
    return len(connection.execute(statement, list(rows)).all())


def mark(connection: Connection) -> str:
    """What stands for a value in the driver's statements."""
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


def execute(connection: Connection, statement: str, values: Sequence[Any] = ()) -> Any:
    """Run a statement through the driver alone; the cursor of what it gave.

    What SQLAlchemy does around a short statement takes ten times as long as the statement itself.
    Raises SQLAlchemy's errors.
    """
    driver: Any = connection.connection.driver_connection
    try:
        return driver.execute(statement, values)
    except _base_error(connection) as error:
        raise _convert_error(connection, statement, error) from error


def _base_error(connection: Connection) -> type[Exception]:
    """The base of the driver's errors (PEP 249)."""
    error: type[Exception] = connection.dialect.loaded_dbapi.Error
    return error


def _convert_error(connection: Connection, statement: str, error: Exception) -> BaseException:
    dialect = connection.dialect
    return DBAPIError.instance(statement, None, error, _base_error(connection), dialect=dialect)


def moment_writer(connection: Connection) -> Callable[[datetime], Any]:
    """How an aware time is handed to the driver, as a column of the type `Moment` would."""
    return _write_text if connection.dialect.name == "sqlite" else _pass


def _write_text(moment: datetime) -> str:
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(" ", "microseconds").removesuffix("+00:00")


def _pass(value: Any) -> Any:
    return value


@lru_cache(AT_ONCE)
def _write_statement(mark: str, insert: Insert, rows: int) -> str:
    row = f"({', '.join([mark] * len(insert.columns))})"
    return (
        f"INSERT INTO {insert.table.name} ({', '.join(insert.columns)})"  # noqa: S608
        f" VALUES {', '.join([row] * rows)} ON CONFLICT ({insert.unique}) DO NOTHING"
    )
