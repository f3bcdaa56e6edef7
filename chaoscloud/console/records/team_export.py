"""A team's records as lines of JSON: what it published and ran, with journals, and its audit log.

The first line says what the file is; each other one is a row: `{"table": …, "row": {…}}`. Documents
are texts, exactly as they came; times are in ISO 8601, in UTC.
"""

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Table, or_, select

from chaoscloud.console.db.journal_column import holds_bytes
from chaoscloud.console.db.migrations import NEWEST
from chaoscloud.console.db.schema import Moment, Words, people
from chaoscloud.console.records.belonging import COLUMNS_LEFT_OUT, list_exported, match_teams
from chaoscloud.console.records.teams import Team

FORMAT = "chaosiq-team"
FORMAT_VERSION = 1
ROWS_AT_ONCE = 20  # a row may hold a journal


class Header(msgspec.Struct, frozen=True):
    """The first line of a file; `schema` is the console's schema that its rows are of."""

    format: str
    version: int
    schema: str
    organization: str
    team: str
    exported_at: datetime


class Line(msgspec.Struct, frozen=True):
    """Any other line."""

    table: str
    row: dict[str, Any]


def export_team(
    connection: Connection, organization_name: str, team: Team, now: datetime
) -> Iterator[bytes]:
    """The lines of a team's file, each with its line break."""
    encode = msgspec.json.Encoder().encode
    header = Header(FORMAT, FORMAT_VERSION, NEWEST, organization_name, team.name, now)
    yield encode(header) + b"\n"
    for table in (people, *list_exported()):
        statement = select(table).where(_match(table, team.id)).order_by(*table.primary_key.columns)
        with connection.execute(statement.execution_options(yield_per=ROWS_AT_ONCE)) as rows:
            for row in rows:
                yield encode(Line(str(table.name), encode_row(table, dict(row._mapping)))) + b"\n"


def _match(table: Table, team_id: str) -> Any:
    if table is not people:
        return match_teams(table, [team_id])
    named = [
        select(column).where(match_teams(other, [team_id]), column.is_not(None))  # type: ignore[arg-type]
        for other in list_exported()
        for column in other.columns
        if column.name.endswith("person_id")
    ]
    return or_(*(people.c.id.in_(ids) for ids in named))


def encode_row(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """A row as it stands in a file."""
    return {
        str(name): _encode_value(value)
        for name, value in row.items()
        if not is_left_out(table, name)
    }


def decode_row(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """A row of a file as the database takes it. Raises `ValueError`, `TypeError`, `KeyError`."""
    return {
        name: _decode_value(table.c[name], value)
        for name, value in row.items()
        if not is_left_out(table, name)
    }


def is_left_out(table: Table, name: str) -> bool:
    """Whether a column stays: a number that the database gives by itself, or `COLUMNS_LEFT_OUT`."""
    is_counted = name == "seq" and table.c[name].primary_key
    return is_counted or f"{table.name}.{name}" in COLUMNS_LEFT_OUT


def _encode_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _decode_value(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, Moment):
        return datetime.fromisoformat(value)
    if isinstance(column.type, Words):
        return tuple(value)
    if holds_bytes(column):
        return base64.b64decode(value["base64"]) if isinstance(value, dict) else value.encode()
    return value
