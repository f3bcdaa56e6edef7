"""What a run says while it goes on: CloudEvents, each kept once."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.exc import IntegrityError

from chaoscloud.console.db import bulk
from chaoscloud.console.db.schema import events, executions
from chaoscloud.console.records._rows import columns, every

SEEN_AGAIN = timedelta(seconds=1)  # how often it is worth writing down that a run is alive


class NewEvent(msgspec.Struct, frozen=True):
    """An event as it came; `data` is JSON."""

    event_id: str
    type: str
    time: datetime
    data: bytes
    sequence: int | None = None  # 1, 2, … within the execution, if the client counts them


class Event(msgspec.Struct, frozen=True):
    """An event that is kept; `seq` grows with each one."""

    seq: int
    event_id: str
    type: str
    time: datetime
    data: bytes
    received_at: datetime


class UnknownExecution(Exception):
    """There is no execution that an event could be one of."""


class Telling(msgspec.Struct, frozen=True):
    """What a run told in one message, and when it came."""

    execution_id: str
    events: Sequence[NewEvent]
    at: datetime


class Apart(Exception):
    """Some of the events are there already; whose they are shows when messages are kept apart."""


_SEEN = (
    update(executions)
    .where(executions.c.id.in_(bindparam("ids", expanding=True)))
    .where(executions.c.last_seen_at <= bindparam("before"))
    .values(last_seen_at=bindparam("at"))
)


def keep(connection: Connection, told: Sequence[Telling]) -> list[int]:
    """Keep the events that are not there yet; how many of each message that were.

    Raises `UnknownExecution` when an execution is not there, and `Apart` when several messages
    have to be kept one by one.
    """
    rows = [
        {"execution_id": each.execution_id, "received_at": each.at, **msgspec.structs.asdict(event)}
        for each in told
        for event in each.events
    ]
    try:
        added = bulk.add_new(connection, events, rows, "execution_id, event_id")
    except IntegrityError:
        raise UnknownExecution from None
    if len(told) > 1 and added < len(rows):
        raise Apart
    now = max(each.at for each in told)
    ids = list({each.execution_id for each in told if each.events})
    connection.execute(_SEEN, {"ids": ids, "before": now - SEEN_AGAIN, "at": now})
    return [added] if len(told) == 1 else [len(each.events) for each in told]


def missing(connection: Connection, execution_id: str) -> int:
    """How many events were told before the last one that is kept, and are not kept themselves."""
    told = events.c.sequence
    statement = select(func.max(told) - func.count(told.distinct())).where(
        events.c.execution_id == execution_id, told > 0
    )
    return connection.scalar(statement) or 0


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


def latest(connection: Connection, execution_id: str, limit: int = 2_000) -> list[Event]:
    """The last events of an execution, in the order they came."""
    newest = (
        select(*columns(events, Event))
        .where(events.c.execution_id == execution_id)
        .order_by(events.c.seq.desc())
        .limit(limit)
    )
    return every(connection, newest, Event)[::-1]


def latest_of_each(connection: Connection, execution_ids: Collection[str]) -> dict[str, Event]:
    """The latest event of each execution that has one."""
    newest = (
        select(func.max(events.c.seq))
        .where(events.c.execution_id.in_(execution_ids))
        .group_by(events.c.execution_id)
    )
    rows = connection.execute(
        select(events.c.execution_id, *columns(events, Event)).where(events.c.seq.in_(newest))
    )
    return {row[0]: Event(*row[1:]) for row in rows}
