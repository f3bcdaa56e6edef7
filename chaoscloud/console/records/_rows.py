"""From rows to values, the same way everywhere."""

import uuid
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, Table, literal, tuple_

S = TypeVar("S", bound=msgspec.Struct)


class AlreadyThere(Exception):
    """A name that has to be unique is taken; the message says which."""


class TooMany(Exception):
    """There is no room for one more of something; the message says of what, and what to do."""


def new_id() -> str:
    """An identifier nobody else has."""
    return str(uuid.uuid4())


def columns(
    table: Table, kind: type[msgspec.Struct], **joined: ColumnElement[Any]
) -> list[ColumnElement[Any]]:
    """The columns of a table that a value has fields for, in the value's order.

    `joined` are the fields that stand in another table.
    """
    return [joined[n].label(n) if n in joined else table.c[n] for n in kind.__struct_fields__]


def every(
    connection: Connection, statement: Select[Any], kind: type[S], **values: object
) -> list[S]:
    """Every row as a value; the statement selects the value's fields, by `columns`.

    What every request asks for is a statement made once, with `bindparam`s for the `values`:
    building one takes several times as long as running it.
    """
    return [_value(row, kind) for row in connection.execute(statement, values)]


def first(
    connection: Connection, statement: Select[Any], kind: type[S], **values: object
) -> S | None:
    """The first row as a value, if there is one."""
    row = connection.execute(statement, values).first()
    return None if row is None else _value(row, kind)


def _value(row: Row[Any], kind: type[S]) -> S:
    return kind(*row)


def belongs_to(column: ColumnElement[str], team_id: str) -> ColumnElement[bool]:
    """Whether a row that other columns find, such as its id out of several, is the team's.

    An expression, which no index knows: for the bare column SQLite reads every row of the team by
    the index of that, instead of the few that are looked for.
    """
    return literal("").concat(column) == team_id


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended: the last row's time, and its id, since times repeat."""

    at: datetime
    id: str


def newest_first(
    statement: Select[Any],
    at: ColumnElement[datetime],
    id_: ColumnElement[str],
    *,
    after: Cursor | None,
    limit: int,
) -> Select[Any]:
    """The page that follows a mark, or the first one."""
    if after is not None:
        # Compared as a row, so that an index leads straight to it.
        statement = statement.where(tuple_(at, id_) < (after.at, after.id))
    return statement.order_by(at.desc(), id_.desc()).limit(limit)
