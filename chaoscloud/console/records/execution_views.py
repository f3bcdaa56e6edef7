"""A team's executions as pages show them: rows of a list, and one with all its details."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, or_, select

from chaoscloud.console.db import changes
from chaoscloud.console.db.schema import (
    events,
    executions,
    experiments,
    outcomes,
    people,
    safeguards,
    teams,
)
from chaoscloud.console.records._rows import belongs_to, columns, every, first
from chaoscloud.console.records.audit import OPERATOR
from chaoscloud.console.records.execution_lists import SILENCE

MOST_FOLLOWED = 200  # runs of a team that its lists follow while they go on


class ExecutionRow(msgspec.Struct, frozen=True):
    """An execution as a list shows it."""

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
    outcome: str | None  # None while it goes on, as are the next three
    conclusive: bool | None
    sentence: str | None
    left_behind: bool | None  # whether what the method did may still be there
    dry: bool | None


class ExecutionDetail(msgspec.Struct, frozen=True):
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


class ExecutionMarker(msgspec.Struct, frozen=True):
    """Equal to an earlier one as long as nothing new is known of the execution."""

    status: str
    updated_at: datetime
    last_event: int | None
    last_stop: datetime | None


class ListMarker(msgspec.Struct, frozen=True):
    """Equal to an earlier one as long as nothing new is known of a team's executions."""

    changes: int  # of the organization: how often one of its executions began or ended
    last_event: int | None  # of those that go on
    silent: int  # how many of them have fallen silent


class StopRequest(msgspec.Struct, frozen=True):
    """A stop of one execution, as somebody asked for it."""

    reason: str
    person_name: str | None  # None: the operator on the machine
    created_at: datetime
    expires_at: datetime | None
    removed_at: datetime | None


class ExecutionSummary(msgspec.Struct, frozen=True):
    """One execution in a strip of outcomes."""

    id: str
    status: str
    started_at: datetime
    duration: float | None
    last_seen_at: datetime
    outcome: str | None
    conclusive: bool | None
    dry: bool | None


def read_rows(connection: Connection, team_id: str, ids: Sequence[str]) -> list[ExecutionRow]:
    """These executions of a team, in this order."""
    ending = ("outcome", "conclusive", "sentence", "left_behind", "dry")
    joined = {"person_name": people.c.name, **{name: outcomes.c[name] for name in ending}}
    statement = (
        select(*columns(executions, ExecutionRow, **joined))
        .join(people, people.c.id == executions.c.person_id)
        .outerjoin(outcomes, outcomes.c.execution_id == executions.c.id)
        .where(belongs_to(executions.c.team_id, team_id), executions.c.id.in_(ids))
    )
    rows = {row.id: row for row in every(connection, statement, ExecutionRow)} if ids else {}
    return [rows[execution_id] for execution_id in ids if execution_id in rows]


def find_detail(connection: Connection, team_id: str, execution_id: str) -> ExecutionDetail | None:
    """One execution of a team."""
    joined = {"person_name": people.c.name, "experiment_source": experiments.c.source}
    statement = (
        select(*columns(executions, ExecutionDetail, **joined))
        .join(people, people.c.id == executions.c.person_id)
        .join(experiments, experiments.c.id == executions.c.experiment_id)
        .where(executions.c.team_id == team_id, executions.c.id == execution_id)
    )
    return first(connection, statement, ExecutionDetail)


def find_marker(connection: Connection, team_id: str, execution_id: str) -> ExecutionMarker | None:
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
    return first(connection, statement, ExecutionMarker)


def find_list_marker(
    connection: Connection, organization_id: str, team_id: str, now: datetime
) -> ListMarker:
    """What changes when a list of a team's executions does; costs next to nothing to ask."""
    running = executions.alias()
    last = (
        select(func.max(events.c.seq))
        .where(events.c.execution_id == running.c.id)
        .correlate(running)
        .scalar_subquery()
    )
    latest_events = (
        select(last.label("seq"), (running.c.last_seen_at < now - SILENCE).label("is_silent"))
        .where(running.c.team_id == team_id, running.c.status == "running")
        .order_by(running.c.last_seen_at.desc())
        .limit(MOST_FOLLOWED)
        .subquery()
    )
    silent = func.count().filter(latest_events.c.is_silent)
    last_event, count = connection.execute(select(func.max(latest_events.c.seq), silent)).one()
    revision = changes.read_revision(connection, organization_id)
    return ListMarker(revision.executions, last_event, count)


def list_stop_requests(connection: Connection, execution_id: str) -> list[StopRequest]:
    """The stops of one run, the last one first; also of a run that has ended since."""
    column = safeguards.c
    statement = (
        select(
            column.reason,
            func.coalesce(people.c.name, column.operator + OPERATOR),
            column.created_at,
            column.expires_at,
            column.removed_at,
        )
        .outerjoin(people, people.c.id == column.person_id)
        .where(column.execution_id == execution_id)
        .order_by(column.created_at.desc())
    )
    return every(connection, statement, StopRequest)


def find_decision_time(
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


def list_summaries(
    connection: Connection, team_id: str, experiment_id: str, most: int = 40
) -> list[ExecutionSummary]:
    """The last runs of an experiment by a team, newest first."""
    statement = (
        _select_summaries()
        .where(executions.c.experiment_id == experiment_id, executions.c.team_id == team_id)
        .order_by(executions.c.started_at.desc(), executions.c.id.desc())
        .limit(most)
    )
    return every(connection, statement, ExecutionSummary)


def find_last_passed(
    connection: Connection, team_id: str, execution: ExecutionDetail
) -> ExecutionSummary | None:
    """The last run of the same experiment, before this one, that passed and was not dry.

    A conclusive one, if there is any.
    """
    column = outcomes.c
    passed = (
        select(column.execution_id)
        .where(column.experiment_id == execution.experiment_id, column.team_id == team_id)
        .where(column.outcome == "passed", column.dry.is_(False))
        .where(column.started_at <= execution.started_at, column.execution_id != execution.id)
        .order_by(column.started_at.desc())
        .limit(1)
    )
    # Found in outcomes first, whose rows are short.
    execution_id = connection.scalar(passed.where(column.conclusive.is_(True)))
    execution_id = execution_id or connection.scalar(passed)
    if execution_id is None:
        return None
    statement = _select_summaries().where(executions.c.id == execution_id)
    return first(connection, statement, ExecutionSummary)


def _select_summaries() -> Select[Any]:
    joined = {name: outcomes.c[name] for name in ("outcome", "conclusive", "dry")}
    return select(*columns(executions, ExecutionSummary, **joined)).outerjoin(
        outcomes, outcomes.c.execution_id == executions.c.id
    )
