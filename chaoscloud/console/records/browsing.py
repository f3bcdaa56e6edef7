"""What people look through: a team's executions and experiments, with their names beside them.

Lists go by mark, so that a page costs the same however far back it lies.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from chaoscloud.console.db.schema import (
    events,
    executions,
    experiment_versions,
    experiments,
    people,
    safeguards,
    team_experiments,
    teams,
)
from chaoscloud.console.records._rows import columns, every, first
from chaoscloud.console.records.lists import Mark, newest_first

SILENCE = timedelta(minutes=15)  # a run that says nothing for so long is one we lost


class Line(msgspec.Struct, frozen=True):
    """An execution as lists show it."""

    id: str
    experiment_id: str
    title: str
    status: str
    person_name: str
    node: str | None
    tags: str  # JSON list of strings
    started_at: datetime
    ended_at: datetime | None
    duration: float | None  # seconds
    last_seen_at: datetime


class Sheet(msgspec.Struct, frozen=True):
    """One execution with all that its page shows."""

    id: str
    team_id: str
    experiment_id: str
    experiment_version: int
    experiment_source: str | None
    title: str
    status: str
    person_name: str
    node: str | None
    platform: str | None
    chaoslib_version: str | None
    tags: str
    started_at: datetime
    ended_at: datetime | None
    duration: float | None
    safeguards: str | None  # JSON
    stop: str | None  # JSON
    journal: bytes
    updated_at: datetime
    last_seen_at: datetime


class Pulse(msgspec.Struct, frozen=True):
    """Equal to the last one as long as an execution told nothing new."""

    status: str
    updated_at: datetime
    last_event: int | None
    last_stop: datetime | None


class Asked(msgspec.Struct, frozen=True):
    """A stop of one run, as somebody asked for it."""

    reason: str
    person_name: str | None  # None: the operator on the machine
    created_at: datetime
    expires_at: datetime | None
    removed_at: datetime | None


class Told(msgspec.Struct, frozen=True):
    """An event of a run: its data is JSON."""

    seq: int
    type: str
    time: datetime
    data: bytes


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; nothing said is everything. Times: from the first, before the second."""

    status: str = ""  # one of the statuses, or "lost"
    experiment_id: str = ""
    person_id: str = ""
    tag: str = ""
    since: datetime | None = None
    until: datetime | None = None


def lines(
    connection: Connection,
    team_id: str,
    wanted: Wanted,
    now: datetime,
    *,
    after: Mark | None = None,
    limit: int = 50,
) -> list[Line]:
    """A team's executions, newest first."""
    column = executions.c
    statement = _lines().where(column.team_id == team_id, *_matching(wanted, now))
    page = newest_first(statement, column.started_at, column.id, after=after, limit=limit)
    return every(connection, page, Line)


def _lines() -> Select[Any]:
    own = columns(executions, Line, person_name=people.c.name)
    return select(*own).join(people, people.c.id == executions.c.person_id)


def _matching(wanted: Wanted, now: datetime) -> list[ColumnElement[bool]]:
    column = executions.c
    conditions = _of_status(wanted.status, now)
    if wanted.experiment_id:
        conditions.append(column.experiment_id == wanted.experiment_id)
    if wanted.person_id:
        conditions.append(column.person_id == wanted.person_id)
    if wanted.tag:
        conditions.append(column.tags.contains(_json(wanted.tag), autoescape=True))
    if wanted.since:
        conditions.append(column.started_at >= wanted.since)
    if wanted.until:
        conditions.append(column.started_at < wanted.until)
    return conditions


def _of_status(status: str, now: datetime) -> list[ColumnElement[bool]]:
    column = executions.c
    if status == "lost":
        return [column.status == "running", column.last_seen_at < now - SILENCE]
    if status == "running":
        return [column.status == "running", column.last_seen_at >= now - SILENCE]
    return [column.status == status] if status else []


def _json(text: str) -> str:
    return msgspec.json.encode(text).decode()


def sheet(connection: Connection, team_id: str, execution_id: str) -> Sheet | None:
    """One execution of a team."""
    joined = {"person_name": people.c.name, "experiment_source": experiments.c.source}
    statement = (
        select(*columns(executions, Sheet, **joined))
        .join(people, people.c.id == executions.c.person_id)
        .join(experiments, experiments.c.id == executions.c.experiment_id)
        .where(executions.c.team_id == team_id, executions.c.id == execution_id)
    )
    return first(connection, statement, Sheet)


def pulse(connection: Connection, team_id: str, execution_id: str) -> Pulse | None:
    """What changes when an execution does; costs next to nothing to ask."""
    column = executions.c
    last = (
        select(func.max(events.c.seq))
        .where(events.c.execution_id == execution_id)
        .scalar_subquery()
    )
    stop = (
        select(func.max(safeguards.c.created_at))
        .where(safeguards.c.execution_id == execution_id)
        .scalar_subquery()
    )
    statement = select(column.status, column.updated_at, last, stop).where(
        column.team_id == team_id, column.id == execution_id
    )
    return first(connection, statement, Pulse)


def asked_to_stop(connection: Connection, execution_id: str) -> list[Asked]:
    """The stops of one run, the last one first; also of a run that has ended since."""
    column = safeguards.c
    statement = (
        select(
            column.reason,
            func.coalesce(people.c.name, column.operator),
            column.created_at,
            column.expires_at,
            column.removed_at,
        )
        .outerjoin(people, people.c.id == column.person_id)
        .where(column.execution_id == execution_id)
        .order_by(column.created_at.desc())
    )
    return every(connection, statement, Asked)


def decided(
    connection: Connection, team_id: str, names: Collection[str], start: datetime, end: datetime
) -> datetime | None:
    """When the first of these safeguards was set, if that was while the run went on."""
    organization_id = select(teams.c.organization_id).where(teams.c.id == team_id).scalar_subquery()
    column = safeguards.c
    return connection.scalar(
        select(column.created_at)
        .where(
            column.organization_id == organization_id,
            or_(column.team_id.is_(None), column.team_id == team_id),
            column.name.in_(names),
            column.created_at.between(start, end),
        )
        .order_by(column.created_at)
        .limit(1)
    )


def told(connection: Connection, execution_id: str, most: int = 2_000) -> list[Told]:
    """The last events of a run, in the order they came."""
    newest = (
        select(events.c.seq, events.c.type, events.c.time, events.c.data)
        .where(events.c.execution_id == execution_id)
        .order_by(events.c.seq.desc())
        .limit(most)
    )
    return every(connection, newest, Told)[::-1]


def doing(connection: Connection, execution_ids: Collection[str]) -> dict[str, Told]:
    """The latest event of each run that has one."""
    latest = (
        select(func.max(events.c.seq))
        .where(events.c.execution_id.in_(execution_ids))
        .group_by(events.c.execution_id)
    )
    rows = connection.execute(
        select(
            events.c.execution_id, events.c.seq, events.c.type, events.c.time, events.c.data
        ).where(events.c.seq.in_(latest))
    )
    return {row[0]: Told(*row[1:]) for row in rows}


# --- experiments -------------------------------------------------------------------------------


class Entry(msgspec.Struct, frozen=True):
    """An experiment as lists show it."""

    id: str
    title: str
    source: str | None
    latest_version: int
    created_at: datetime
    updated_at: datetime


class Version(msgspec.Struct, frozen=True):
    """One version of an experiment's document."""

    number: int
    person_name: str
    created_at: datetime
    document: bytes


class Outcome(msgspec.Struct, frozen=True):
    """One run in a strip of outcomes."""

    id: str
    status: str
    started_at: datetime
    duration: float | None
    last_seen_at: datetime


def experiments_of(
    connection: Connection, team_id: str, *, after: Mark | None = None, limit: int = 50
) -> list[Entry]:
    """A team's experiments, the last changed first."""
    column = experiments.c
    statement = _entries().where(team_experiments.c.team_id == team_id)
    page = newest_first(statement, column.updated_at, column.id, after=after, limit=limit)
    return every(connection, page, Entry)


def experiment(connection: Connection, team_id: str, experiment_id: str) -> Entry | None:
    """One experiment that a team sees."""
    statement = _entries().where(
        team_experiments.c.team_id == team_id, experiments.c.id == experiment_id
    )
    return first(connection, statement, Entry)


def _entries() -> Select[Any]:
    own = columns(experiments, Entry)
    return select(*own).join(team_experiments, team_experiments.c.experiment_id == experiments.c.id)


def versions(connection: Connection, experiment_id: str, most: int = 20) -> list[Version]:
    """The versions of an experiment, newest first."""
    column = experiment_versions.c
    statement = (
        select(column.number, people.c.name, column.created_at, column.document)
        .join(people, people.c.id == column.person_id)
        .where(column.experiment_id == experiment_id)
        .order_by(column.number.desc())
        .limit(most)
    )
    return every(connection, statement, Version)


def outcomes(
    connection: Connection, team_id: str, experiment_id: str, most: int = 40
) -> list[Outcome]:
    """The last runs of an experiment by a team, newest first."""
    statement = (
        select(*columns(executions, Outcome))
        .where(executions.c.experiment_id == experiment_id, executions.c.team_id == team_id)
        .order_by(executions.c.started_at.desc(), executions.c.id.desc())
        .limit(most)
    )
    return every(connection, statement, Outcome)
