"""Executions that say nothing any more: noticed once, and told to who subscribed to that."""

from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, select

from chaoscloud.console.db.bulk import Insert, moment_writer
from chaoscloud.console.db.schema import IS_RUNNING, executions, lost_contacts
from chaoscloud.console.messages.announcements import AnnouncedExecution, announce_lost_contact
from chaoscloud.console.records.execution_lists import SILENCE

MOST_NOTICED = 100  # executions in one write

_INSERT = Insert(lost_contacts, ("execution_id", "noticed_at"), unique="execution_id")


def _is_unnoticed(now: datetime) -> ColumnElement[bool]:
    noticed = select(lost_contacts.c.execution_id).where(
        lost_contacts.c.execution_id == executions.c.id
    )
    return (executions.c.last_seen_at <= now - SILENCE) & ~noticed.exists()


def has_lost(connection: Connection, now: datetime) -> bool:
    """Whether an execution is silent that was not noticed yet."""
    statement = select(executions.c.id).where(IS_RUNNING, _is_unnoticed(now)).limit(1)
    return connection.execute(statement).first() is not None


def notice_lost(connection: Connection, now: datetime) -> int:
    """Notice executions that are silent, some at a time; how many it were.

    Of several console processes one notices each.
    """
    by = executions.c
    statement = (
        select(
            by.id, by.team_id, by.experiment_id, by.title, by.tags, by.started_at, by.last_seen_at
        )
        .add_columns(by.is_stop_test)
        .where(IS_RUNNING, _is_unnoticed(now))
        .order_by(by.last_seen_at)
        .limit(MOST_NOTICED)
    )
    rows = connection.execute(statement).all()
    write = moment_writer(connection)
    for row in rows:
        is_first = _INSERT.run(connection, [(row.id, write(now))])
        if is_first and not row.is_stop_test:
            execution = AnnouncedExecution(
                id=row.id,
                team_id=row.team_id,
                experiment_id=row.experiment_id,
                title=row.title,
                tags=msgspec.json.decode(row.tags, type=tuple[str, ...]),
                started_at=row.started_at,
            )
            announce_lost_contact(connection, execution, row.last_seen_at, now)
    return len(rows)


def forget_found(connection: Connection) -> None:
    """Forget those that were heard of again, so that they can be lost again."""
    heard_of = (
        select(executions.c.id)
        .where(executions.c.id == lost_contacts.c.execution_id)
        .where(executions.c.last_seen_at > lost_contacts.c.noticed_at)
    )
    connection.execute(delete(lost_contacts).where(heard_of.exists()))
