"""What a team tried in a period, found, fixed, and did not try: one HTML file.

Made of the same records as the overview and the lists: dry runs, and runs that say nothing, count
for nothing.
"""

from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import Connection, select

from chaoscloud import __version__
from chaoscloud.console.db.schema import outcomes
from chaoscloud.console.records.experiment_lists import ExperimentFacts, list_facts
from chaoscloud.console.records.notes import NoteWithStatus, list_findings
from chaoscloud.console.reports.execution import Origin
from chaoscloud.console.reports.rendering import environment

__all__ = ["Period", "PeriodReport", "build_period_report", "read_period", "render_period_report"]

USUAL_DAYS = 30
MOST_RUNS = 5_000  # of a period; a longer one says that it is not whole
MOST_FINDINGS = 500


class Period(msgspec.Struct, frozen=True):
    """From `since` to before `until`, narrowed to experiments with all of the tags."""

    since: datetime
    until: datetime
    tags: tuple[str, ...] = ()


class Trial(msgspec.Struct, frozen=True):
    """An experiment and its runs of the period, by outcome; `sentence` is of the last one."""

    experiment: ExperimentFacts
    outcomes: list[tuple[str, int]]
    inconclusive: int  # runs that count for nothing, dry ones among them
    last_at: datetime
    sentence: str


class PeriodReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that the file shows."""

    origin: Origin
    period: Period
    trials: list[Trial]
    findings: list[NoteWithStatus]
    untried: list[ExperimentFacts]  # that count for something in no run, ever
    not_in_period: list[ExperimentFacts]  # that did so before, and not in the period
    is_whole: bool
    made_at: datetime
    console_version: str = __version__

    @property
    def runs(self) -> int:
        """How many runs there were."""
        return sum(
            trial.inconclusive + sum(count for _, count in trial.outcomes) for trial in self.trials
        )

    def list_findings(self, state: str) -> list[NoteWithStatus]:
        """The findings that are open, or fixed."""
        return [note for note in self.findings if note.status and note.status.state == state]


def read_period(since: str, until: str, tags: Collection[str], now: datetime) -> Period:
    """Read a period as people write it: days or times of ISO 8601, in UTC where they do not say.

    By default the last 30 days. A day that ends the period is part of it. Raises `ValueError`.
    """
    end = _read_moment(until, days=1) if until else now
    start = _read_moment(since) if since else end - timedelta(days=USUAL_DAYS)
    if start >= end:
        raise ValueError("the period ends before it begins")
    return Period(start, end, tuple(tag for tag in tags if tag))


def build_period_report(
    connection: Connection, team_id: str, origin: Origin, period: Period, now: datetime
) -> PeriodReport:
    """Read what the team's report of the period shows."""
    experiments = {
        facts.id: facts
        for facts in list_facts(connection, team_id)
        if set(period.tags) <= set(facts.tags)
    }
    rows = _list_runs(connection, team_id, period)
    trials = _sum_up(
        [row for row in rows[:MOST_RUNS] if row.experiment_id in experiments], experiments
    )
    tried = {trial.experiment.id for trial in trials if trial.outcomes}
    left = [
        facts for facts in experiments.values() if facts.id not in tried and not facts.archived_at
    ]
    findings = list_findings(connection, team_id, limit=MOST_FINDINGS)
    return PeriodReport(
        origin=origin,
        period=period,
        trials=trials,
        findings=[
            note
            for note in findings
            if note.experiment_id in experiments
            and note.created_at <= period.until
            and (note.created_at >= period.since or _is_open(note) or _was_fixed_in(note, period))
        ],
        untried=[facts for facts in left if facts.counted_at is None],
        not_in_period=[facts for facts in left if facts.counted_at is not None],
        is_whole=len(rows) <= MOST_RUNS,
        made_at=now,
    )


def render_period_report(report: PeriodReport) -> str:
    """Return the file."""
    return environment().get_template("report_period.html").render(report=report)


class _Run(msgspec.Struct, frozen=True):
    experiment_id: str
    started_at: datetime
    outcome: str
    counts: bool
    sentence: str


def _list_runs(connection: Connection, team_id: str, period: Period) -> list[_Run]:
    """The runs of the period that have ended, the latest first."""
    by = outcomes.c
    statement = (
        select(by.experiment_id, by.started_at, by.outcome, by.conclusive, by.dry, by.sentence)
        .where(by.team_id == team_id, by.started_at >= period.since, by.started_at < period.until)
        .where(by.outcome.is_not(None))
        .order_by(by.started_at.desc())
        .limit(MOST_RUNS + 1)
    )
    return [
        _Run(
            row.experiment_id,
            row.started_at,
            row.outcome,
            bool(row.conclusive) and not row.dry,
            row.sentence or "",
        )
        for row in connection.execute(statement)
    ]


def _sum_up(runs: list[_Run], experiments: dict[str, ExperimentFacts]) -> list[Trial]:
    """The runs of each experiment together; what was tried last comes first."""
    by_experiment: dict[str, list[_Run]] = {}
    for run in runs:
        by_experiment.setdefault(run.experiment_id, []).append(run)
    return [
        Trial(
            experiments[experiment_id],
            Counter(run.outcome for run in own if run.counts).most_common(),
            sum(not run.counts for run in own),
            own[0].started_at,
            own[0].sentence,
        )
        for experiment_id, own in by_experiment.items()
    ]


def _is_open(note: NoteWithStatus) -> bool:
    return note.status is not None and note.status.state == "open"


def _was_fixed_in(note: NoteWithStatus, period: Period) -> bool:
    return note.fixed_at is not None and period.since <= note.fixed_at < period.until


def _read_moment(text: str, days: int = 0) -> datetime:
    moment = datetime.fromisoformat(text.strip())
    if len(text.strip()) == len("2026-03-02"):
        moment += timedelta(days=days)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
