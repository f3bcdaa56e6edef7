"""How executions ended, in a table of its own; the console fills it beside its work."""

import sqlalchemy as sa
from alembic import op

revision = "m0005_outcomes"
down_revision = "m0004_tenancy"


def upgrade() -> None:
    """Make the table. What it lacks is computed after the start, in small steps."""
    op.create_table(
        "outcomes",
        sa.Column(
            "execution_id",
            sa.String(36),
            sa.ForeignKey("executions.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("team_id", sa.String(36), nullable=False),
        sa.Column("experiment_id", sa.String(36), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(24)),
        sa.Column("conclusive", sa.Boolean),
        sa.Column("dry", sa.Boolean, nullable=False),
        sa.Column("reasons", sa.Text),
        sa.Column("warnings", sa.Text),
        sa.Column("sentence", sa.Text),
    )
    op.create_index(
        "outcomes_by_team", "outcomes", ["team_id", "outcome", "started_at", "execution_id"]
    )
    op.create_index(
        "outcomes_by_experiment", "outcomes", ["experiment_id", "team_id", "outcome", "started_at"]
    )
    op.create_index("runs_by_execution", "verification_runs", ["execution_id"])
