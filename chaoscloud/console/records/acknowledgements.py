"""Which runs know that a safeguard denies them: what "every run was stopped" is judged by.

A run acknowledges a denial to the console it asks; whoever set the safeguard may be in another
process. So acknowledgements go through the database, in a table that is written for denials only.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, select

from chaoscloud.console.db.schema import IS_RUNNING, executions, stop_acknowledgements, teams
from chaoscloud.console.records import safeguard_states
from chaoscloud.console.rules.safeguards import KINDS, NO_FACTS, Run, Safeguard, decide
from chaoscloud.console.rules.safeguards.kinds.limit import SILENCE

MOST_NAMED = 5  # runs that did not answer, in one report


class Acknowledgement(msgspec.Struct, frozen=True):
    """A run knows that these safeguards (their ids) deny it."""

    execution_id: str
    safeguards: tuple[str, ...]
    at: datetime


class RunReport(msgspec.Struct, frozen=True):
    """One run that a stop concerns. `acknowledged_after` is in seconds, None: it has not yet.

    `ended`: it is over, so that nothing of it goes on. `last_seen_at` is its last contact.
    """

    execution_id: str
    title: str
    last_seen_at: datetime
    acknowledged_after: float | None = None
    ended: bool = False


class StopCounts(msgspec.Struct, frozen=True):
    """How many runs a stop concerned, how many know of it, and how many had ended by themselves."""

    runs: int
    heard: int
    ended: int
    slowest: int | None  # milliseconds

    @property
    def sentence(self) -> str:
        """The same for people, such as "3 of 3 runs heard it, the slowest after 41 ms."."""
        if not self.runs:
            return "No run was going on."
        slowest = "" if self.slowest is None else f", the slowest after {self.slowest} ms"
        missing = self.runs - self.heard - self.ended
        sentences = [f"{self.heard} of {_count(self.runs)} heard it{slowest}."]
        if self.ended:
            sentences.append(f"{_count(self.ended)} had ended.")
        if missing:
            sentences.append(f"{_count(missing)} did not answer.")
        return " ".join(sentences)


class StopReport(msgspec.Struct, frozen=True):
    """Which of the runs that went on know of a stop, and how fast they knew."""

    runs: tuple[RunReport, ...]

    @property
    def missing(self) -> tuple[RunReport, ...]:
        """The runs that did not answer."""
        return tuple(r for r in self.runs if r.acknowledged_after is None and not r.ended)

    @property
    def counts(self) -> StopCounts:
        """How many runs answered."""
        times = [r.acknowledged_after for r in self.runs if r.acknowledged_after is not None]
        ended = len(self.runs) - len(times) - len(self.missing)
        slowest = round(max(times) * 1000) if times else None
        return StopCounts(len(self.runs), len(times), ended, slowest)

    @property
    def lines(self) -> list[str]:
        """The report for people: the counts, then each run that did not answer."""
        missing = [
            f"Did not answer: '{run.title}' ({run.execution_id}), last contact"
            f" {run.last_seen_at:%Y-%m-%d %H:%M:%S} UTC."
            for run in self.missing[:MOST_NAMED]
        ]
        if len(self.missing) > MOST_NAMED:
            missing.append(f"And {len(self.missing) - MOST_NAMED} more.")
        return [self.counts.sentence, *missing]


def _count(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs} runs"


def note_all(connection: Connection, acknowledgements: Iterable[Acknowledgement]) -> None:
    """Write down what runs know; of each run the last counts. Runs that are gone are left out."""
    latest = {acknowledgement.execution_id: acknowledgement for acknowledgement in acknowledgements}
    column = stop_acknowledgements.c
    present = set(
        connection.scalars(select(executions.c.id).where(executions.c.id.in_(list(latest))))
    )
    if not present:
        return
    connection.execute(delete(stop_acknowledgements).where(column.execution_id.in_(present)))
    connection.execute(
        stop_acknowledgements.insert(),
        [
            {
                "execution_id": acknowledgement.execution_id,
                "safeguards": msgspec.json.encode(acknowledgement.safeguards).decode(),
                "acknowledged_at": acknowledgement.at,
            }
            for acknowledgement in latest.values()
            if acknowledgement.execution_id in present
        ],
    )


def list_concerned(
    connection: Connection, safeguard: Safeguard, now: datetime
) -> tuple[RunReport, ...]:
    """The runs that go on and that a safeguard denies, as far as the record tells.

    A run that was silent for long is not among them: nobody knows whether it goes on.
    """
    column = executions.c
    statement = (
        select(column.id, column.title, column.tags, column.created_at, column.last_seen_at)
        .join(teams, teams.c.id == column.team_id)
        .where(teams.c.organization_id == safeguard.organization_id, IS_RUNNING)
        .where(column.last_seen_at > now - SILENCE)
        .order_by(column.created_at, column.id)
    )
    if safeguard.team_id is not None:
        statement = statement.where(column.team_id == safeguard.team_id)
    if safeguard.execution_id is not None:
        statement = statement.where(column.id == safeguard.execution_id)
    facts = NO_FACTS
    if KINDS[safeguard.kind].needs_facts:
        facts = safeguard_states.read_facts(connection, safeguard.organization_id, now)
    concerned = []
    for row in connection.execute(statement):
        tags = msgspec.json.decode(row.tags, type=tuple[str, ...])
        run = Run(row.id, tags, created_at=row.created_at)
        if not decide([safeguard], now, run, facts).allowed:
            concerned.append(RunReport(row.id, row.title, row.last_seen_at))
    return tuple(concerned)


def update_report(
    connection: Connection, report: StopReport, safeguard: Safeguard, since: datetime
) -> StopReport:
    """The report as of now; `since` is when the safeguard began to deny."""
    waiting = [run.execution_id for run in report.missing]
    states = _read_states(connection, waiting)
    runs = []
    for run in report.runs:
        status, acknowledgement = states.get(run.execution_id, (None, None))
        if acknowledgement is not None and _covers(acknowledgement, safeguard):
            after = max(0.0, (acknowledgement.at - since).total_seconds())
            run = msgspec.structs.replace(run, acknowledged_after=after)
        elif run.execution_id in waiting and status != "running":
            run = msgspec.structs.replace(run, ended=True)
        runs.append(run)
    return StopReport(tuple(runs))


def _covers(acknowledgement: Acknowledgement, safeguard: Safeguard) -> bool:
    """Whether a run knows that the safeguard denies it, as it was last changed."""
    changed_at = safeguard.updated_at
    is_new = changed_at is None or acknowledgement.at >= changed_at
    return is_new and safeguard.id in acknowledgement.safeguards


def _read_states(
    connection: Connection, execution_ids: Iterable[str]
) -> Mapping[str, tuple[str, Acknowledgement | None]]:
    """The status of executions, and what they know."""
    column = stop_acknowledgements.c
    statement = (
        select(executions.c.id, executions.c.status, column.safeguards, column.acknowledged_at)
        .outerjoin(stop_acknowledgements, column.execution_id == executions.c.id)
        .where(executions.c.id.in_(list(execution_ids)))
    )
    return {
        row.id: (
            row.status,
            None
            if row.safeguards is None
            else Acknowledgement(
                row.id,
                msgspec.json.decode(row.safeguards, type=tuple[str, ...]),
                row.acknowledged_at,
            ),
        )
        for row in connection.execute(statement)
    }
