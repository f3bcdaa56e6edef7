"""Many rows in one statement: what comes in crowds is kept with one call of the driver.

The driver lets go of the interpreter for each row it is given by itself, and on a busy console
waits for it to come round again. One statement with all the rows is several times as quick.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table

from chaoscloud.console.db.schema import Moment

AT_ONCE = 250  # rows; SQLite takes 32,766 values, PostgreSQL 65,535

Row = Mapping[str, Any]


def add_new(connection: Connection, table: Table, rows: Sequence[Row], unique: str) -> int:
    """Insert rows, but for those whose `unique` columns are there already; how many were added.

    All rows have the same columns; `unique` lists some of them as SQL does.
    """
    added = 0
    for start in range(0, len(rows), AT_ONCE):
        added += _insert(connection, table, rows[start : start + AT_ONCE], unique)
    return added


def _insert(connection: Connection, table: Table, rows: Sequence[Row], unique: str) -> int:
    names = tuple(rows[0])
    statement = _statement(connection.dialect.paramstyle, table.name, names, unique, len(rows))
    written = _written(table, names, connection.dialect)
    values = tuple(write(row[name]) for row in rows for name, write in written)
    return connection.exec_driver_sql(statement, values).rowcount


@lru_cache(AT_ONCE)
def _statement(style: str, table: str, names: Sequence[str], unique: str, rows: int) -> str:
    mark = "?" if style == "qmark" else "%s"
    one = f"({', '.join([mark] * len(names))})"
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES {', '.join([one] * rows)}"  # noqa: S608
        f" ON CONFLICT ({unique}) DO NOTHING"
    )


@lru_cache
def _written(
    table: Table, names: Sequence[str], dialect: Dialect
) -> Sequence[tuple[str, Callable[[Any], Any]]]:
    """How a value of each column is handed to the driver."""
    return tuple(_processors(table, names, dialect))


def _processors(
    table: Table, names: Sequence[str], dialect: Dialect
) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    for name in names:
        type_ = table.c[name].type
        write = type_.dialect_impl(dialect).bind_processor(dialect) or _as_it_is
        # What came together came at one time; writing that down is most of the work.
        yield name, lru_cache(AT_ONCE)(write) if isinstance(type_, Moment) else write


def _as_it_is(value: Any) -> Any:
    return value
