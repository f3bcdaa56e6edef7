"""Labels and the CI build of executions; notes and findings."""

import sqlalchemy as sa
from alembic import op

revision = "m0010_notes"
down_revision = "m0009_messages"


def upgrade() -> None:
    """Make room for them; of earlier executions nothing of it is known."""
    op.add_column("outcomes", sa.Column("labels", sa.Text, nullable=False, server_default="{}"))
    op.add_column("outcomes", sa.Column("ci", sa.Text))
    op.create_table(
        "notes",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("team_id", sa.String(36), sa.ForeignKey("teams.id"), nullable=False),
        sa.Column(
            "execution_id",
            sa.String(36),
            sa.ForeignKey("executions.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("experiment_id", sa.String(36), nullable=False),
        sa.Column("person_id", sa.String(36), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_finding", sa.Boolean, nullable=False),
        sa.Column("ticket", sa.Text),
        sa.Column("fixed_at", sa.DateTime(timezone=True)),
        sa.Column("fixed_by", sa.String(36)),
    )
    op.create_index("notes_by_execution", "notes", ["execution_id", "created_at"])
    op.create_index("notes_by_team", "notes", ["team_id", "is_finding", "created_at", "id"])
