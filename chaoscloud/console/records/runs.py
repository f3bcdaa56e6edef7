"""Runs of verifications: their events, their results, and what they cost the objective."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, select, update

from chaoscloud.console.db.schema import (
    objectives,
    people,
    verification_events,
    verification_runs,
    verifications,
)
from chaoscloud.console.messages.announcements import AnnouncedImpact, announce_impact
from chaoscloud.console.records import audit, journal_versions, removals
from chaoscloud.console.records._rows import (
    Cursor,
    belongs_to,
    columns,
    every,
    first,
    new_id,
    newest_first,
)
from chaoscloud.console.records.audit import Author
from chaoscloud.console.records.journal_versions import JournalVersion
from chaoscloud.console.records.run_results import Results, compare_results
from chaoscloud.outcome.insight import Insight

RUNNING, FINISHED = "running", "finished"


class VerificationRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run without its journal; `results` and `insight` are null until it has finished."""

    id: str
    team_id: str
    verification_id: str
    verification_name: str
    experiment_id: str | None
    execution_id: str | None
    person_id: str
    person_name: str
    state: str  # running | finished
    status: str  # as the plugin said at the end
    results: Results | None
    insight: Insight | None
    created_at: datetime
    ended_at: datetime | None


class _RunRecord(msgspec.Struct):
    """What is asked of the database about a run; the insight is drawn from it."""

    id: str
    team_id: str
    verification_id: str
    verification_name: str
    experiment_id: str | None
    execution_id: str | None
    person_id: str
    person_name: str
    state: str
    status: str
    results: str | None
    frequency: float
    target: float
    created_at: datetime
    ended_at: datetime | None


_JOINED = {
    "verification_name": verifications.c.name,
    "person_name": people.c.name,
    "frequency": verifications.c.frequency,
    "target": objectives.c.target,
}


class RunMarker(msgspec.Struct, frozen=True):
    """Equal to an earlier one as long as nothing new is known of the run."""

    state: str
    last_event: int | None


def start(
    connection: Connection,
    author: Author,
    verification_id: str,
    experiment_id: str,
    execution_id: str,
    journal: bytes,
    now: datetime,
) -> str:
    """Add a run of the team's verification; its id."""
    run_id = new_id()
    connection.execute(
        verification_runs.insert().values(
            id=run_id,
            team_id=author.team_id,
            verification_id=verification_id,
            experiment_id=experiment_id,
            execution_id=execution_id,
            person_id=author.person_id,
            state=RUNNING,
            status="",
            journal=journal,
            journal_person_id=author.person_id,
            journal_at=now,
            created_at=now,
        )
    )
    return run_id


def finish(
    connection: Connection,
    author: Author,
    run_id: str,
    status: str,
    results: Results,
    journal: bytes,
    now: datetime,
) -> None:
    """Write how a run ended; when it ended is the time that was given first.

    What a finished run had stays as a version (see `journal_versions`). Raises `TooManyVersions`.
    """
    by = verification_runs.c
    row = connection.execute(
        select(by.state, by.status, by.results, by.verification_id, by.ended_at)
        .where(by.id == run_id)
        .with_for_update()
    ).one()
    values: dict[str, Any] = {
        "state": FINISHED,
        "status": status,
        "results": msgspec.json.encode(results).decode(),
    }
    is_same = all(row._mapping[name] == value for name, value in values.items())
    if is_same and _is_known_journal(connection, run_id, journal):
        return
    if row.state == FINISHED:
        values["journal_number"] = journal_versions.keep_earlier(
            connection, verification_runs, run_id
        )
        audit.add_author_entry(
            connection,
            author,
            "journal.replaced",
            f"a run of {row.verification_id}",
            now,
            ("verification", row.verification_id),
        )
    values |= {
        "journal": journal,
        "journal_person_id": author.person_id,
        "journal_at": now,
        "ended_at": row.ended_at or now,
    }
    connection.execute(update(verification_runs).where(by.id == run_id).values(**values))
    removals.note_new_journal(connection, run_id)
    if row.state != FINISHED:
        _announce_impact(connection, author.team_id, row.verification_id, run_id, now)


def _is_known_journal(connection: Connection, run_id: str, sent: bytes) -> bool:
    """Whether a journal is the latest one of a run, be it removed since."""
    return journal(connection, run_id) == sent or removals.is_removed_journal(
        connection, run_id, sent
    )


def _announce_impact(
    connection: Connection, team_id: str, verification_id: str, run_id: str, now: datetime
) -> None:
    """Tell who subscribed to that of a run that found more impact than allowed."""
    run = find(connection, team_id, verification_id, run_id)
    if run is None or run.insight is None or not run.insight.impacted:
        return
    impact = AnnouncedImpact(
        team_id=team_id,
        verification_id=verification_id,
        verification_name=run.verification_name,
        run_id=run_id,
        observed=run.insight.observed_impact or 0.0,
        allowed=run.insight.allowed_budget,
        experiment_id=run.experiment_id,
        execution_id=run.execution_id,
    )
    announce_impact(connection, impact, now)


def find(
    connection: Connection, team_id: str, verification_id: str, run_id: str
) -> VerificationRun | None:
    """The run of this id of the team's verification."""
    statement = _of(team_id, verification_id).where(verification_runs.c.id == run_id)
    row = connection.execute(statement).first()
    return None if row is None else _value(row)


def list_page(
    connection: Connection,
    team_id: str,
    verification_id: str,
    *,
    after: Cursor | None = None,
    limit: int = 50,
) -> list[VerificationRun]:
    """The runs of the team's verification, the latest started first."""
    by = verification_runs.c
    statement = _of(team_id, verification_id)
    statement = newest_first(statement, by.created_at, by.id, after=after, limit=limit)
    return [_value(row) for row in connection.execute(statement)]


class RunLink(msgspec.Struct, frozen=True):
    """Where the verification run that an execution is of is shown."""

    id: str
    verification_id: str
    verification_name: str
    execution_id: str


def find_of_executions(
    connection: Connection, team_id: str, execution_ids: Collection[str]
) -> dict[str, RunLink]:
    """The verification runs that these executions of a team are of, by execution."""
    if not execution_ids:
        return {}
    by, own = verification_runs.c, verifications.c
    statement = (
        select(*columns(verification_runs, RunLink, verification_name=own.name))
        .join(verifications, and_(own.team_id == by.team_id, own.id == by.verification_id))
        .where(belongs_to(by.team_id, team_id), by.execution_id.in_(execution_ids))
    )
    return {link.execution_id: link for link in every(connection, statement, RunLink)}


def latest(
    connection: Connection, team_id: str, verification_ids: Collection[str]
) -> dict[str, VerificationRun]:
    """The run that was started last, of each of the team's verifications that has one."""
    by = verifications.c
    statement = _join(verification_runs.c.id == _newest(1).scalar_subquery())
    rows = connection.execute(statement.where(by.team_id == team_id, by.id.in_(verification_ids)))
    return {run.verification_id: run for run in map(_value, rows)}


def recent(
    connection: Connection, team_id: str, verification_ids: Collection[str], most: int
) -> dict[str, list[VerificationRun]]:
    """The runs that were started last, of each of the team's verifications, oldest first."""
    by, run = verifications.c, verification_runs.c
    statement = _join(run.id.in_(_newest(most))).order_by(run.created_at, run.id)
    rows = connection.execute(statement.where(by.team_id == team_id, by.id.in_(verification_ids)))
    newest: dict[str, list[VerificationRun]] = {}
    for row in rows:
        value = _value(row)
        newest.setdefault(value.verification_id, []).append(value)
    return newest


def _newest(most: int) -> Select[tuple[str]]:
    """The ids of the last runs of a verification that is asked about around it."""
    by, one = verifications.c, verification_runs.alias().c
    return (
        select(one.id)
        .where(one.team_id == by.team_id, one.verification_id == by.id)
        .order_by(one.created_at.desc(), one.id.desc())
        .limit(most)
        .correlate(verifications)
    )


def find_marker(
    connection: Connection, team_id: str, verification_id: str, run_id: str
) -> RunMarker | None:
    """What changes when a run does; costs next to nothing to ask."""
    by, event = verification_runs.c, verification_events.c
    last = select(func.max(event.seq)).where(event.run_id == run_id).scalar_subquery()
    statement = select(by.state, last).where(
        by.team_id == team_id, by.verification_id == verification_id, by.id == run_id
    )
    return first(connection, statement, RunMarker)


def journal(connection: Connection, run_id: str) -> bytes | None:
    """The latest journal of a run, as it came."""
    by = verification_runs.c
    raw: bytes | None = connection.scalar(select(by.journal).where(by.id == run_id))
    return raw


def list_journals(connection: Connection, run_id: str) -> list[JournalVersion]:
    """The versions of a run's journal, the latest first."""
    return journal_versions.list_versions(connection, verification_runs, run_id)


def journal_of_version(connection: Connection, run_id: str, number: int) -> bytes | None:
    """One version of a run's journal, as it came."""
    by = verification_runs.c
    latest = connection.scalar(select(by.journal_number).where(by.id == run_id))
    if latest == number:
        return journal(connection, run_id)
    return journal_versions.find_earlier(connection, run_id, number)


def _of(team_id: str, verification_id: str) -> Select[Any]:
    by = verification_runs.c
    its = and_(verifications.c.team_id == by.team_id, verifications.c.id == by.verification_id)
    return _join(its).where(by.team_id == team_id, by.verification_id == verification_id)


def _join(its: ColumnElement[bool]) -> Select[Any]:
    """Verifications with the runs that are theirs, and what a run is told with."""
    return (
        select(*columns(verification_runs, _RunRecord, **_JOINED))
        .select_from(verifications)
        .join(verification_runs, its)
        .join(objectives, objectives.c.id == verifications.c.objective_id)
        .join(people, people.c.id == verification_runs.c.person_id)
    )


def _value(row: Row[Any]) -> VerificationRun:
    values = dict(row._mapping)
    frequency, target = values.pop("frequency"), values.pop("target")
    encoded = values.pop("results")
    results = msgspec.json.decode(encoded, type=Results) if encoded else None
    return VerificationRun(
        **values, results=results, insight=compare_results(results, frequency, target)
    )
