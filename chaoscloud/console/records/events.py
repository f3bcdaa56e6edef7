"""What a run says while it goes on: CloudEvents, each kept once."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, bindparam, select, text, update

from chaoscloud.console.db.schema import events, executions
from chaoscloud.console.records._rows import columns, every

SEEN_AGAIN = timedelta(seconds=1)  # how often it is worth writing down that a run is alive


class NewEvent(msgspec.Struct, frozen=True):
    """An event as it came; `data` is JSON."""

    event_id: str
    type: str
    time: datetime
    data: bytes


class Event(msgspec.Struct, frozen=True):
    """An event that is kept; `seq` grows with each one."""

    seq: int
    event_id: str
    type: str
    time: datetime
    data: bytes
    received_at: datetime


# SQLAlchemy says "unless it is there" differently for each database; they all say it like this.
_ADD = text(
    "INSERT INTO events (execution_id, event_id, type, time, data, received_at)"
    " VALUES (:execution_id, :event_id, :type, :time, :data, :received_at)"
    " ON CONFLICT (execution_id, event_id) DO NOTHING"
).bindparams(
    bindparam("time", type_=events.c.time.type),
    bindparam("data", type_=events.c.data.type),
    bindparam("received_at", type_=events.c.received_at.type),
)


def add(connection: Connection, execution_id: str, new: Sequence[NewEvent], now: datetime) -> int:
    """Keep the events of an execution that are not there yet; how many that were."""
    if not new:
        return 0
    rows = [
        {"execution_id": execution_id, "received_at": now, **msgspec.structs.asdict(event)}
        for event in new
    ]
    added = connection.execute(_ADD, rows).rowcount
    connection.execute(
        update(executions)
        .where(executions.c.id == execution_id)
        .where(executions.c.last_seen_at <= now - SEEN_AGAIN)
        .values(last_seen_at=now)
    )
    return added


def listed(
    connection: Connection, execution_id: str, *, after: int = 0, limit: int = 100
) -> list[Event]:
    """The events of an execution in the order they came, from after a number on."""
    statement = (
        select(*columns(events, Event))
        .where(events.c.execution_id == execution_id, events.c.seq > after)
        .order_by(events.c.seq)
        .limit(limit)
    )
    return every(connection, statement, Event)
