"""Runs that are expected, and those that did not come."""

import sqlalchemy as sa
from alembic import op

revision = "m0011_expected_runs"
down_revision = "m0010_notes"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "expected_runs",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("team_id", sa.String(36), sa.ForeignKey("teams.id"), nullable=False),
        sa.Column("experiment_id", sa.String(36), sa.ForeignKey("experiments.id"), nullable=False),
        sa.Column("cron", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("grace", sa.Float, nullable=False),
        sa.Column("person_id", sa.String(36), sa.ForeignKey("people.id")),
        sa.Column("operator", sa.Text),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("removed_at", TIME),
        sa.Column("checked_until", TIME, nullable=False),
        sa.Column("next_check_at", TIME, nullable=False),
    )
    op.create_index("expected_runs_by_check", "expected_runs", ["next_check_at"])
    op.create_index("expected_runs_by_team", "expected_runs", ["team_id"])
    op.create_table(
        "missed_runs",
        sa.Column(
            "expected_run_id",
            sa.String(36),
            sa.ForeignKey("expected_runs.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("due_at", TIME, primary_key=True),
        sa.Column("team_id", sa.String(36), nullable=False),
        sa.Column("experiment_id", sa.String(36), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.Column("noticed_at", TIME, nullable=False),
        sa.Column("execution_id", sa.String(36)),
    )
    op.create_index("missed_runs_by_team", "missed_runs", ["team_id", "due_at"])
