"""What retention removes: events and journals of runs that began long ago.

Outcomes, sentences and results of samples stay. A journal that was removed leaves an empty text in
its place, and its digest, so that the same journal, sent again, is known.
"""

import hashlib
import time
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)

from chaoscloud.console.db.schema import (
    IS_RUNNING,
    audit,
    events,
    executions,
    journal_versions,
    outcomes,
    removals,
    retention_holds,
    teams,
    verification_events,
    verification_runs,
)
from chaoscloud.console.records import audit as audit_records
from chaoscloud.console.records.retention import Retention, read_retention

REMOVED = b""  # stands where a journal stood: no journal is empty
QUIET = timedelta(days=1)  # a run that sent something since then is not touched, however old
PAGE = 100  # records looked for at once
EVENTS_AT_ONCE = 500  # rows deleted by one statement
STEP_TIME = 0.02  # seconds that one write may take: ingest waits meanwhile
APPLIED = "retention.applied"  # the name that audit logs have for it


class Content(StrEnum):
    """What is removed of a record."""

    EVENTS = "events"
    JOURNAL = "journal"


class RecordType(NamedTuple):
    """A kind of record that has events and a journal: where they stand, and when it began."""

    table: Table
    events: Table
    event_owner: Column[Any]  # of `events`: the record's id


EXECUTIONS = RecordType(executions, events, events.c.execution_id)
VERIFICATION_RUNS = RecordType(verification_runs, verification_events, verification_events.c.run_id)
RECORD_TYPES = (EXECUTIONS, VERIFICATION_RUNS)


class DueRecords(NamedTuple):
    """Records to remove something of, and where to go on looking; `last` is None at the end."""

    ids: list[str]
    last: str | None


class Removed(msgspec.Struct, frozen=True):
    """What a pass has removed so far; `entry` is the number of its entry in the audit log."""

    events: int = 0
    records: int = 0  # whose events were removed
    journals: int = 0
    entry: int | None = None

    def describe(self) -> str:
        """What was removed, in words."""
        return f"{self.events:,} events of {self.records:,} runs, {self.journals:,} journals"


class ContentRemoval(msgspec.Struct, frozen=True):
    """When the events and the journal of a record were removed; None for what is there."""

    events_removed_at: datetime | None = None
    journal_removed_at: datetime | None = None


# --- what is due -------------------------------------------------------------------------------


def find_due(
    connection: Connection,
    organization_id: str,
    content: Content,
    record_type: RecordType,
    now: datetime,
    *,
    choice: Retention | None = None,
    after: str = "",
    among: Collection[str] | None = None,
) -> DueRecords:
    """The records of an organization that retention is to remove something of, by id.

    `choice` is what the organization has chosen, unless given; `after` is the `last` of the page
    before; `among` leaves out all but some ids.
    """
    choice = choice or read_retention(connection, organization_id)
    days = choice.event_days if content is Content.EVENTS else choice.journal_days
    if days is None:
        return DueRecords([], None)
    before = now - timedelta(days=days)
    statement = _MAKERS[record_type.table.name](organization_id, before, now - QUIET)
    record_id = statement.selected_columns[0]
    statement = statement.where(_has_content(content, record_type, record_id), record_id > after)
    if among is not None:
        statement = statement.where(record_id.in_(among))
    page = statement.order_by(record_id).limit(PAGE)
    rows = [(str(id_), tags) for id_, tags in connection.execute(page)]
    held_tags = _read_held_tags(connection, organization_id)
    ids = [id_ for id_, tags in rows if held_tags.isdisjoint(_decode_tags(tags))]
    return DueRecords(ids, rows[-1][0] if len(rows) == PAGE else None)


def _select_executions(
    organization_id: str, before: datetime, quiet_since: datetime
) -> Select[Any]:
    """From outcomes, whose rows are short; without words the journal has not been read yet."""
    column = outcomes.c
    live = select(executions.c.id).where(IS_RUNNING, executions.c.last_seen_at >= quiet_since)
    return (
        select(column.execution_id, executions.c.tags)
        .join(executions, executions.c.id == column.execution_id)
        .join(teams, teams.c.id == column.team_id)
        .where(teams.c.organization_id == organization_id, column.started_at < before)
        .where(column.words.is_not(None))
        .where(column.execution_id.not_in(_select_held(organization_id)))
        .where(or_(column.sentence.is_not(None), column.execution_id.not_in(live)))
    )


def _select_verification_runs(
    organization_id: str, before: datetime, quiet_since: datetime
) -> Select[Any]:
    """Those whose times of samples were read already, and those that never ended."""
    column = verification_runs.c
    return (
        select(column.id, func.coalesce(executions.c.tags, "[]").label("tags"))
        .join(teams, teams.c.id == column.team_id)
        .outerjoin(executions, executions.c.id == column.execution_id)
        .where(teams.c.organization_id == organization_id)
        .where(column.created_at < before, column.created_at < quiet_since)
        .where(or_(column.results.is_(None), column.results.like('%"sampled_time"%')))
        .where(
            or_(
                column.execution_id.is_(None),
                column.execution_id.not_in(_select_held(organization_id)),
            )
        )
    )


_MAKERS = {executions.name: _select_executions, verification_runs.name: _select_verification_runs}


def _select_held(organization_id: str) -> Select[tuple[str]]:
    by = retention_holds.c
    return select(by.execution_id).where(
        by.organization_id == organization_id, by.execution_id.is_not(None)
    )


def _read_held_tags(connection: Connection, organization_id: str) -> frozenset[str]:
    by = retention_holds.c
    where = (by.organization_id == organization_id, by.tag.is_not(None))
    return frozenset(connection.scalars(select(by.tag).where(*where)))


def _decode_tags(tags: str) -> list[str]:
    return msgspec.json.decode(tags, type=list[str])


def _has_content(
    content: Content, record_type: RecordType, record_id: ColumnElement[str]
) -> ColumnElement[bool]:
    if content is Content.EVENTS:
        return exists().where(record_type.event_owner == record_id)
    return ~exists().where(
        removals.c.record_id == record_id, removals.c.journal_removed_at.is_not(None)
    )


# --- what would go -----------------------------------------------------------------------------


class Preview(msgspec.Struct, frozen=True):
    """What retention would remove now."""

    events: int
    event_records: int  # runs that have them
    event_bytes: int
    journals: int
    journal_bytes: int

    def describe(self) -> str:
        """In words, for people."""
        return (
            f"{self.events:,} events of {self.event_records:,} runs ({self.event_bytes:,} bytes),"
            f" {self.journals:,} journals ({self.journal_bytes:,} bytes)"
        )


def preview(
    connection: Connection, organization_id: str, choice: Retention, now: datetime
) -> Preview:
    """Count what a choice would remove now, by the rules that it removes by."""
    rows = event_bytes = records = journals = journal_bytes = 0
    for record_type in RECORD_TYPES:
        due = partial(_iterate_due, connection, organization_id, choice, record_type, now)
        for ids in due(Content.EVENTS):
            counted = _count_events(connection, record_type, ids)
            rows, event_bytes = rows + counted[0], event_bytes + counted[1]
            records += len(ids)
        for ids in due(Content.JOURNAL):
            journals += len(ids)
            journal_bytes += _count_journal_bytes(connection, record_type, ids)
    return Preview(rows, records, event_bytes, journals, journal_bytes)


def _iterate_due(
    connection: Connection,
    organization_id: str,
    choice: Retention,
    record_type: RecordType,
    now: datetime,
    content: Content,
) -> Iterator[list[str]]:
    last: str | None = ""
    while last is not None:
        due = find_due(
            connection, organization_id, content, record_type, now, choice=choice, after=last
        )
        yield due.ids
        last = due.last


def _count_events(
    connection: Connection, record_type: RecordType, ids: Collection[str]
) -> tuple[int, int]:
    column = record_type.events.c
    payload = column.data if "data" in column else column.payload
    row = connection.execute(
        select(func.count(), func.sum(func.length(payload))).where(record_type.event_owner.in_(ids))
    ).one()
    return int(row[0]), int(row[1] or 0)


def _count_journal_bytes(
    connection: Connection, record_type: RecordType, ids: Collection[str]
) -> int:
    column, versions = record_type.table.c, journal_versions.c
    latest = select(func.sum(func.length(column.journal))).where(column.id.in_(ids))
    earlier = select(func.sum(func.length(versions.journal))).where(versions.record_id.in_(ids))
    return sum(int(connection.scalar(statement) or 0) for statement in (latest, earlier))


# --- removing ----------------------------------------------------------------------------------


def remove_due(
    connection: Connection,
    organization_id: str,
    content: Content,
    record_type: RecordType,
    ids: Sequence[str],
    so_far: Removed,
    now: datetime,
) -> tuple[Sequence[str], Removed]:
    """Remove one kind of content of these records, for `STEP_TIME` at most.

    Return the ids that are left for the next step, and what the pass has removed so far: that
    stands in the audit log with the same commit. What was held, or is kept for longer, since the
    records were found is left alone.
    """
    due = find_due(connection, organization_id, content, record_type, now, among=ids).ids
    remove = _remove_events if content is Content.EVENTS else _remove_journal
    removed, ends_at = so_far, time.monotonic() + STEP_TIME
    while due:
        is_done, removed = remove(connection, record_type, due[0], removed, now)
        if is_done:
            del due[0]
        if time.monotonic() > ends_at:
            break
    if removed != so_far:
        removed = _log_removed(connection, organization_id, removed, now)
    return due, removed


def _remove_events(
    connection: Connection, record_type: RecordType, record_id: str, so_far: Removed, now: datetime
) -> tuple[bool, Removed]:
    seq = record_type.events.c.seq
    some = select(seq).where(record_type.event_owner == record_id).order_by(seq)
    statement = delete(record_type.events).where(seq.in_(some.limit(EVENTS_AT_ONCE)))
    number = connection.execute(statement).rowcount
    is_done = number < EVENTS_AT_ONCE
    if is_done:
        _mark(connection, record_id, events_removed_at=now)
    return is_done, msgspec.structs.replace(
        so_far, events=so_far.events + number, records=so_far.records + is_done
    )


def _remove_journal(
    connection: Connection, record_type: RecordType, record_id: str, so_far: Removed, now: datetime
) -> tuple[bool, Removed]:
    column = record_type.table.c
    journal: bytes = connection.scalar(select(column.journal).where(column.id == record_id)) or b""
    connection.execute(
        update(record_type.table).where(column.id == record_id).values(journal=REMOVED)
    )
    connection.execute(
        update(journal_versions)
        .where(journal_versions.c.record_id == record_id)
        .values(journal=REMOVED)
    )
    digest = hashlib.sha256(journal).hexdigest()
    _mark(connection, record_id, journal_removed_at=now, journal_digest=digest)
    return True, msgspec.structs.replace(so_far, journals=so_far.journals + 1)


def _mark(connection: Connection, record_id: str, **values: object) -> None:
    connection.execute(_ADD_MARK, {"id": record_id})
    connection.execute(update(removals).where(removals.c.record_id == record_id).values(**values))


_ADD_MARK = text("INSERT INTO removals (record_id) VALUES (:id) ON CONFLICT (record_id) DO NOTHING")


def _log_removed(
    connection: Connection, organization_id: str, removed: Removed, now: datetime
) -> Removed:
    """Write the entry of this pass, or bring it up to date."""
    if removed.entry is not None:
        where = audit.c.seq == removed.entry
        connection.execute(update(audit).where(where).values(subject=removed.describe()))
        return removed
    entry = audit_records.add_entry(
        connection, APPLIED, removed.describe(), now, organization_id=organization_id
    )
    return msgspec.structs.replace(removed, entry=entry)


# --- what was removed --------------------------------------------------------------------------


def read_removal(connection: Connection, record_id: str) -> ContentRemoval:
    """What was removed of an execution, or of a verification run, and when."""
    by = removals.c
    row = connection.execute(
        select(by.events_removed_at, by.journal_removed_at).where(by.record_id == record_id)
    ).first()
    return ContentRemoval(*row) if row else ContentRemoval()


def is_removed_journal(connection: Connection, record_id: str, journal: bytes) -> bool:
    """Whether this very journal was a record's latest one, and was removed."""
    by = removals.c
    digest = connection.scalar(
        select(by.journal_digest).where(
            by.record_id == record_id, by.journal_removed_at.is_not(None)
        )
    )
    return digest is not None and digest == hashlib.sha256(journal).hexdigest()


def note_new_journal(connection: Connection, record_id: str) -> None:
    """Another journal came after the earlier one was removed: there is one again."""
    connection.execute(
        update(removals)
        .where(removals.c.record_id == record_id, removals.c.journal_removed_at.is_not(None))
        .values(journal_removed_at=None, journal_digest=None)
    )
