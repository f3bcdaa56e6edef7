"""Many rows in one statement: what comes in crowds is written with one call of the driver.

The driver lets go of the interpreter for each row that it gets by itself, and on a busy console
waits for it to come round again. One statement with all the rows is several times as quick.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

from chaoscloud.console.db.schema import Moment

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
            values = tuple(value for row in part for value in row)
            added += connection.exec_driver_sql(statement, values).rowcount
        return added


def insert_missing(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> int:
    """Insert the rows whose keys are not there yet; how many that were."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return connection.execute(make(table).on_conflict_do_nothing(), list(rows)).rowcount


def mark(connection: Connection) -> str:
    """What stands for a value in the driver's statements."""
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


def moment_writer(connection: Connection, column: Column[datetime]) -> Callable[[datetime], Any]:
    """How a time is handed to the driver; a time that was written before is looked up."""
    return _moment_writer(column.type, connection.dialect)


@lru_cache
def _moment_writer(kind: Moment, dialect: Dialect) -> Callable[[datetime], Any]:
    write = kind.dialect_impl(dialect).bind_processor(dialect)
    # What came together came at one time; writing that down is most of the work.
    return lru_cache(AT_ONCE)(write) if write else _pass


def _pass(value: Any) -> Any:
    return value


@lru_cache(AT_ONCE)
def _write_statement(mark: str, insert: Insert, rows: int) -> str:
    row = f"({', '.join([mark] * len(insert.columns))})"
    return (
        f"INSERT INTO {insert.table.name} ({', '.join(insert.columns)})"  # noqa: S608
        f" VALUES {', '.join([row] * rows)} ON CONFLICT ({insert.unique}) DO NOTHING"
    )
