"""What must hold: objectives, verifications and their runs."""

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
)

from chaoscloud.console.db.columns import (
    Moment,
    Sequence,
    creation_time,
    id_column,
    journal_version_columns,
    metadata,
    reference,
)
from chaoscloud.console.db.journal_column import JournalBytes

objectives = Table(
    "objectives",
    metadata,
    id_column(),
    reference("team_id", "teams"),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("tags", Text, nullable=False, default="[]"),  # JSON list of strings
    Column("target", Float, nullable=False),  # percent
    Column("window", Float, nullable=False),  # seconds
    Column("measurement", LargeBinary, nullable=False),  # JSON: a steady-state hypothesis
    creation_time(),
    Column("updated_at", Moment, nullable=False),
)

verifications = Table(
    "verifications",
    metadata,
    # the id may come from a hand-written document, so it is only unique within the team
    Column("team_id", String(36), ForeignKey("teams.id"), primary_key=True),
    Column("id", Text, primary_key=True),
    reference("objective_id", "objectives"),
    reference("experiment_id", "experiments", nullable=True),
    Column("name", Text, nullable=False),
    Column("frequency", Float, nullable=False),  # seconds, as are the next three
    Column("warm_up", Float, nullable=False, default=0.0),
    Column("duration", Float, nullable=False),
    Column("cool_down", Float, nullable=False, default=0.0),
    Column("document", LargeBinary, nullable=False),  # the document to run
    creation_time(),
    Column("updated_at", Moment, nullable=False),
)

verification_runs = Table(
    "verification_runs",
    metadata,
    id_column(),
    reference("team_id", "teams"),
    Column("verification_id", Text, nullable=False),
    Column("experiment_id", String(36)),
    Column("execution_id", String(36)),
    reference("person_id", "people"),
    Column("state", String(16), nullable=False),  # running | finished
    Column("status", Text, nullable=False, default=""),
    Column("journal", JournalBytes, nullable=False),
    Column("results", Text),  # JSON, as the plugin counted
    creation_time(),
    Column("ended_at", Moment),
    *journal_version_columns(),
    ForeignKeyConstraint(
        ["team_id", "verification_id"], ["verifications.team_id", "verifications.id"]
    ),
    Index("runs_by_verification", "team_id", "verification_id", "created_at"),
    Index("runs_by_execution", "execution_id"),
)

verification_events = Table(
    "verification_events",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    reference("run_id", "verification_runs"),
    Column("category", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # JSON
    Column("received_at", Moment, nullable=False),
    Index("verification_events_by_run", "run_id", "seq"),
)
