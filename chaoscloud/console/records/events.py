"""What a run sends while it is running: CloudEvents, each kept once."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from chaoscloud.console.db import bulk
from chaoscloud.console.db.schema import events
from chaoscloud.console.records._rows import columns, every

SEEN_AGAIN = timedelta(seconds=1)  # how often it is worth writing down that a run is alive


class NewEvent(msgspec.Struct, frozen=True):
    """An event as it came; `data` is JSON."""

    event_id: str
    type: str
    time: datetime
    data: bytes
    sequence: int | None = None  # 1, 2, … within the execution, if the client counts them
    trace_id: str | None = None  # of the trace that was current when it was made


class StoredEvent(msgspec.Struct, frozen=True):
    """An event that is kept; `seq` grows with each one."""

    seq: int
    event_id: str
    type: str
    time: datetime
    data: bytes
    received_at: datetime


class UnknownExecution(Exception):
    """There is no execution that an event could be one of."""


class EventBatch(msgspec.Struct, frozen=True):
    """What a run sent in one request, and when it came."""

    execution_id: str
    events: Sequence[NewEvent]
    received_at: datetime


class Apart(Exception):
    """Some events are there already: messages added one by one show whose they are."""


_INSERT = bulk.Insert(
    events,
    ("execution_id", "received_at", "event_id", "type", "time", "data", "sequence"),
    unique="execution_id, event_id",
)
_TOUCH = "UPDATE executions SET last_seen_at = {mark} WHERE id = {mark} AND last_seen_at <= {mark}"


def add(connection: Connection, messages: Sequence[EventBatch]) -> list[int]:
    """Add the events that are not there yet; how many of each message that were.

    Raises `UnknownExecution` when an execution is not there, and `Apart` when several messages
    have to be added one by one.
    """
    rows = _list_rows(messages, bulk.moment_writer(connection))
    try:
        added = _INSERT.run(connection, rows)
    except IntegrityError:
        raise UnknownExecution from None
    if len(messages) > 1 and added < len(rows):
        raise Apart
    _touch(connection, messages)
    return [added] if len(messages) == 1 else [len(message.events) for message in messages]


def _list_rows(
    messages: Sequence[EventBatch], write: Callable[[datetime], Any]
) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for message in messages:
        id_, received_at = message.execution_id, write(message.received_at)
        rows += [
            (id_, received_at, e.event_id, e.type, write(e.time), e.data, e.sequence)
            for e in message.events
        ]
    return rows


def _touch(connection: Connection, messages: Sequence[EventBatch]) -> None:
    """Write down that the executions are alive, where that is worth it."""
    latest = max(message.received_at for message in messages)
    write = bulk.moment_writer(connection)
    at, before = write(latest), write(latest - SEEN_AGAIN)
    statement = _TOUCH.format(mark=bulk.mark(connection))
    for id_ in sorted({message.execution_id for message in messages if message.events}):
        bulk.execute(connection, statement, (at, id_, before))


def missing(connection: Connection, execution_id: str) -> int:
    """How many events were told before the last one that is kept, and are not kept themselves."""
    sequence = events.c.sequence
    statement = select(func.max(sequence) - func.count(sequence.distinct())).where(
        events.c.execution_id == execution_id, sequence > 0
    )
    return connection.scalar(statement) or 0


def list_page(
    connection: Connection, execution_id: str, *, after: int = 0, limit: int = 100
) -> list[StoredEvent]:
    """The events of an execution in the order they came, from after a number on."""
    statement = (
        select(*columns(events, StoredEvent))
        .where(events.c.execution_id == execution_id, events.c.seq > after)
        .order_by(events.c.seq)
        .limit(limit)
    )
    return every(connection, statement, StoredEvent)


def latest(connection: Connection, execution_id: str, limit: int = 2_000) -> list[StoredEvent]:
    """The last events of an execution, in the order they came."""
    newest = (
        select(*columns(events, StoredEvent))
        .where(events.c.execution_id == execution_id)
        .order_by(events.c.seq.desc())
        .limit(limit)
    )
    return every(connection, newest, StoredEvent)[::-1]


def latest_of_each(
    connection: Connection, execution_ids: Collection[str]
) -> dict[str, StoredEvent]:
    """The latest event of each execution that has one."""
    newest = (
        select(func.max(events.c.seq))
        .where(events.c.execution_id.in_(execution_ids))
        .group_by(events.c.execution_id)
    )
    rows = connection.execute(
        select(events.c.execution_id, *columns(events, StoredEvent)).where(events.c.seq.in_(newest))
    )
    return {row[0]: StoredEvent(*row[1:]) for row in rows}
