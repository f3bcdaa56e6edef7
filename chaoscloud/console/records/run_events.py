"""What verification runs sent while they were running."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from chaoscloud.console.db.schema import (
    verification_events,
)
from chaoscloud.console.records._rows import columns, every


class VerificationRunEvent(msgspec.Struct, frozen=True):
    """Something a run said; `payload` is JSON, `seq` grows with each one."""

    seq: int
    category: str
    payload: bytes
    received_at: datetime


def add_event(
    connection: Connection, run_id: str, category: str, payload: bytes, now: datetime
) -> int:
    """Keep something a run said; its number."""
    seq: int = connection.scalar(
        verification_events.insert()
        .values(run_id=run_id, category=category, payload=payload, received_at=now)
        .returning(verification_events.c.seq)
    )
    return seq


def list_page(
    connection: Connection, run_id: str, *, after: int = 0, limit: int = 50
) -> list[VerificationRunEvent]:
    """What a run said, in the order it came, from after a number on."""
    by = verification_events.c
    statement = (
        select(*columns(verification_events, VerificationRunEvent))
        .where(by.run_id == run_id, by.seq > after)
        .order_by(by.seq)
        .limit(limit)
    )
    return every(connection, statement, VerificationRunEvent)
