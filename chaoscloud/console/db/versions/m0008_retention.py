"""For how long an organization keeps events and journals, what it holds, and what was removed."""

import sqlalchemy as sa
from alembic import op

revision = "m0008_retention"
down_revision = "m0007_first_minutes"


def upgrade() -> None:
    """Make the tables. Without a row nothing is removed."""
    op.create_table(
        "retention",
        sa.Column(
            "organization_id", sa.String(36), sa.ForeignKey("organizations.id"), primary_key=True
        ),
        sa.Column("event_days", sa.Integer),
        sa.Column("journal_days", sa.Integer),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "retention_holds",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column(
            "organization_id", sa.String(36), sa.ForeignKey("organizations.id"), nullable=False
        ),
        sa.Column("tag", sa.Text),
        sa.Column("execution_id", sa.String(36)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("person_id", sa.String(36), sa.ForeignKey("people.id")),
        sa.Column("operator", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("retention_holds_by_organization", "retention_holds", ["organization_id"])
    op.create_table(
        "removals",
        sa.Column("record_id", sa.String(36), primary_key=True),
        sa.Column("events_removed_at", sa.DateTime(timezone=True)),
        sa.Column("journal_removed_at", sa.DateTime(timezone=True)),
        sa.Column("journal_digest", sa.String(64)),
    )
