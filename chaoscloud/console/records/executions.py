"""Executions: each run of an experiment, with its journal as it came."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, select, update

from chaoscloud.console.db import changes
from chaoscloud.console.db.schema import executions, outcomes, people
from chaoscloud.console.messages.announcements import AnnouncedExecution, announce_journal
from chaoscloud.console.metrics import STOP_LATENCY
from chaoscloud.console.records import (
    audit,
    execution_lists,
    experiments,
    journal_versions,
    removals,
    stops,
)
from chaoscloud.console.records import outcomes as outcome_records
from chaoscloud.console.records._rows import Cursor, belongs_to, columns, new_id, newest_first
from chaoscloud.console.records.audit import Author
from chaoscloud.console.records.execution_lists import ExecutionFilter
from chaoscloud.console.records.journal_versions import JournalVersion
from chaoscloud.console.records.metrics import count_journal
from chaoscloud.console.records.outcomes import ExecutionKey
from chaoscloud.console.rules.journals import Summary
from chaoscloud.console.rules.run_context import CiBuild, RunContext
from chaoscloud.console.rules.stops import Stop, is_stop_test
from chaoscloud.outcome import Caveat, OutcomeName


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """An execution without its journal; `duration` is in seconds.

    `outcome`, `conclusive` and `sentence` are null while it goes on.
    """

    id: str
    team_id: str
    experiment_id: str
    experiment_version: int
    person_id: str
    person_name: str
    title: str
    # running | completed | deviated | failed | aborted | interrupted | refused | unknown
    status: str
    node: str | None
    platform: str | None
    chaoslib_version: str | None
    tags: list[str]
    started_at: datetime
    ended_at: datetime | None
    duration: float | None
    safeguards: list[Any] | None  # the policies that stopped it
    stop: Stop | None  # how that stop reached it, if the run told
    created_at: datetime
    updated_at: datetime
    last_seen_at: datetime
    outcome: OutcomeName | None
    conclusive: bool | None  # whether the outcome answers the experiment's question
    reasons: tuple[str, ...]  # what keeps it from that
    warnings: tuple[Caveat, ...]
    sentence: str | None  # how it ended
    dry: bool  # activities are left out on purpose
    labels: dict[str, str]
    ci: CiBuild | None  # the build that started it


_KEY_COLUMNS = ("started_at", "duration", "title", "tags", "node")


def create(
    connection: Connection,
    author: Author,
    experiment_id: str,
    summary: Summary,
    journal: bytes,
    now: datetime,
) -> str | None:
    """Add an execution of the team's experiment; its id, or None for an unknown experiment."""
    experiment = experiments.find(connection, author.team_id, experiment_id)
    if experiment is None:
        return None
    execution_id = new_id()
    values = {"title": experiment.title, **_values_of(summary, journal, now)}
    connection.execute(
        executions.insert().values(
            id=execution_id,
            team_id=author.team_id,
            experiment_id=experiment_id,
            experiment_version=experiment.latest_version,
            person_id=author.person_id,
            created_at=now,
            is_stop_test=is_stop_test(journal),
            journal_person_id=author.person_id,
            journal_at=now,
            **values,
        )
    )
    key = ExecutionKey(
        execution_id=execution_id,
        team_id=author.team_id,
        experiment_id=experiment_id,
        person_id=author.person_id,
        context=summary.context or RunContext(),
        **{name: values[name] for name in _KEY_COLUMNS},
    )
    outcome_records.save_outcome(connection, key, summary.outcome, dry=summary.dry)
    changes.mark_executions(connection, author.team_id)
    if not is_stop_test(journal):
        _announce(connection, key, None, summary, now)
    count_journal(connection, author.team_id, None, summary)
    return execution_id


def record(
    connection: Connection,
    author: Author,
    execution_id: str,
    summary: Summary,
    journal: bytes,
    now: datetime,
) -> None:
    """Write a later journal of the team's execution.

    An execution that has ended is not opened again, and its journal is not overwritten: the earlier
    one stays as a version (see `journal_versions`). Raises `TooManyVersions`.
    """
    by = executions.c
    row = connection.execute(
        select(
            by.experiment_id,
            by.person_id,
            by.status,
            by.title,
            by.started_at,
            by.is_stop_test,
        )
        .where(by.team_id == author.team_id, by.id == execution_id)
        .with_for_update()  # of two journals that come at once, one replaces the other
    ).one()
    if row.status != "running" and (
        not summary.over or _is_latest(connection, author.team_id, execution_id, journal)
    ):
        return
    if removals.is_removed_journal(connection, execution_id, journal):
        return  # it was here before
    values = _values_of(summary, journal, now)
    if summary.started_at is None:
        del values["started_at"]
    if row.status != "running":
        values["journal_number"] = journal_versions.keep_earlier(
            connection, executions, execution_id
        )
        audit.add_author_entry(
            connection, author, "journal.replaced", row.title, now, ("execution", execution_id)
        )
    values |= {
        "is_stop_test": row.is_stop_test and is_stop_test(journal),
        "journal_person_id": author.person_id,
        "journal_at": now,
    }
    connection.execute(update(executions).where(by.id == execution_id).values(**values))
    removals.note_new_journal(connection, execution_id)
    columns_now = {"title": row.title, "started_at": row.started_at, **values}
    key = ExecutionKey(
        execution_id=execution_id,
        team_id=author.team_id,
        experiment_id=row.experiment_id,
        person_id=row.person_id,
        context=summary.context,
        **{name: columns_now[name] for name in _KEY_COLUMNS},
    )
    earlier_outcome = outcome_records.find_name(connection, execution_id)
    outcome_records.save_outcome(connection, key, summary.outcome, dry=summary.dry)
    if summary.over:
        stops.remove_stops_of(connection, execution_id, now)
        changes.mark_executions(connection, author.team_id)
    if not values["is_stop_test"]:
        _announce(connection, key, row.status, summary, now, earlier_outcome)
    count_journal(connection, key.team_id, row.status, summary)


def _announce(
    connection: Connection,
    key: ExecutionKey,
    before: str | None,
    summary: Summary,
    now: datetime,
    earlier_outcome: str | None = None,
) -> None:
    """Write the messages about what a journal changed."""
    execution = AnnouncedExecution(
        id=key.execution_id,
        team_id=key.team_id,
        experiment_id=key.experiment_id,
        title=key.title,
        tags=msgspec.json.decode(key.tags, type=tuple[str, ...]),
        started_at=key.started_at,
    )
    announce_journal(connection, execution, before, summary, now, earlier_outcome)


REMOVABLE = timedelta(minutes=15)  # for how long a stop test can be removed


def is_removable(
    connection: Connection, execution: Execution, person_id: str, now: datetime
) -> bool:
    """Whether a member may remove an execution: their own stop test, from a moment ago."""
    by = executions.c
    stop_test = connection.scalar(select(by.is_stop_test).where(by.id == execution.id))
    is_recent = now - execution.created_at <= REMOVABLE
    return bool(stop_test) and execution.person_id == person_id and is_recent


def save_stop(connection: Connection, execution_id: str, person_id: str, stop: Stop) -> None:
    """Keep how a stop reached a run, as whoever runs it reported first.

    What anybody else reports, or later, changes nothing of it; a journal still may, as a version.
    """
    by = executions.c
    statement = (
        update(executions)
        .where(by.id == execution_id, by.person_id == person_id, by.stop.is_(None))
        .values(stop=_json(stop))
    )
    if connection.execute(statement).rowcount and stop.latency is not None:
        STOP_LATENCY.observe(stop.latency)


def find(connection: Connection, team_id: str, execution_id: str) -> Execution | None:
    """The team's execution of this id."""
    statement = _of_team(team_id).where(executions.c.id == execution_id)
    row = connection.execute(statement).first()
    return None if row is None else _value(row)


def list_titles(connection: Connection, team_id: str, ids: list[str]) -> list[tuple[str, str]]:
    """Return ids and titles of those of these executions that are the team's."""
    statement = select(executions.c.id, executions.c.title).where(
        belongs_to(executions.c.team_id, team_id), executions.c.id.in_(ids)
    )
    return [(row.id, row.title) for row in connection.execute(statement)]


def exists(
    connection: Connection, team_id: str, execution_id: str, *, experiment_id: str | None = None
) -> bool:
    """Whether the team has this execution; of this experiment, if one is named."""
    by = executions.c
    statement = select(by.id).where(by.id == execution_id, by.team_id == team_id)
    if experiment_id is not None:
        statement = statement.where(by.experiment_id == experiment_id)
    return connection.execute(statement).first() is not None


def journal(connection: Connection, team_id: str, execution_id: str) -> bytes | None:
    """The latest journal of the team's execution, as it came."""
    by = executions.c
    raw: bytes | None = connection.scalar(
        select(by.journal).where(by.team_id == team_id, by.id == execution_id)
    )
    return raw


def _is_latest(connection: Connection, team_id: str, execution_id: str, sent: bytes) -> bool:
    return journal(connection, team_id, execution_id) == sent


def list_journals(connection: Connection, execution_id: str) -> list[JournalVersion]:
    """The versions of an execution's journal, the latest first."""
    return journal_versions.list_versions(connection, executions, execution_id)


def journal_of_version(
    connection: Connection, team_id: str, execution_id: str, number: int
) -> bytes | None:
    """One version of the journal of the team's execution, as it came."""
    by = executions.c
    row = connection.execute(
        select(by.journal_number, by.journal).where(by.team_id == team_id, by.id == execution_id)
    ).first()
    if row is None:
        return None
    if row.journal_number == number:
        raw: bytes = row.journal
        return raw
    return journal_versions.find_earlier(connection, execution_id, number)


def list_page(
    connection: Connection,
    team_id: str,
    *,
    statuses: Sequence[str] = (),
    names: Sequence[str] = (),
    went_wrong: bool = False,
    criteria: ExecutionFilter | None = None,
    after: Cursor | None = None,
    limit: int = 50,
) -> list[Execution]:
    """The team's executions, the latest started first; of these statuses, as the criteria ask.

    `names` are outcomes; `went_wrong` leaves out those that passed, and those that go on.
    """
    by = executions.c
    statement = _of_team(team_id)
    if statuses:
        statement = statement.where(by.status.in_(statuses))
    conditions = outcome_records.match_outcomes(team_id, names, went_wrong=went_wrong)
    if criteria is not None:
        conditions += execution_lists.match(team_id, criteria)
    statement = statement.where(*conditions)
    order = (
        (outcomes.c.started_at, outcomes.c.execution_id) if conditions else (by.started_at, by.id)
    )
    statement = newest_first(statement, *order, after=after, limit=limit)
    return [_value(row) for row in connection.execute(statement)]


def _values_of(summary: Summary, journal: bytes, now: datetime) -> dict[str, Any]:
    """The columns that a journal fills; where it is silent about its start, it starts now."""
    values = {
        "status": summary.status,
        "node": summary.node,
        "platform": summary.platform,
        "chaoslib_version": summary.chaoslib_version,
        "tags": _json(summary.tags),
        "started_at": summary.started_at or now,
        "ended_at": (summary.ended_at or now) if summary.over else None,
        "duration": summary.duration,
        "safeguards": None if summary.safeguards is None else _json(summary.safeguards),
        "journal": journal,
        "updated_at": now,
        "last_seen_at": now,
    }
    if summary.stop is not None:
        values["stop"] = _json(summary.stop)
    return values if summary.title is None else {**values, "title": summary.title}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


_OUTCOME = {
    name: outcomes.c[name]
    for name in (
        *("outcome", "conclusive", "reasons", "warnings", "sentence", "dry"),
        *("labels", "ci"),
    )
}


def _of_team(team_id: str) -> Select[Any]:
    return (
        select(*columns(executions, Execution, person_name=people.c.name, **_OUTCOME))
        .join(people, people.c.id == executions.c.person_id)
        .outerjoin(outcomes, outcomes.c.execution_id == executions.c.id)
        .where(executions.c.team_id == team_id)
    )


def _value(row: Row[Any]) -> Execution:
    values = dict(row._mapping)
    safeguards = values["safeguards"]
    values["tags"] = msgspec.json.decode(values["tags"], type=list[str])
    values["safeguards"] = None if safeguards is None else msgspec.json.decode(safeguards)
    stop = values["stop"]
    values["stop"] = None if stop is None else msgspec.json.decode(stop, type=Stop)
    values["reasons"] = outcome_records.decode_reasons(values["reasons"])
    values["warnings"] = outcome_records.decode_warnings(values["warnings"])
    values["dry"] = bool(values["dry"])  # not computed yet: see `fill_outcomes`
    values["labels"] = outcome_records.decode_labels(values["labels"])
    values["ci"] = outcome_records.decode_build(values["ci"])
    return Execution(**values)
