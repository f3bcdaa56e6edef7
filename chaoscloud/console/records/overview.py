"""What a team has to know today: what runs, what needs attention, how it goes, what is known."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import Connection, func, literal, select, union_all, update

from chaoscloud.console.db.schema import outcomes, teams
from chaoscloud.console.records import audit
from chaoscloud.console.records.attention import Attention, list_latest_runs, read_attention
from chaoscloud.console.records.audit import Author
from chaoscloud.console.records.execution_lists import select_running
from chaoscloud.console.records.experiment_lists import ExperimentFacts, list_facts
from chaoscloud.console.records.runs import VerificationRun
from chaoscloud.console.rules.coverage import Coverage, TaggedExperiment, cover

WEEKS = 12
MOST_RUNNING = 20
MOST_BUDGETS = 8
MOST_STALE_DAYS = 3650

# How outcomes are drawn, week by week: what an outcome is called there, by how it is listed.
WEEK_STATES: Mapping[str, tuple[str, ...]] = {
    "held": ("held",),
    "not-held": ("not-held",),
    "inconclusive": ("inconclusive",),
    "failed": ("baseline-not-met", "probe-error", "failed", "aborted", "unknown"),
    "stopped": ("interrupted", "refused"),
}


class Week(msgspec.Struct, frozen=True):
    """How the runs of one week ended; weeks begin on Monday, in UTC.

    `held` and `not_held` count runs that answered the question of their experiment, `failed` those
    that could not be tested, `stopped` those that somebody or a safeguard stopped.
    """

    starts_at: datetime
    held: int = 0
    not_held: int = 0
    inconclusive: int = 0
    failed: int = 0
    stopped: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.held + self.not_held + self.inconclusive + self.failed + self.stopped


class ExperimentCounts(msgspec.Struct, frozen=True):
    """How many experiments there are of each state; one that is stale or flaps has one as well."""

    total: int
    holds: int
    does_not_hold: int
    not_known: int
    never_run: int
    stale: int
    flapping: int


class Budget(msgspec.Struct, frozen=True):
    """What the last run of a verification used of what its objective allows; in percent.

    `used` is the share of the allowed time, over 100 where the objective was impacted.
    """

    verification_id: str
    verification_name: str
    run_id: str
    allowed: float
    observed: float
    used: float
    at: datetime


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """All that the overview of a team says. `running` are ids of executions that go on."""

    stale_days: int
    running: list[str]
    attention: Attention
    weeks: list[Week]
    experiments: ExperimentCounts
    coverage: list[Coverage]
    budgets: list[Budget]


def read_overview(
    connection: Connection, organization_id: str, team_id: str, now: datetime
) -> Overview:
    """The overview of a team."""
    stale_days = read_stale_days(connection, team_id)
    experiments = list_facts(connection, team_id)
    latest = list_latest_runs(connection, team_id)
    present = [experiment for experiment in experiments if experiment.archived_at is None]
    return Overview(
        stale_days=stale_days,
        running=list_running(connection, team_id, now),
        attention=read_attention(
            connection, organization_id, team_id, experiments, latest.values(), now
        ),
        weeks=count_weeks(connection, team_id, now),
        experiments=count_experiments(present, now, stale_days),
        coverage=_read_coverage(present, now, stale_days),
        budgets=_list_budgets(latest.values()),
    )


def list_running(connection: Connection, team_id: str, now: datetime) -> list[str]:
    """The ids of the executions that go on, the latest started first."""
    ids = select_running(team_id, now, lost=False).subquery()
    by = outcomes.c
    statement = select(by.execution_id).where(by.execution_id.in_(select(ids.c.id)))
    statement = statement.order_by(by.started_at.desc()).limit(MOST_RUNNING)
    return list(connection.scalars(statement))


# --- the setting -------------------------------------------------------------------------------


def read_stale_days(connection: Connection, team_id: str) -> int:
    """After how many days without a run that counts an experiment of the team is stale."""
    days = connection.scalar(select(teams.c.stale_days).where(teams.c.id == team_id))
    return 30 if days is None else days


def set_stale_days(connection: Connection, author: Author, days: int, now: datetime) -> None:
    """Choose it, from 1 to MOST_STALE_DAYS."""
    if days == read_stale_days(connection, author.team_id):
        return
    connection.execute(update(teams).where(teams.c.id == author.team_id).values(stale_days=days))
    target = ("team", author.team_id)
    audit.add_author_entry(connection, author, "team.stale-days", str(days), now, target)


# --- how it goes -------------------------------------------------------------------------------


def count_weeks(connection: Connection, team_id: str, now: datetime) -> list[Week]:
    """How runs ended in each of the last weeks, the earliest first."""
    monday = now.astimezone(UTC).date() - timedelta(days=now.astimezone(UTC).weekday())
    this = datetime(monday.year, monday.month, monday.day, tzinfo=UTC)
    starts = [this - timedelta(weeks=number) for number in reversed(range(WEEKS))]
    by = outcomes.c
    several = [
        select(literal(number).label("week"), by.outcome, by.conclusive, func.count().label("runs"))
        .where(by.team_id == team_id, by.outcome.is_not(None))
        .where(by.started_at >= start, by.started_at < start + timedelta(weeks=1))
        .group_by(by.outcome, by.conclusive)
        for number, start in enumerate(starts)
    ]
    numbers: list[dict[str, int]] = [{} for _ in starts]
    for week, outcome, conclusive, count in connection.execute(union_all(*several)).all():
        name = _name_in_week(outcome, conclusive)
        numbers[week][name] = numbers[week].get(name, 0) + count
    return [Week(start, **counts) for start, counts in zip(starts, numbers, strict=True)]


def _name_in_week(outcome: str, conclusive: bool | None) -> str:
    if outcome in ("passed", "deviated"):
        answer = "held" if outcome == "passed" else "not_held"
        return answer if conclusive else "inconclusive"
    return "stopped" if outcome in WEEK_STATES["stopped"] else "failed"


def count_experiments(
    experiments: Sequence[ExperimentFacts], now: datetime, stale_days: int
) -> ExperimentCounts:
    """How many of these experiments are in each state."""
    states = [experiment.state(now, stale_days) for experiment in experiments]
    names = [state.name for state in states]
    return ExperimentCounts(
        total=len(states),
        holds=names.count("holds"),
        does_not_hold=names.count("does-not-hold"),
        not_known=names.count("not-known"),
        never_run=names.count("never-run"),
        stale=sum(state.is_stale for state in states),
        flapping=sum(state.is_flapping for state in states),
    )


def _read_coverage(
    experiments: Sequence[ExperimentFacts], now: datetime, stale_days: int
) -> list[Coverage]:
    def describe(experiment: ExperimentFacts) -> TaggedExperiment:
        state = experiment.state(now, stale_days)
        return TaggedExperiment(
            experiment.tags,
            state.name,
            state.is_stale,
            experiment.holds_since,
            experiment.counted_at,
        )

    return cover(map(describe, experiments))


def _list_budgets(latest_runs: Iterable[VerificationRun]) -> list[Budget]:
    """What the last runs of verifications used, those first that used most of what is allowed."""
    budgets = [
        Budget(
            run.verification_id,
            run.verification_name,
            run.id,
            run.insight.allowed_budget,
            run.insight.observed_impact,
            _measure_use(run),
            run.created_at,
        )
        for run in latest_runs
        if run.insight and run.insight.observed_impact is not None
    ]
    return sorted(budgets, key=lambda budget: -budget.used)[:MOST_BUDGETS]


def _measure_use(run: VerificationRun) -> float:
    insight = run.insight
    if insight is None or not insight.observed_impact:
        return 0.0
    if not insight.allowed_budget:  # nothing is allowed, and something was used
        return 1000.0
    return min(1000.0, 100 * insight.observed_impact / insight.allowed_budget)
