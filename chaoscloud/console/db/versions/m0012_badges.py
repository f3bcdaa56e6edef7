"""Badges: the secret part of the address of an experiment's badge, where a team turned it on."""

import sqlalchemy as sa
from alembic import op

revision = "m0012_badges"
down_revision = "m0011_expected_runs"


def upgrade() -> None:
    """Make room for it; no experiment has one yet."""
    op.add_column("team_experiments", sa.Column("badge", sa.String(64)))
    op.create_index("team_experiments_by_badge", "team_experiments", ["badge"], unique=True)
