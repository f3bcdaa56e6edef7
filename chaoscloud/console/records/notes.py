"""Notes on executions, and findings: notes that say something is to be fixed.

A finding's status is computed from the runs of its experiment (see `rules.findings`).
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, select, update

from chaoscloud.console.db.schema import executions, notes, outcomes, people
from chaoscloud.console.records import audit
from chaoscloud.console.records._rows import (
    Cursor,
    TooMany,
    columns,
    every,
    first,
    new_id,
    newest_first,
)
from chaoscloud.console.records.audit import Author
from chaoscloud.console.rules.findings import FindingState, FindingStatus, LaterRun, find_status

MOST_NOTES = 200  # of one execution
LONGEST_SUBJECT = 100  # characters of a note in the audit log


class NewNote(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody writes about an execution; `ticket` is a web address."""

    text: str
    is_finding: bool = False
    ticket: str | None = None


class Note(msgspec.Struct, frozen=True):
    """A note on an execution. `fixed_at` is when somebody last said that a finding is fixed."""

    id: str
    execution_id: str
    experiment_id: str
    title: str  # of the execution
    person_id: str
    person_name: str
    text: str
    created_at: datetime
    is_finding: bool
    ticket: str | None
    fixed_at: datetime | None


class NoteWithStatus(Note, frozen=True, kw_only=True):
    """A note; `status` is null unless it is a finding."""

    status: FindingStatus | None


def add(
    connection: Connection, author: Author, execution_id: str, new: NewNote, now: datetime
) -> str | None:
    """Add a note to the team's execution; its id, or None for an unknown execution.

    Raises `TooMany`.
    """
    column = executions.c
    experiment_id = connection.scalar(
        select(column.experiment_id).where(
            column.id == execution_id, column.team_id == author.team_id
        )
    )
    if experiment_id is None:
        return None
    number = connection.scalar(
        select(func.count()).select_from(notes).where(notes.c.execution_id == execution_id)
    )
    if (number or 0) >= MOST_NOTES:
        raise TooMany(f"An execution has at most {MOST_NOTES} notes")
    note_id = new_id()
    connection.execute(
        notes.insert().values(
            id=note_id,
            team_id=author.team_id,
            execution_id=execution_id,
            experiment_id=experiment_id,
            person_id=author.person_id,
            created_at=now,
            **msgspec.structs.asdict(new),
        )
    )
    action = "finding.added" if new.is_finding else "note.added"
    _log(connection, author, action, execution_id, new.text, now)
    return note_id


def set_state(
    connection: Connection, author: Author, note: Note, state: FindingState, now: datetime
) -> None:
    """Say that a finding of the team is fixed, or that it is open (again)."""
    is_fixed = state == "fixed"
    connection.execute(
        update(notes)
        .where(notes.c.id == note.id, notes.c.team_id == author.team_id)
        .values(fixed_at=now if is_fixed else None, fixed_by=author.person_id if is_fixed else None)
    )
    action = "finding.fixed" if is_fixed else "finding.reopened"
    _log(connection, author, action, note.execution_id, note.text, now)


def find(connection: Connection, team_id: str, note_id: str) -> Note | None:
    """The team's note of this id."""
    return first(connection, _of_team(team_id).where(notes.c.id == note_id), Note)


def list_of_execution(
    connection: Connection, team_id: str, execution_id: str
) -> list[NoteWithStatus]:
    """The notes on an execution, the earliest first."""
    statement = _of_team(team_id).where(notes.c.execution_id == execution_id)
    statement = statement.order_by(notes.c.created_at, notes.c.id)
    return add_statuses(connection, team_id, every(connection, statement, Note))


def list_findings(
    connection: Connection,
    team_id: str,
    *,
    state: FindingState | None = None,
    experiment_id: str | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> list[NoteWithStatus]:
    """The team's findings, the latest first; those that are in this state."""
    statement = _of_team(team_id).where(notes.c.is_finding.is_(True))
    if experiment_id is not None:
        statement = statement.where(notes.c.experiment_id == experiment_id)
    if state is not None:
        deviated = and_(*_since_fixed(team_id), outcomes.c.outcome == "deviated")
        is_fixed = and_(
            notes.c.fixed_at.is_not(None), ~select(outcomes.c.execution_id).where(deviated).exists()
        )
        statement = statement.where(is_fixed if state == "fixed" else ~is_fixed)
    statement = newest_first(statement, notes.c.created_at, notes.c.id, after=after, limit=limit)
    return add_statuses(connection, team_id, every(connection, statement, Note))


def add_statuses(
    connection: Connection, team_id: str, listed: Sequence[Note]
) -> list[NoteWithStatus]:
    """The same notes, each finding with its status."""
    return [
        NoteWithStatus(
            **msgspec.structs.asdict(note),
            status=_find_status(connection, team_id, note) if note.is_finding else None,
        )
        for note in listed
    ]


def _find_status(connection: Connection, team_id: str, note: Note) -> FindingStatus:
    if note.fixed_at is None:
        return find_status(None, None, None)
    passed = _find_first(connection, team_id, note, "passed")
    return find_status(note.fixed_at, passed, _find_first(connection, team_id, note, "deviated"))


def _find_first(connection: Connection, team_id: str, note: Note, outcome: str) -> LaterRun | None:
    column = outcomes.c
    statement = (
        select(column.execution_id, column.started_at)
        .where(column.experiment_id == note.experiment_id, column.team_id == team_id)
        .where(column.outcome == outcome, column.started_at > note.fixed_at)
        .where(*_COUNTS)
        .order_by(column.started_at)
        .limit(1)
    )
    return first(connection, statement, LaterRun)


_COUNTS = (outcomes.c.dry.is_(False), outcomes.c.conclusive.is_(True))


def _since_fixed(team_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        outcomes.c.experiment_id == notes.c.experiment_id,
        outcomes.c.team_id == team_id,
        outcomes.c.started_at > notes.c.fixed_at,
        *_COUNTS,
    )


def _log(
    connection: Connection,
    author: Author,
    action: str,
    execution_id: str,
    text: str,
    now: datetime,
) -> None:
    line = " ".join(text.split())
    subject = line if len(line) <= LONGEST_SUBJECT else f"{line[:LONGEST_SUBJECT]}…"
    audit.add_author_entry(connection, author, action, subject, now, ("execution", execution_id))


def _of_team(team_id: str) -> Select[tuple[object, ...]]:
    joined = {"title": executions.c.title, "person_name": people.c.name}
    return (
        select(*columns(notes, Note, **joined))
        .join(executions, executions.c.id == notes.c.execution_id)
        .join(people, people.c.id == notes.c.person_id)
        .where(notes.c.team_id == team_id)
    )
