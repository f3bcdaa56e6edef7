"""Runs that a team expects, and those that did not come.

Missed runs are rows, made once by whichever console process is first. A run that had started in
time and is recorded later, because its machine could not reach the console, takes its row back.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, select, update

from chaoscloud.console.db.bulk import insert_missing
from chaoscloud.console.db.schema import (
    expected_runs,
    experiments,
    missed_runs,
    outcomes,
    people,
    team_experiments,
)
from chaoscloud.console.messages.announcements import announce_missed
from chaoscloud.console.records import audit
from chaoscloud.console.records._rows import TooMany, columns, every, first, new_id
from chaoscloud.console.records.audit import OPERATOR
from chaoscloud.console.rules import schedules
from chaoscloud.console.rules.schedules import Schedule

MOST_EXPECTED = 200  # of one team
MOST_CHECKED = 100  # schedules in one write
MOST_MOMENTS = 50  # of one schedule that are judged at once; earlier ones never are
LATE = timedelta(days=10)  # for so long a run may wait to be recorded


class ExpectedRun(msgspec.Struct, frozen=True):
    """A schedule by which a team expects runs of an experiment; `grace` is in seconds."""

    id: str
    team_id: str
    experiment_id: str
    title: str
    cron: str
    zone: str
    grace: float
    author: str | None
    created_at: datetime

    @property
    def schedule(self) -> Schedule:
        """Its moments."""
        return Schedule(self.cron, self.zone, self.grace)


class ExpectedRunStatus(ExpectedRun, frozen=True, kw_only=True):
    """The same, with its words, the next moment, and the last one by which no run came."""

    description: str
    next_due_at: datetime | None
    last_missed_at: datetime | None


class MissedRun(msgspec.Struct, frozen=True):
    """A run that did not start after `since` and by `until`, as expected by `due_at`."""

    expected_run_id: str
    team_id: str
    experiment_id: str
    title: str
    due_at: datetime
    since: datetime
    until: datetime
    noticed_at: datetime


class TeamActor(msgspec.Struct, frozen=True, kw_only=True):
    """Who changes what is expected: a person with a token, or an operator on the machine."""

    organization_id: str
    team_id: str
    person_id: str | None = None
    token_id: str | None = None
    operator: str | None = None


def add(
    connection: Connection, actor: TeamActor, experiment_id: str, schedule: Schedule, now: datetime
) -> ExpectedRun | None:
    """Expect runs of the team's experiment from now on; None for an unknown experiment.

    Raises `TooMany`.
    """
    link = team_experiments.c
    title = connection.scalar(
        select(experiments.c.title)
        .join(team_experiments, link.experiment_id == experiments.c.id)
        .where(link.team_id == actor.team_id, experiments.c.id == experiment_id)
    )
    if title is None:
        return None
    present = (expected_runs.c.team_id == actor.team_id, expected_runs.c.removed_at.is_(None))
    number = connection.scalar(select(func.count()).select_from(expected_runs).where(*present))
    if (number or 0) >= MOST_EXPECTED:
        raise TooMany(f"A team expects at most {MOST_EXPECTED} runs")
    expected_id = new_id()
    connection.execute(
        expected_runs.insert().values(
            id=expected_id,
            team_id=actor.team_id,
            experiment_id=experiment_id,
            person_id=actor.person_id,
            operator=actor.operator,
            created_at=now,
            checked_until=now,
            next_check_at=_find_next_check(schedule, now),
            **msgspec.structs.asdict(schedule),
        )
    )
    _log(connection, actor, "expected-run.added", title, schedule, experiment_id, now)
    return find(connection, actor.team_id, expected_id)


def change(
    connection: Connection,
    actor: TeamActor,
    expected: ExpectedRun,
    schedule: Schedule,
    now: datetime,
) -> None:
    """Expect these runs by another schedule from now on; what was missed stays."""
    connection.execute(
        update(expected_runs)
        .where(expected_runs.c.id == expected.id)
        .values(
            checked_until=now,
            next_check_at=_find_next_check(schedule, now),
            **msgspec.structs.asdict(schedule),
        )
    )
    title, experiment_id = expected.title, expected.experiment_id
    _log(connection, actor, "expected-run.changed", title, schedule, experiment_id, now)


def is_operators(connection: Connection, expected_id: str) -> bool:
    """Whether an operator on the machine set it, and no person."""
    column = expected_runs.c
    statement = select(column.id).where(column.id == expected_id, column.person_id.is_(None))
    return connection.execute(statement).first() is not None


def remove(connection: Connection, actor: TeamActor, expected: ExpectedRun, now: datetime) -> None:
    """Expect these runs no more; what was missed stays."""
    connection.execute(
        update(expected_runs).where(expected_runs.c.id == expected.id).values(removed_at=now)
    )
    schedule, experiment_id = expected.schedule, expected.experiment_id
    _log(connection, actor, "expected-run.removed", expected.title, schedule, experiment_id, now)


def find(connection: Connection, team_id: str, expected_id: str) -> ExpectedRun | None:
    """What the team expects under this id."""
    statement = _of_team(team_id).where(expected_runs.c.id == expected_id)
    return first(connection, statement, ExpectedRun)


def list_of_team(
    connection: Connection, team_id: str, now: datetime, *, experiment_id: str | None = None
) -> list[ExpectedRunStatus]:
    """What the team expects, by title."""
    statement = _of_team(team_id)
    if experiment_id is not None:
        statement = statement.where(expected_runs.c.experiment_id == experiment_id)
    listed = every(
        connection, statement.order_by(experiments.c.title, expected_runs.c.id), ExpectedRun
    )
    return [describe_status(connection, expected, now) for expected in listed]


def find_next_moments(
    connection: Connection, team_id: str, experiment_ids: Collection[str], now: datetime
) -> dict[str, datetime]:
    """When the next run of each of these experiments is expected, where one is."""
    statement = _of_team(team_id).where(expected_runs.c.experiment_id.in_(experiment_ids))
    moments: dict[str, datetime] = {}
    for expected in every(connection, statement, ExpectedRun):
        moment = schedules.find_next(expected.schedule, now)
        if moment is not None:
            earliest = moments.get(expected.experiment_id, moment)
            moments[expected.experiment_id] = min(earliest, moment)
    return moments


def describe_status(
    connection: Connection, expected: ExpectedRun, now: datetime
) -> ExpectedRunStatus:
    """The same with its words, its next moment and the last that was missed."""
    last_missed = connection.scalar(
        select(func.max(missed_runs.c.due_at)).where(
            missed_runs.c.expected_run_id == expected.id, missed_runs.c.execution_id.is_(None)
        )
    )
    return ExpectedRunStatus(
        **msgspec.structs.asdict(expected),
        description=schedules.describe(expected.schedule),
        next_due_at=schedules.find_next(expected.schedule, now),
        last_missed_at=last_missed,
    )


def list_missed(
    connection: Connection,
    team_id: str,
    *,
    since: datetime | None = None,
    limit: int = 50,
) -> list[MissedRun]:
    """The runs of the team that did not come, the latest first; those due since a time.

    What is expected no more is not among them.
    """
    statement = _select_missed(team_id).limit(limit)
    if since is not None:
        statement = statement.where(missed_runs.c.due_at >= since)
    return every(connection, statement, MissedRun)


def _select_missed(team_id: str) -> Select[Any]:
    column = missed_runs.c
    return (
        select(*columns(missed_runs, MissedRun, title=experiments.c.title))
        .join(expected_runs, expected_runs.c.id == column.expected_run_id)
        .join(experiments, experiments.c.id == column.experiment_id)
        .where(column.team_id == team_id, column.execution_id.is_(None))
        .where(expected_runs.c.removed_at.is_(None))
        .order_by(column.due_at.desc(), column.expected_run_id)
    )


def list_unsettled(connection: Connection, team_id: str) -> list[MissedRun]:
    """The last run of each schedule that did not come, unless one of its experiment came since."""
    by, later = outcomes.c, missed_runs.alias()
    since = select(by.execution_id).where(
        by.team_id == missed_runs.c.team_id,
        by.experiment_id == missed_runs.c.experiment_id,
        by.started_at > missed_runs.c.until,
        *_CAME,
    )
    newer = select(later.c.due_at).where(
        later.c.expected_run_id == missed_runs.c.expected_run_id,
        later.c.due_at > missed_runs.c.due_at,
    )
    statement = _select_missed(team_id).where(~since.exists(), ~newer.exists())
    return every(connection, statement, MissedRun)


# --- what the console does by itself -----------------------------------------------------------


def has_due(connection: Connection, now: datetime) -> bool:
    """Whether there is a moment to judge."""
    statement = select(expected_runs.c.id).where(*_is_due(now)).limit(1)
    return connection.execute(statement).first() is not None


def judge_due(connection: Connection, now: datetime) -> int:
    """Judge the moments that are past with their grace; return how many runs did not come.

    Some schedules at a time. Of several console processes one tells of each.
    """
    by = expected_runs.c
    statement = (
        _select().add_columns(by.checked_until).where(*_is_due(now)).order_by(by.next_check_at)
    )
    missed = 0
    for row in connection.execute(statement.limit(MOST_CHECKED)).all():
        expected = ExpectedRun(*row[:-1])
        missed += _judge(connection, expected, row.checked_until, now)
    return missed


def _judge(
    connection: Connection, expected: ExpectedRun, checked_until: datetime, now: datetime
) -> int:
    schedule = expected.schedule
    until = now - timedelta(seconds=schedule.grace)
    moments = schedules.list_moments(schedule, checked_until, until, MOST_MOMENTS)
    missed = sum(_judge_moment(connection, expected, due_at, now) for due_at in moments)
    last = max([checked_until, *moments])
    connection.execute(
        update(expected_runs)
        .where(expected_runs.c.id == expected.id)
        .values(checked_until=last, next_check_at=_find_next_check(schedule, last))
    )
    return missed


def _judge_moment(
    connection: Connection, expected: ExpectedRun, due_at: datetime, now: datetime
) -> bool:
    """Whether no run came by this moment, and nobody has noticed before."""
    window = schedules.find_window(expected.schedule, due_at)
    row = {
        "expected_run_id": expected.id,
        "due_at": due_at,
        "team_id": expected.team_id,
        "experiment_id": expected.experiment_id,
        "since": window.since,
        "until": window.until,
        "noticed_at": now,
    }
    if _find_run(connection, row) is not None:
        return False
    if not insert_missing(connection, missed_runs, [row]):
        return False
    announce_missed(
        connection, expected.team_id, expected.experiment_id, expected.title, due_at, now
    )
    return True


def list_late(connection: Connection, now: datetime) -> list[tuple[str, datetime, str]]:
    """Missed runs that came in time and were recorded later: the two keys, and the execution."""
    column = missed_runs.c
    statement = (
        select(missed_runs)
        .where(column.execution_id.is_(None), column.due_at > now - LATE)
        .order_by(column.due_at.desc())
        .limit(500)
    )
    rows = [dict(row._mapping) for row in connection.execute(statement)]
    late = [(row, _find_run(connection, row)) for row in rows]
    return [
        (row["expected_run_id"], row["due_at"], execution_id)
        for row, execution_id in late
        if execution_id is not None
    ]


def note_late(connection: Connection, late: Sequence[tuple[str, datetime, str]]) -> None:
    """Take these rows back."""
    column = missed_runs.c
    for expected_id, due_at, execution_id in late:
        connection.execute(
            update(missed_runs)
            .where(column.expected_run_id == expected_id, column.due_at == due_at)
            .values(execution_id=execution_id)
        )


def _find_run(connection: Connection, missed: dict[str, Any]) -> str | None:
    """An execution that came in a window: neither a dry run, nor one that was not let start."""
    column = outcomes.c
    statement = (
        select(column.execution_id)
        .where(column.team_id == missed["team_id"])
        .where(column.experiment_id == missed["experiment_id"])
        .where(column.started_at > missed["since"], column.started_at <= missed["until"])
        .where(*_CAME)
        .limit(1)
    )
    execution_id: str | None = connection.scalar(statement)
    return execution_id


_CAME = (outcomes.c.dry.is_(False), outcomes.c.outcome.is_distinct_from("refused"))


def _is_due(now: datetime) -> tuple[Any, ...]:
    return (expected_runs.c.removed_at.is_(None), expected_runs.c.next_check_at <= now)


def _find_next_check(schedule: Schedule, after: datetime) -> datetime:
    moment = schedules.find_next(schedule, after) or after + timedelta(days=3_650)
    return moment + timedelta(seconds=schedule.grace)


def _log(
    connection: Connection,
    actor: TeamActor,
    action: str,
    title: str,
    schedule: Schedule,
    experiment_id: str,
    now: datetime,
) -> None:
    audit.add_entry(
        connection,
        action,
        f"{title}: {schedules.describe(schedule)}",
        now,
        target=("experiment", experiment_id),
        **msgspec.structs.asdict(actor),
    )


def _of_team(team_id: str) -> Select[Any]:
    by = expected_runs.c
    return _select().where(by.team_id == team_id, by.removed_at.is_(None))


def _select() -> Select[Any]:
    by = expected_runs.c
    author = func.coalesce(people.c.name, by.operator + OPERATOR)
    joined = {"title": experiments.c.title, "author": author}
    return (
        select(*columns(expected_runs, ExpectedRun, **joined))
        .join(experiments, experiments.c.id == by.experiment_id)
        .outerjoin(people, people.c.id == by.person_id)
    )
