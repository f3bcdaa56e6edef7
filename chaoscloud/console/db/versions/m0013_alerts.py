"""When alerts fired, and the traces that executions belong to."""

import sqlalchemy as sa
from alembic import op

from chaoscloud.console.db.schema import Moment

revision = "m0013_alerts"
down_revision = "m0012_badges"

SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables; of earlier alerts and executions nothing of it is known."""
    op.create_table(
        "alert_periods",
        sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column(
            "safeguard_id",
            sa.String(36),
            sa.ForeignKey("safeguards.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("alert_key", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.Column("until", Moment),
    )
    op.create_index("alert_periods_by_safeguard", "alert_periods", ["safeguard_id", "since"])
    op.create_table(
        "traces",
        sa.Column(
            "execution_id",
            sa.String(36),
            sa.ForeignKey("executions.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("trace_id", sa.String(32), nullable=False),
    )
