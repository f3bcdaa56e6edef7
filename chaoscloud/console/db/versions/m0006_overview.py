"""What lists are searched and sorted by, a summary of each experiment, what somebody has seen."""

import sqlalchemy as sa
from alembic import op

from chaoscloud.console.db.schema import IS_DRY, IS_INCONCLUSIVE, IS_LEFT_BEHIND, Moment

revision = "m0006_overview"
down_revision = "m0005_outcomes"

INDEXES = {
    "outcomes_by_start": ("started_at", "execution_id", "outcome", "conclusive", "dry"),
    "outcomes_by_duration": ("duration", "execution_id"),
    "outcomes_by_person": ("person_id", "started_at", "execution_id"),
    "outcomes_of_experiment": ("experiment_id", "started_at", "execution_id"),
}
PARTIAL_INDEXES = {
    "outcomes_dry": IS_DRY,
    "outcomes_inconclusive": IS_INCONCLUSIVE,
    "outcomes_left_behind": IS_LEFT_BEHIND,
}


def upgrade() -> None:
    """Make room for them. What is not known yet is read after the start, in small steps."""
    op.add_column("teams", sa.Column("stale_days", sa.Integer, nullable=False, server_default="30"))
    _extend_outcomes()
    _extend_experiments()
    _list_every_execution()
    op.create_table(
        "attention_seen",
        sa.Column("team_id", sa.String(36), sa.ForeignKey("teams.id"), primary_key=True),
        sa.Column("kind", sa.String(24), primary_key=True),
        sa.Column("subject_id", sa.Text, primary_key=True),
        sa.Column("person_id", sa.String(36), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
    )


def _extend_outcomes() -> None:
    for column in (
        sa.Column("person_id", sa.String(36)),
        sa.Column("duration", sa.Float),
        sa.Column("tags", sa.Text, nullable=False, server_default="[]"),
        sa.Column("left_behind", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("words", sa.Text),
    ):
        op.add_column("outcomes", column)
    for name, columns in INDEXES.items():
        op.create_index(name, "outcomes", ["team_id", *columns])
    for name, condition in PARTIAL_INDEXES.items():
        op.create_index(
            name,
            "outcomes",
            ["team_id", "started_at", "execution_id"],
            sqlite_where=condition,
            postgresql_where=condition,
        )


def _extend_experiments() -> None:
    for column in (
        sa.Column("name", sa.Text),
        sa.Column("tags", sa.Text),
        sa.Column("archived_at", Moment),
        sa.Column("is_copy", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("team_experiments", column)
    op.create_table(
        "experiment_summaries",
        sa.Column("team_id", sa.String(36), primary_key=True),
        sa.Column("experiment_id", sa.String(36), primary_key=True),
        sa.Column("last_execution_id", sa.String(36)),
        sa.Column("last_started_at", Moment),
        sa.Column("recent", sa.Text, nullable=False),
        sa.Column("holds", sa.Boolean),
        sa.Column("holds_since", Moment),
        sa.Column("counted_at", Moment),
        sa.Column("counted_execution_id", sa.String(36)),
    )
    op.create_index("versions_by_digest", "experiment_versions", ["team_id", "digest"])


ADD_MISSING = """
INSERT INTO outcomes (execution_id, team_id, experiment_id, started_at, dry, outcome)
SELECT e.id, e.team_id, e.experiment_id, e.started_at, {false},
       CASE WHEN e.status = 'running' THEN NULL ELSE 'unknown' END
FROM executions e LEFT JOIN outcomes o ON o.execution_id = e.id WHERE o.execution_id IS NULL
"""


def _list_every_execution() -> None:
    """Give those a row that have none yet: lists are read from it. Their outcome is computed later.

    Without a sentence, `fill_outcomes` knows them.
    """
    false = "false" if op.get_bind().dialect.name == "postgresql" else "0"
    op.execute(ADD_MISSING.format(false=false))
