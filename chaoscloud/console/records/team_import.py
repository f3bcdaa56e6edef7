"""A team's file, brought into this console: ids are kept where free, and nothing comes twice."""

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, UniqueConstraint, select

from chaoscloud.console.db import changes
from chaoscloud.console.db.bulk import insert_missing
from chaoscloud.console.db.migrations import NEWEST
from chaoscloud.console.db.schema import executions, metadata, people, team_experiments
from chaoscloud.console.records import experiment_summaries
from chaoscloud.console.records.belonging import list_exported, match_teams
from chaoscloud.console.records.team_export import (
    FORMAT,
    FORMAT_VERSION,
    Header,
    Line,
    decode_row,
    encode_row,
)
from chaoscloud.console.records.teams import Team

PART_ROWS = 200  # in one write
PART_BYTES = 4 * 1024 * 1024


class InvalidFile(Exception):
    """It is no file of a team, or of another version; the message says which line, and why."""


Part = list[tuple[Table, dict[str, Any]]]


def read_header(file: Path) -> Header:
    """The first line of a team's file. Raises `InvalidFile`."""
    with file.open("rb") as lines:
        try:
            header = msgspec.json.decode(lines.readline(), type=Header)
        except msgspec.DecodeError:
            header = None
    if header is None or (header.format, header.version) != (FORMAT, FORMAT_VERSION):
        raise InvalidFile(f"{file} is no file of a team, made by `chaosiq-console team export`")
    if header.schema != NEWEST:
        raise InvalidFile(
            f"{file} was made by another version of the console (its schema is {header.schema},"
            f" this one's is {NEWEST}): export it again with this version"
        )
    return header


def read_parts(file: Path) -> Iterator[Part]:
    """The rows of a file, in parts that fit into one write. Raises `InvalidFile`."""
    part: Part = []
    size = 0
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if number == 1:
                continue
            part.append(_read_line(file, number, line))
            size += len(line)
            if len(part) == PART_ROWS or size > PART_BYTES:
                yield part
                part, size = [], 0
    if part:
        yield part


def _read_line(file: Path, number: int, line: bytes) -> tuple[Table, dict[str, Any]]:
    allowed = {table.name for table in (people, *list_exported())}
    try:
        decoded = msgspec.json.decode(line, type=Line)
        if decoded.table not in allowed:
            raise InvalidFile(f"line {number} of {file} is of a table {decoded.table!r}")
        table = metadata.tables[decoded.table]
        return table, decode_row(table, decoded.row)
    except (msgspec.DecodeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidFile(f"line {number} of {file} cannot be read: {error}") from None


class TeamImport:
    """One file that comes into one team: `find_ids` of each part first, then `add` each part."""

    def __init__(self, team: Team) -> None:
        self.rows = 0  # that were new
        self._team = team
        self._ids: dict[str, str] = {}  # those that are taken, and what is used instead
        self._known: dict[str, set[bytes]] = {}

    def find_ids(self, connection: Connection, part: Part) -> None:
        """Find ids that another team's records have here already."""
        for table, row in part:
            if (
                table is people
                or "id" not in table.primary_key.columns
                or "team_id" in _keys(table)
            ):
                continue
            taken = connection.execute(select(table.c.id).where(table.c.id == row["id"])).first()
            if taken and not self._is_own(connection, table, row["id"]):
                self._ids[row["id"]] = str(uuid.uuid5(uuid.UUID(self._team.id), row["id"]))

    def _is_own(self, connection: Connection, table: Table, record_id: str) -> bool:
        own = match_teams(table, [self._team.id])
        statement = select(table.c.id).where(table.c.id == record_id)
        return own is not None and connection.execute(statement.where(own)).first() is not None

    def add(self, connection: Connection, part: Part) -> None:
        """Add the rows that are not there yet."""
        for table in {table.name: table for table, _ in part}.values():
            rows = [self._adapt(row) for other, row in part if other is table]
            if table is people:
                rows = [
                    row | {"removed_at": row["removed_at"] or row["created_at"]} for row in rows
                ]
            if _is_unnumbered(table):
                rows = self._drop_known(connection, table, rows)
            if rows:
                self.rows += insert_missing(connection, table, rows)

    def _adapt(self, row: dict[str, Any]) -> dict[str, Any]:
        adapted = {
            name: self._ids.get(value, value) if isinstance(value, str) else value
            for name, value in row.items()
        }
        own = {"team_id": self._team.id, "organization_id": self._team.organization_id}
        return adapted | {name: value for name, value in own.items() if name in row}

    def _drop_known(
        self, connection: Connection, table: Table, rows: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Leave out what an earlier import of the same file has added."""
        if table.name not in self._known:
            own = match_teams(table, [self._team.id])
            present = connection.execute(select(table).where(own))  # type: ignore[arg-type]
            self._known[table.name] = {_digest(table, dict(row._mapping)) for row in present}
        known = self._known[table.name]
        return [row for row in rows if _digest(table, row) not in known]

    def finish(self, connection: Connection) -> None:
        """Compute what the console computes of records itself."""
        link = team_experiments.c
        ids = connection.scalars(select(link.experiment_id).where(link.team_id == self._team.id))
        for experiment_id in ids.all():
            experiment_summaries.refresh(connection, self._team.id, experiment_id)
        running = select(executions.c.id).where(executions.c.team_id == self._team.id)
        if connection.execute(running.where(executions.c.status == "running")).first():
            changes.mark_executions(connection, self._team.id)


def _as_removed(person: dict[str, Any]) -> dict[str, Any]:
    """Somebody who comes with a file belongs to no organization here."""
    return {**person, "removed_at": person["removed_at"] or person["created_at"]}


def _keys(table: Table) -> list[str]:
    return [column.name for column in table.primary_key.columns]


def _is_unnumbered(table: Table) -> bool:
    """Whether nothing but a number tells the rows of a table apart."""
    is_unique = any(isinstance(constraint, UniqueConstraint) for constraint in table.constraints)
    return _keys(table) == ["seq"] and not is_unique


def _digest(table: Table, row: dict[str, Any]) -> bytes:
    encoded = msgspec.json.encode(encode_row(table, row), order="sorted")
    return hashlib.sha256(encoded).digest()
