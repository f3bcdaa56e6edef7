"""What decisions need: changes counted by organization, running executions found, stops heard."""

import sqlalchemy as sa
from alembic import op

revision = "m0003_decisions"
down_revision = "m0002_operators"


def upgrade() -> None:
    """Make two tables, and the index by which running executions are found."""
    op.create_table(
        "organization_revisions",
        sa.Column("organization_id", sa.String(36), primary_key=True),
        sa.Column("safeguards", sa.BigInteger, nullable=False),
        sa.Column("executions", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "stop_acknowledgements",
        sa.Column(
            "execution_id",
            sa.String(36),
            sa.ForeignKey("executions.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("safeguards", sa.Text, nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=False),
    )
    # SQLite reads an execution's row with its journal, so there the index has all that is asked.
    columns = ["team_id", "last_seen_at"]
    if op.get_context().dialect.name == "sqlite":
        columns += ["created_at", "id", "tags"]
    running = sa.text("status = 'running'")
    op.create_index(
        "executions_running",
        "executions",
        columns,
        sqlite_where=running,
        postgresql_where=running,
    )
