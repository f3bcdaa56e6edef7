"""Addresses that sign a browser in once, and the earlier addresses of what was renamed."""

import sqlalchemy as sa
from alembic import op

revision = "m0007_first_minutes"
down_revision = "m0006_overview"


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "signin_links",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("token_id", sa.String(36), sa.ForeignKey("tokens.id"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "earlier_slugs",
        sa.Column("organization_id", sa.String(36), primary_key=True),
        sa.Column("slug", sa.Text, primary_key=True),
        sa.Column("renamed_id", sa.String(36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
