"""Executions as a file to take away: CSV for spreadsheets, JSON for scripts."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.db import Database
from chaoscloud.console.records import execution_lists, execution_views
from chaoscloud.console.records.execution_lists import ExecutionFilter, SortCursor

CHUNK = 500  # executions that are read at once
MOST_CHUNKS = 2_000  # of one file: a million executions


class ExportedExecution(msgspec.Struct, frozen=True, kw_only=True):
    """An execution in a file; `duration` is in seconds, `url` its page.

    `outcome`, `conclusive`, `sentence`, `ended_at` and `duration` are null while it goes on.
    """

    id: str
    title: str
    outcome: str | None
    conclusive: bool | None
    dry: bool
    left_behind: bool  # whether what the method did may still be there
    sentence: str | None
    status: str
    tags: list[str]
    person: str
    machine: str | None
    started_at: datetime
    ended_at: datetime | None
    duration: float | None
    experiment_id: str
    url: str


class Chunk(NamedTuple):
    """Some of the executions of a file, and where the next ones begin; None at the end."""

    rows: list[ExportedExecution]
    following: SortCursor | None


def read_chunk(
    connection: Connection,
    team_id: str,
    criteria: ExecutionFilter,
    now: datetime,
    after: SortCursor | None,
    pages: str,
) -> Chunk:
    """The next executions that match; `pages` is the address under which their pages are."""
    page = execution_lists.find_page(connection, team_id, criteria, now, after=after, limit=CHUNK)
    rows = execution_views.read_rows(connection, team_id, page.ids)
    return Chunk([_export(row, pages) for row in rows], page.following)


async def stream(
    database: Database,
    kind: "Format",
    team_id: str,
    criteria: ExecutionFilter,
    now: datetime,
    pages: str,
) -> AsyncIterator[bytes]:
    """The file, piece by piece, so that it is never whole in memory."""
    after: SortCursor | None = None
    for number in range(MOST_CHUNKS):
        chunk = await database.reading(read_chunk, team_id, criteria, now, after, pages)
        after = chunk.following
        yield kind.write(chunk.rows, is_first=number == 0, is_last=after is None)
        if after is None:
            return


def _export(row: execution_views.ExecutionRow, pages: str) -> ExportedExecution:
    return ExportedExecution(
        id=row.id,
        title=row.title,
        outcome=row.outcome,
        conclusive=row.conclusive,
        dry=bool(row.dry),
        left_behind=bool(row.left_behind),
        sentence=row.sentence,
        status=row.status,
        tags=msgspec.json.decode(row.tags, type=list[str]),
        person=row.person_name,
        machine=row.node,
        started_at=row.started_at,
        ended_at=row.ended_at,
        duration=row.duration,
        experiment_id=row.experiment_id,
        url=f"{pages}/{row.id}",
    )


# --- formats -----------------------------------------------------------------------------------


class Format(NamedTuple):
    """A kind of file."""

    media_type: str
    write: Callable[..., bytes]  # of some rows, `is_first`, `is_last`


def write_csv(rows: Sequence[ExportedExecution], *, is_first: bool, is_last: bool) -> bytes:
    """Rows of a CSV file (RFC 4180), the first chunk with the names of its columns."""
    text = io.StringIO()
    writer = csv.writer(text)
    if is_first:
        writer.writerow(ExportedExecution.__struct_fields__)
    for row in rows:
        writer.writerow([_write_cell(value) for value in msgspec.structs.astuple(row)])
    return text.getvalue().encode()


def _write_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return _escape(" ".join(value))
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return _escape(value) if isinstance(value, str) else str(value)


def _escape(text: str) -> str:
    """Keep spreadsheets from taking a text for a formula.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def write_json(rows: Sequence[ExportedExecution], *, is_first: bool, is_last: bool) -> bytes:
    """A piece of one JSON array."""
    encode: Callable[[object], bytes] = msgspec.json.encode
    body = b",\n".join(map(encode, rows))
    before = b"[" if is_first else b",\n" if rows else b""
    return before + body + (b"]\n" if is_last else b"")


FORMATS: Mapping[str, Format] = {
    "csv": Format("text/csv; charset=utf-8", write_csv),
    "json": Format("application/json", write_json),
}
