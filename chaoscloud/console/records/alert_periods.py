"""When alerts of safeguards fired, so that the page of a run shows those of its time."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, delete, or_, select, update

from chaoscloud.console.db.schema import alert_periods, safeguards
from chaoscloud.console.rules.safeguards.kinds.alert import AlertSettings
from chaoscloud.console.rules.safeguards.model import FiringAlert

MOST_STORED = 10_000  # periods of one safeguard; the oldest are forgotten
MOST_SHOWN = 20  # of one run


class AlertPeriod(msgspec.Struct, frozen=True):
    """An alert that fired; `until` None: it fires, as far as is known."""

    summary: str
    since: datetime
    until: datetime | None


def record_changes(
    connection: Connection,
    safeguard_id: str,
    before: Mapping[str, FiringAlert],
    after: Mapping[str, FiringAlert],
    now: datetime,
) -> None:
    """Write down which alerts began to fire and which ended, by their keys."""
    began = [key for key in after if key not in before]
    _end(connection, safeguard_id, [key for key in before if key not in after], now)
    if not began:
        return
    rows = [
        {
            "safeguard_id": safeguard_id,
            "alert_key": key,
            "summary": after[key].summary,
            "since": after[key].since,
        }
        for key in began
    ]
    connection.execute(alert_periods.insert(), rows)
    _forget_oldest(connection, safeguard_id)


def _end(connection: Connection, safeguard_id: str, keys: Collection[str], now: datetime) -> None:
    column = alert_periods.c
    if keys:
        where = (column.safeguard_id == safeguard_id, column.alert_key.in_(keys))
        connection.execute(
            update(alert_periods).where(*where, column.until.is_(None)).values(until=now)
        )


def _forget_oldest(connection: Connection, safeguard_id: str) -> None:
    column = alert_periods.c
    own = select(column.seq).where(column.safeguard_id == safeguard_id)
    last = connection.scalar(own.order_by(column.seq.desc()).offset(MOST_STORED).limit(1))
    if last is not None:
        where = (column.safeguard_id == safeguard_id, column.seq <= last)
        connection.execute(delete(alert_periods).where(*where))


def list_during(
    connection: Connection,
    organization_id: str,
    team_id: str,
    tags: Collection[str],
    start: datetime,
    end: datetime,
) -> list[AlertPeriod]:
    """The alerts that fired in a stretch of time and that concern a team's run with these tags.

    One that nobody repeated for long counts as over, as it does for its safeguard.
    """
    column, own = alert_periods.c, safeguards.c
    statement = (
        select(column.summary, column.since, column.until, own.tags, own.settings, own.removed_at)
        .join(safeguards, own.id == column.safeguard_id)
        .where(own.organization_id == organization_id)
        .where(or_(own.team_id.is_(None), own.team_id == team_id))
        .where(column.since <= end, or_(column.until.is_(None), column.until >= start))
        .order_by(column.since, column.seq)
        .limit(10 * MOST_SHOWN)
    )
    periods = []
    for row in connection.execute(statement):
        if row.tags and set(row.tags).isdisjoint(tags):
            continue
        until = row.until or row.removed_at or _find_forgotten(row.since, row.settings, end)
        if until is None or until >= start:
            periods.append(AlertPeriod(row.summary, row.since, until))
    return periods[:MOST_SHOWN]


def _find_forgotten(since: datetime, settings: str, end: datetime) -> datetime | None:
    """When an alert without an end was forgotten, if that was before the end of the run."""
    forget_after = msgspec.json.decode(settings, type=AlertSettings).forget_after
    forgotten_at = since + timedelta(seconds=forget_after)
    return forgotten_at if forgotten_at <= end else None
