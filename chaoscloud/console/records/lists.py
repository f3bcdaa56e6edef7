"""Lists that are read a page at a time, newest first, by a mark that stays true while they grow."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, tuple_


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
