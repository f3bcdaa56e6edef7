"""The tables of runs that are expected, and of those that did not come."""

from sqlalchemy import Column, Float, ForeignKey, Index, String, Table, Text

from chaoscloud.console.db.columns import (
    Moment,
    creation_time,
    id_column,
    metadata,
    reference,
)

expected_runs = Table(
    "expected_runs",
    metadata,
    id_column(),
    reference("team_id", "teams"),
    reference("experiment_id", "experiments"),
    Column("cron", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("grace", Float, nullable=False),  # seconds
    reference("person_id", "people", nullable=True),  # null: set by the operator on the machine
    Column("operator", Text),
    creation_time(),
    Column("removed_at", Moment),
    Column("checked_until", Moment, nullable=False),  # moments up to here are judged
    Column("next_check_at", Moment, nullable=False),  # when the next one can be
    Index("expected_runs_by_check", "next_check_at"),
    Index("expected_runs_by_team", "team_id"),
)

missed_runs = Table(  # a row for each moment by which no run came
    "missed_runs",
    metadata,
    Column(
        "expected_run_id",
        String(36),
        ForeignKey("expected_runs.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("due_at", Moment, primary_key=True),
    Column("team_id", String(36), nullable=False),
    Column("experiment_id", String(36), nullable=False),
    Column("since", Moment, nullable=False),  # a run had to start after this
    Column("until", Moment, nullable=False),  # and by this
    Column("noticed_at", Moment, nullable=False),
    Column("execution_id", String(36)),  # a run that came in time, and was recorded later
    Index("missed_runs_by_team", "team_id", "due_at"),
)
