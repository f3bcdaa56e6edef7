"""Rows for every table there is, made from the schema itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Float, Integer, Table

from chaoscloud.console.db.journal_column import holds_bytes
from chaoscloud.console.db.schema import Moment, Words, metadata

ROWS = 5
SORTED_DIFFERENTLY = (
    "b",
    "A",
    "ä",
    "Z",
    "_",
)  # by databases, which compare text by their own rules
START = datetime(2026, 3, 2, 9, 30, 0, 123456, UTC)


def fill_every_table(connection: Connection, rows: int = ROWS, name: str = "") -> None:
    """Put rows into each table; the first has null where there may be nothing.

    `name` stands in each column of text that refers to no other row.
    """
    entry: dict[str, list[dict[str, Any]]] = {}
    for table in metadata.sorted_tables:
        entry[table.name] = [_make_row(table, number, entry, name) for number in range(rows)]
        connection.execute(table.insert(), entry[table.name])


def _make_row(
    table: Table, number: int, rows: dict[str, list[dict[str, Any]]], name: str
) -> dict[str, Any]:
    row = {column.name: _make_value(column, number, name) for column in table.columns}
    for constraint in table.foreign_key_constraints:
        parent = rows[constraint.referred_table.name][number]
        for element in constraint.elements:
            if row[element.parent.name] is not None:
                row[element.parent.name] = parent[element.column.name]
    return row


def _make_value(column: Column[Any], number: int, name: str) -> Any:
    if column.nullable and number == 0:
        return None
    kind = column.type
    if isinstance(kind, Boolean):
        return bool(number % 2)
    if isinstance(kind, Integer):
        return number + 1
    if isinstance(kind, Float):
        return 0.1 + number
    if isinstance(kind, Moment):
        return START + timedelta(microseconds=number)
    if isinstance(kind, Words):
        return (f"tag {number}", "Größe")
    if holds_bytes(column):  # a journal of this length is compressed
        return f'{{"name": "{name}", "number": {number}, "run": [{"0, " * 100}0]}}'.encode()
    text = f"{SORTED_DIFFERENTLY[number % len(SORTED_DIFFERENTLY)]}{number} {name or column.name}"
    return text[: getattr(kind, "length", None)]
