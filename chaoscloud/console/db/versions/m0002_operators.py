"""Safeguards and the audit log name the operator who used the command line."""

import sqlalchemy as sa
from alembic import op

revision = "m0002_operators"
down_revision = "m0001_baseline"


def upgrade() -> None:
    """Add the names; of what was done before they are not known."""
    op.add_column("safeguards", sa.Column("operator", sa.Text))
    op.add_column("audit", sa.Column("operator", sa.Text))
