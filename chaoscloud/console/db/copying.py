"""Copy a console's database into another one: SQLite to PostgreSQL, the way back, or alike.

Tables are read from `schema.metadata`, so a table that is added comes along by itself. Rows go in
the order of their primary keys; each part is committed with the key that it reached, so an
interrupted copy goes on from there. At the end both sides are read and compared.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Row,
    Table,
    Text,
    func,
    insert,
    inspect,
    literal,
    select,
    tuple_,
    update,
)

from chaoscloud.console.db.engines import Engines, set_next_number
from chaoscloud.console.db.failures import CannotOpen
from chaoscloud.console.db.journal_column import holds_bytes
from chaoscloud.console.db.migrations import UNFINISHED_COPY, migrate
from chaoscloud.console.db.schema import Moment, metadata
from chaoscloud.console.db.schema import Sequence as SequenceType

ROWS_AT_ONCE = 500
LARGE_ROWS_AT_ONCE = 4  # of a table whose rows have documents: one may be 64 MiB
BYTES_AT_ONCE = 4 * 1024 * 1024  # of documents in one transaction, and one row more
_DIGEST_BITS = 128

_progress = Table(  # in the target while it is copied into: how far each table is
    UNFINISHED_COPY,
    MetaData(),
    Column("table_name", Text, primary_key=True),
    Column("last_key", Text),  # JSON list; null: not begun
    Column("source", Text, nullable=False),
)


class TableCopy(NamedTuple):
    """What was copied of a table: its rows, and a checksum of what stands in them."""

    name: str
    rows: int
    checksum: str


Report = Callable[[TableCopy], None]


def copy_all(
    source: Engines, target: Engines, name: str, report: Report, *, restart: bool = False
) -> list[TableCopy]:
    """Copy everything, compare it, and return what was copied, table by table.

    `name` tells the source apart from others, when a copy is taken up again; with `restart` an
    unfinished one begins anew. `report` is called with each table that is done. Raises `CannotOpen`
    when the target has something in it, or is not equal afterwards; it is then not usable as a
    console's database.
    """
    _prepare(source, target, name, restart=restart)
    copied = []
    with source.reader.connect() as reading:
        for table in metadata.sorted_tables:
            _copy_table(reading, target, table)
            with target.reader.connect() as other:
                copied.append(_compare(reading, other, table))
            report(copied[-1])
    with target.writer.connect() as connection, connection.begin():
        _set_numbers(connection)
        _progress.drop(connection)
    return copied


def _prepare(source: Engines, target: Engines, name: str, *, restart: bool) -> None:
    migrate(source)
    if not _is_unfinished(target):
        migrate(target)
        with target.writer.connect() as connection, connection.begin():
            _refuse_filled(connection)
            _begin(connection, name)
        return
    with target.writer.connect() as connection, connection.begin():
        if restart:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
            _progress.drop(connection)
            _begin(connection, name)
            return
        other = connection.scalar(select(_progress.c.source).limit(1))
        if other != name:
            raise CannotOpen(
                f"a copy of {other} into it was begun and not finished;"
                " begin anew with --restart, or finish that one"
            )


def _is_unfinished(target: Engines) -> bool:
    with target.reader.connect() as connection:
        return UNFINISHED_COPY in inspect(connection).get_table_names()


def _refuse_filled(connection: Connection) -> None:
    for table in metadata.sorted_tables:
        if connection.execute(select(*table.primary_key.columns).limit(1)).first():
            raise CannotOpen(f"there is a console in it already: its table {table.name} has rows")


def _begin(connection: Connection, name: str) -> None:
    _progress.create(connection)
    rows = [{"table_name": table.name, "source": name} for table in metadata.sorted_tables]
    connection.execute(insert(_progress), rows)


# --- one table ---------------------------------------------------------------------------------


def _copy_table(reading: Connection, target: Engines, table: Table) -> None:
    where = _progress.c.table_name == table.name
    with target.reader.connect() as connection:
        reached = connection.scalar(select(_progress.c.last_key).where(where))
    last = _decode_key(table, reached) if reached else None
    for rows in _read_parts(reading, table, last):
        key = msgspec.json.encode([getattr(rows[-1], name) for name in _key_names(table)])
        with target.writer.connect() as connection, connection.begin():
            connection.execute(insert(table), [dict(row._mapping) for row in rows])
            connection.execute(update(_progress).where(where).values(last_key=key.decode()))


def _read_parts(
    reading: Connection, table: Table, last: Sequence[Any] | None
) -> Iterator[list[Row[Any]]]:
    """The rows after a key, in parts that fit into memory."""
    statement = select(table).order_by(*table.primary_key.columns)
    if last is not None:
        keys = list(table.primary_key.columns)
        values = (literal(value, key.type) for value, key in zip(last, keys, strict=True))
        statement = statement.where(tuple_(*keys) > tuple_(*values))
    part: list[Row[Any]] = []
    size = 0
    with _stream(reading, table, statement) as rows:
        for row in rows:
            part.append(row)
            size += sum(len(value) for value in row if isinstance(value, bytes))
            if len(part) == ROWS_AT_ONCE or size > BYTES_AT_ONCE:
                yield part
                part, size = [], 0
    if part:
        yield part


@contextmanager
def _stream(connection: Connection, table: Table, statement: Any) -> Iterator[Any]:
    large = any(map(holds_bytes, table.columns))
    at_once = LARGE_ROWS_AT_ONCE if large else ROWS_AT_ONCE
    with connection.execute(statement.execution_options(yield_per=at_once)) as result:
        yield result


def _decode_key(table: Table, text: str) -> list[Any]:
    values = zip(msgspec.json.decode(text), table.primary_key.columns, strict=True)
    return [
        datetime.fromisoformat(value) if isinstance(key.type, Moment) else value
        for value, key in values
    ]


def _key_names(table: Table) -> list[str]:
    return [column.key for column in table.primary_key.columns]


# --- the same on both sides --------------------------------------------------------------------


def _compare(reading: Connection, other: Connection, table: Table) -> TableCopy:
    here, there = (_sum_up(connection, table) for connection in (reading, other))
    if here != there:
        raise CannotOpen(
            f"table {table.name} has {here.rows:,} rows (checksum {here.checksum}) here and"
            f" {there.rows:,} ({there.checksum}) there: did something write to one of them?"
            " Stop every console on both, and copy again with --restart"
        )
    return here


def _sum_up(connection: Connection, table: Table) -> TableCopy:
    """Count the rows and add up their digests, for databases sort text differently."""
    rows = total = 0
    encode = msgspec.json.Encoder(order="deterministic").encode
    with _stream(connection, table, select(table)) as result:
        for row in result:
            digest = hashlib.sha256(encode([_plain(value) for value in row])).digest()
            total += int.from_bytes(digest[: _DIGEST_BITS // 8])
            rows += 1
    return TableCopy(table.name, rows, f"{total % 2**_DIGEST_BITS:032x}")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    return value


def _set_numbers(connection: Connection) -> None:
    """Let the next row of a table that numbers its rows come after those that were copied."""
    for table in metadata.sorted_tables:
        for column in table.primary_key.columns:
            if column.type is SequenceType:
                last = connection.scalar(select(func.max(column))) or 0
                set_next_number(connection, table.name, column.name, last + 1)
