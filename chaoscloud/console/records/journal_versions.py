"""Earlier journals of runs that had ended: a later journal never takes their place.

An execution and a verification run keep their latest journal in their own row, and each earlier one
here, with who sent it and when.
"""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, Row, Select, Table, select

from chaoscloud.console.db.schema import journal_versions, people
from chaoscloud.console.records._rows import every

MOST_VERSIONS = 50  # of one journal


class TooManyVersions(Exception):
    """The journal was replaced as often as a journal can be."""


class JournalVersion(msgspec.Struct, frozen=True):
    """One version of a journal, who sent it, and when; the journal is read by its number."""

    number: int
    status: str
    person_id: str
    person_name: str
    created_at: datetime


def keep_earlier(connection: Connection, table: Table, record_id: str) -> int:
    """Keep the journal that stands in a row of `table`; return the number of the next version.

    Raises `TooManyVersions`.
    """
    where = table.c.id == record_id
    columns = [column for column in table.c if column is not table.c.journal]
    row = connection.execute(select(*columns).where(where)).one()
    if row.journal_number >= MOST_VERSIONS:
        raise TooManyVersions(f"a journal has at most {MOST_VERSIONS} versions")
    connection.execute(
        journal_versions.insert().values(
            record_id=record_id,
            number=row.journal_number,
            journal=select(table.c.journal).where(where).scalar_subquery(),  # as it is stored
            status=row.status,
            results=row._mapping.get("results"),
            person_id=row.journal_person_id or row.person_id,
            created_at=_sent_at(row),
        )
    )
    return int(row.journal_number) + 1


def list_versions(connection: Connection, table: Table, record_id: str) -> list[JournalVersion]:
    """The versions of the journal of a row of `table`, the latest first."""
    named = ("status", "journal_number", "journal_person_id", "journal_at", "person_id")
    times = (name for name in ("updated_at", "ended_at", "created_at") if name in table.c)
    row = connection.execute(
        select(*(table.c[name] for name in (*named, *times))).where(table.c.id == record_id)
    ).one()
    person_id = row.journal_person_id or row.person_id
    name = connection.scalar(select(people.c.name).where(people.c.id == person_id))
    latest = JournalVersion(row.journal_number, row.status, person_id, name or "", _sent_at(row))
    return [latest, *every(connection, _earlier(record_id), JournalVersion)]


def find_earlier(connection: Connection, record_id: str, number: int) -> bytes | None:
    """An earlier journal by its number; the latest one is not among them."""
    by = journal_versions.c
    journal: bytes | None = connection.scalar(
        select(by.journal).where(by.record_id == record_id, by.number == number)
    )
    return journal


def _earlier(record_id: str) -> Select[tuple[object, ...]]:
    by = journal_versions.c
    return (
        select(by.number, by.status, by.person_id, people.c.name, by.created_at)
        .join(people, people.c.id == by.person_id)
        .where(by.record_id == record_id)
        .order_by(by.number.desc())
    )


def _sent_at(row: Row[tuple[object, ...]]) -> datetime:
    """When the journal in a row came; of one from before versions, when its run was last told."""
    times = row._mapping
    moments = (times.get(name) for name in ("journal_at", "updated_at", "ended_at", "created_at"))
    sent_at: datetime = next(moment for moment in moments if moment is not None)
    return sent_at
