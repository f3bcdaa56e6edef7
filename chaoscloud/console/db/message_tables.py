"""What connects runs with other systems: messages to others, their alerts, their traces."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, text

from chaoscloud.console.db.columns import (
    Moment,
    Sequence,
    Words,
    creation_time,
    id_column,
    metadata,
    reference,
)

# As text, for a database uses the index only for the very condition that it was made with.
IS_PENDING = text("state = 'pending'")

subscriptions = Table(
    "subscriptions",
    metadata,
    id_column(),
    reference("organization_id", "organizations"),
    reference("team_id", "teams", nullable=True),  # null: every team of the organization
    Column("name", Text, nullable=False),
    Column("target", String(16), nullable=False),  # one of messages.targets.TARGETS
    Column("settings", Text, nullable=False),  # JSON, what the target needs
    Column("events", Words, nullable=False),  # types of events
    Column("tags", Words, nullable=False, default=()),  # only about what carries one of these
    Column("outcomes", Words, nullable=False, default=()),  # only ends with one of these
    Column("experiment_id", String(36)),  # only executions of this experiment
    # what messages are signed with: as it is, for the receiver has the same
    Column("secret", Text),
    Column("earlier_secret", Text),
    Column("earlier_secret_until", Moment),
    reference("person_id", "people", nullable=True),  # null: made by the operator on the machine
    Column("operator", Text),
    creation_time(),
    Column("updated_at", Moment),
    Column("removed_at", Moment),
    Column("paused_at", Moment),  # nothing is sent any more
    Column("pause_reason", Text),
    # how the target does: null or 0 when its last answer was good
    Column("failures", Integer, nullable=False, default=0),  # in a row
    Column("failing_since", Moment),
    Column("retry_at", Moment),
    Index("subscriptions_by_organization", "organization_id"),
)

messages = Table(  # the outbox: written with what they tell, sent afterwards
    "messages",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column(
        "subscription_id",
        String(36),
        ForeignKey("subscriptions.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("event_id", String(36), nullable=False),  # the same however often it is sent
    Column("subject_id", Text, nullable=False),  # messages about the same are sent in order
    Column("event", Text, nullable=False),  # JSON
    Column("state", String(8), nullable=False),  # pending | sent | failed
    Column("attempts", Integer, nullable=False, default=0),
    Column("answer", Text),  # what came of the last attempt
    creation_time(),
    Column("retry_at", Moment, nullable=False),
    Column("give_up_at", Moment, nullable=False),
    Column("claimed_until", Moment),  # a console is sending it
    Column("ended_at", Moment),  # sent or failed
    Index("messages_by_subscription", "subscription_id", "seq"),
    Index(
        "messages_pending",
        "subscription_id",
        "subject_id",
        "seq",
        sqlite_where=IS_PENDING,
        postgresql_where=IS_PENDING,
    ),
)

lost_contacts = Table(  # executions whose silence was noticed
    "lost_contacts",
    metadata,
    Column(
        "execution_id",
        String(36),
        ForeignKey("executions.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("noticed_at", Moment, nullable=False),
)

alert_periods = Table(  # when alerts of a safeguard fired
    "alert_periods",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column(
        "safeguard_id", String(36), ForeignKey("safeguards.id", ondelete="CASCADE"), nullable=False
    ),
    Column("alert_key", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment),  # null: it fires, as far as is known
    Index("alert_periods_by_safeguard", "safeguard_id", "since"),
)

traces = Table(  # the trace that an execution's events belong to
    "traces",
    metadata,
    Column(
        "execution_id",
        String(36),
        ForeignKey("executions.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("trace_id", String(32), nullable=False),  # hex
)
