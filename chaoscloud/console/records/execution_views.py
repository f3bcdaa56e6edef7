"""A team's executions as pages show them: rows of a list, and one with all its details.

Lists go by mark, so that a page costs the same however far back it lies.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from chaoscloud.console.db.schema import (
    events,
    executions,
    experiments,
    outcomes,
    people,
    safeguards,
    teams,
)
from chaoscloud.console.records._rows import columns, every, first
from chaoscloud.console.records.audit import OPERATOR
from chaoscloud.console.records.lists import Cursor, newest_first
from chaoscloud.console.records.outcomes import NOT_PASSED

SILENCE = timedelta(minutes=15)  # a run that says nothing for so long is one we lost


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
    warnings: str | None  # JSON
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


class StopRequest(msgspec.Struct, frozen=True):
    """A stop of one execution, as somebody asked for it."""

    reason: str
    person_name: str | None  # None: the operator on the machine
    created_at: datetime
    expires_at: datetime | None
    removed_at: datetime | None


class ExecutionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which executions to list; an empty field excludes none. `until` itself is not included."""

    status: str = ""  # one of the statuses, or "lost"
    outcome: str = ""  # one of the outcomes, "went-wrong", "inconclusive" or "dry"
    experiment_id: str = ""
    person_id: str = ""
    tag: str = ""
    since: datetime | None = None
    until: datetime | None = None


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


def list_rows(
    connection: Connection,
    team_id: str,
    criteria: ExecutionFilter,
    now: datetime,
    *,
    after: Cursor | None = None,
    limit: int = 50,
) -> list[ExecutionRow]:
    """A team's executions, newest first."""
    column = executions.c
    statement = _select_rows().where(column.team_id == team_id, *_conditions(criteria, now))
    order: tuple[ColumnElement[Any], ColumnElement[Any]] = (column.started_at, column.id)
    if criteria.outcome:  # in the order of the index by outcome
        statement = statement.where(outcomes.c.team_id == team_id)
        order = (outcomes.c.started_at, outcomes.c.execution_id)
    page = newest_first(statement, *order, after=after, limit=limit)
    return every(connection, page, ExecutionRow)


def _select_rows() -> Select[Any]:
    ending = ("outcome", "conclusive", "sentence", "warnings", "dry")
    joined = {"person_name": people.c.name, **{name: outcomes.c[name] for name in ending}}
    return (
        select(*columns(executions, ExecutionRow, **joined))
        .join(people, people.c.id == executions.c.person_id)
        .outerjoin(outcomes, outcomes.c.execution_id == executions.c.id)
    )


def _conditions(criteria: ExecutionFilter, now: datetime) -> list[ColumnElement[bool]]:
    column = executions.c
    conditions = [
        *_status_conditions(criteria.status, now),
        *_outcome_conditions(criteria.outcome),
    ]
    if criteria.experiment_id:
        conditions.append(column.experiment_id == criteria.experiment_id)
    if criteria.person_id:
        conditions.append(column.person_id == criteria.person_id)
    if criteria.tag:
        conditions.append(column.tags.contains(_json(criteria.tag), autoescape=True))
    if criteria.since:
        conditions.append(column.started_at >= criteria.since)
    if criteria.until:
        conditions.append(column.started_at < criteria.until)
    return conditions


def _status_conditions(status: str, now: datetime) -> list[ColumnElement[bool]]:
    column = executions.c
    if status == "lost":
        return [column.status == "running", column.last_seen_at < now - SILENCE]
    if status == "running":
        return [column.status == "running", column.last_seen_at >= now - SILENCE]
    return [column.status == status] if status else []


def _outcome_conditions(name: str) -> list[ColumnElement[bool]]:
    column = outcomes.c
    if not name:
        return []
    groups: dict[str, ColumnElement[bool]] = {
        "went-wrong": column.outcome.in_(NOT_PASSED),
        "inconclusive": and_(
            column.outcome.in_(("passed", "deviated")), column.conclusive.is_(False)
        ),
        "dry": column.dry.is_(True),
    }
    return [groups.get(name, column.outcome == name)]


def _json(text: str) -> str:
    return msgspec.json.encode(text).decode()


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
