"""Messages to others: who subscribed to what, and the outbox."""

import sqlalchemy as sa
from alembic import op

from chaoscloud.console.db.schema import Moment, Words

revision = "m0009_messages"
down_revision = "m0008_retention"

IS_PENDING = sa.text("state = 'pending'")
SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _create_subscriptions()
    op.create_table(
        "messages",
        sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column(
            "subscription_id",
            sa.String(36),
            sa.ForeignKey("subscriptions.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("event_id", sa.String(36), nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("retry_at", Moment, nullable=False),
        sa.Column("give_up_at", Moment, nullable=False),
        sa.Column("claimed_until", Moment),
        sa.Column("ended_at", Moment),
    )
    op.create_index("messages_by_subscription", "messages", ["subscription_id", "seq"])
    op.create_index(
        "messages_pending",
        "messages",
        ["subscription_id", "subject_id", "seq"],
        sqlite_where=IS_PENDING,
        postgresql_where=IS_PENDING,
    )
    op.create_table(
        "lost_contacts",
        sa.Column(
            "execution_id",
            sa.String(36),
            sa.ForeignKey("executions.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("noticed_at", Moment, nullable=False),
    )


def _create_subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column(
            "organization_id", sa.String(36), sa.ForeignKey("organizations.id"), nullable=False
        ),
        sa.Column("team_id", sa.String(36), sa.ForeignKey("teams.id")),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("target", sa.String(16), nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("events", Words, nullable=False),
        sa.Column("tags", Words, nullable=False),
        sa.Column("outcomes", Words, nullable=False),
        sa.Column("experiment_id", sa.String(36)),
        sa.Column("secret", sa.Text),
        sa.Column("earlier_secret", sa.Text),
        sa.Column("earlier_secret_until", Moment),
        sa.Column("person_id", sa.String(36), sa.ForeignKey("people.id")),
        sa.Column("operator", sa.Text),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment),
        sa.Column("removed_at", Moment),
        sa.Column("paused_at", Moment),
        sa.Column("pause_reason", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", Moment),
        sa.Column("retry_at", Moment),
    )
    op.create_index("subscriptions_by_organization", "subscriptions", ["organization_id"])
