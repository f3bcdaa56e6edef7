"""Kinds of columns and indexes that the tables are made of."""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    TextClause,
    TypeDecorator,
)

metadata = MetaData()

# SQLite only counts by itself on a column declared INTEGER; PostgreSQL wants 64 bits.
Sequence = BigInteger().with_variant(Integer, "sqlite")


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime; SQLite forgets the zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Refuse naive times: a time without a zone is a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are kept with their zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[tuple[str, ...]]):
    """A few words, such as tags; kept as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Any) -> str:
        """Write the list."""
        return json.dumps(list(value or ()), ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Any) -> tuple[str, ...]:
        """Read it."""
        return tuple(json.loads(value or "[]"))


def id_column() -> Column[str]:
    """The identifier of a row."""
    return Column("id", String(36), primary_key=True)


def reference(name: str, target: str, *, nullable: bool = False) -> Column[str]:
    """A reference to the row of another table."""
    return Column(name, String(36), ForeignKey(f"{target}.id"), nullable=nullable)


def creation_time() -> Column[datetime]:
    """When a row was made."""
    return Column("created_at", Moment, nullable=False)


def list_index(name: str, *columns: str) -> tuple[Index, Index]:
    """The index that a list of executions is read by.

    SQLite finds the tags in it too: looking for one that is rare, it need not read every row with
    its journal. PostgreSQL keeps journals apart, and takes no long text into an index.
    """
    return (
        Index(name, *columns, "tags").ddl_if(dialect="sqlite"),
        Index(name, *columns).ddl_if(dialect="postgresql"),
    )


def partial_index(name: str, condition: TextClause, flag: str, *more: str) -> Index:
    """The index of those outcomes of a team, by their start, for which a condition is true.

    `flag` is a column that has one value in all of them. A query asks for that value as well as for
    the condition: SQLite takes the index with which most columns are equal to something, and does
    not know how few rows this one has.
    """
    columns = ("team_id", flag, "started_at", "execution_id", *more)
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


def journal_version_columns() -> tuple[Column[Any], ...]:
    """Which version the journal of a row is, who sent it, and when.

    Null for a journal that came before versions were counted: its run's person sent it.
    """
    return (
        Column("journal_number", Integer, nullable=False, default=1, server_default="1"),
        Column("journal_person_id", String(36)),
        Column("journal_at", Moment),
    )
