"""The console's tables, in SQL that SQLite and PostgreSQL both take.

Conventions: identifiers are UUIDs kept as text; times are aware UTC datetimes; documents that came
over the wire are kept as the bytes that came (UTF-8 JSON; journals compressed), beside the few
columns that pages and rules ask for. Every row that belongs to people belongs to a team or an
organization.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from chaoscloud.console.db.columns import (
    Moment,
    Sequence,
    Words,
    creation_time,
    id_column,
    journal_version_columns,
    list_index,
    metadata,
    partial_index,
    reference,
)
from chaoscloud.console.db.expectation_tables import expected_runs, missed_runs
from chaoscloud.console.db.journal_column import JournalBytes
from chaoscloud.console.db.message_tables import (
    IS_PENDING,
    alert_periods,
    lost_contacts,
    messages,
    subscriptions,
    traces,
)
from chaoscloud.console.db.note_tables import notes
from chaoscloud.console.db.people_tables import (
    earlier_slugs,
    memberships,
    organizations,
    people,
    sessions,
    signin_links,
    team_members,
    teams,
    token_organizations,
    tokens,
)
from chaoscloud.console.db.verification_tables import (
    objectives,
    verification_events,
    verification_runs,
    verifications,
)

__all__ = [
    "IS_DRY",
    "IS_INCONCLUSIVE",
    "IS_LEFT_BEHIND",
    "IS_PENDING",
    "IS_RUNNING",
    "Moment",
    "Sequence",
    "Words",
    "alert_periods",
    "attention_seen",
    "audit",
    "earlier_slugs",
    "events",
    "executions",
    "expected_runs",
    "experiment_summaries",
    "experiment_versions",
    "experiments",
    "idempotency_keys",
    "journal_versions",
    "lost_contacts",
    "memberships",
    "messages",
    "metadata",
    "missed_runs",
    "notes",
    "objectives",
    "organization_revisions",
    "organizations",
    "outcomes",
    "people",
    "removals",
    "retention",
    "retention_holds",
    "revisions",
    "safeguard_states",
    "safeguards",
    "sessions",
    "signin_links",
    "stop_acknowledgements",
    "subscriptions",
    "team_experiments",
    "team_members",
    "teams",
    "token_organizations",
    "tokens",
    "traces",
    "verification_events",
    "verification_runs",
    "verifications",
]

# --- what was run ------------------------------------------------------------------------------

experiments = Table(
    "experiments",
    metadata,
    id_column(),
    reference("organization_id", "organizations"),
    Column("title", Text, nullable=False),
    Column("source", Text),  # the url it came from, if it did
    Column("latest_version", Integer, nullable=False),
    creation_time(),
    Column("updated_at", Moment, nullable=False),
    Index("experiments_by_source", "organization_id", "source"),
)

team_experiments = Table(  # a team sees the experiments it published
    "team_experiments",
    metadata,
    Column("team_id", String(36), ForeignKey("teams.id"), primary_key=True),
    Column("experiment_id", String(36), ForeignKey("experiments.id"), primary_key=True),
    Column("name", Text),  # what the team calls it; null: the title of its document
    Column("tags", Text),  # JSON list, of the team's latest version; null: not read yet
    Column("archived_at", Moment),
    # made for a verification: it is run with that, and not by itself
    Column("is_copy", Boolean, nullable=False, default=False, server_default=false()),
    Column("badge", String(64)),  # the secret part of its badge's address; null: it has none
    Index("team_experiments_by_badge", "badge", unique=True),
)

# What lists and the overview say of each experiment: written anew whenever a run of it begins or
# ends, so that a page need not look through all runs.
experiment_summaries = Table(
    "experiment_summaries",
    metadata,
    Column("team_id", String(36), primary_key=True),
    Column("experiment_id", String(36), primary_key=True),
    Column("last_execution_id", String(36)),
    Column("last_started_at", Moment),
    Column("recent", Text, nullable=False),  # JSON, the last runs, newest first
    Column("holds", Boolean),  # what the last run that counts showed; null: none counts
    Column("holds_since", Moment),  # the start of the first run in a row that showed this
    Column("counted_at", Moment),  # the start of the last run that counts
    Column("counted_execution_id", String(36)),
)

experiment_versions = Table(
    "experiment_versions",
    metadata,
    Column("experiment_id", String(36), ForeignKey("experiments.id"), primary_key=True),
    Column("number", Integer, primary_key=True),  # 1, 2, …
    Column("digest", String(64), nullable=False),  # SHA-256 of the canonical document, hex
    Column("document", LargeBinary, nullable=False),
    reference("team_id", "teams"),
    reference("person_id", "people"),
    creation_time(),
    Index("versions_by_digest", "team_id", "digest"),
)

# As text, for a database uses the index only for the very condition that it was made with.
IS_RUNNING = text("status = 'running'")
IS_DRY = text("dry")
IS_INCONCLUSIVE = text("NOT conclusive AND outcome IN ('passed', 'deviated')")
IS_LEFT_BEHIND = text("left_behind")

executions = Table(
    "executions",
    metadata,
    id_column(),
    reference("team_id", "teams"),
    reference("experiment_id", "experiments"),
    Column("experiment_version", Integer, nullable=False),
    reference("person_id", "people"),
    Column("title", Text, nullable=False),
    # running | completed | deviated | failed | aborted | interrupted | refused | unknown
    Column("status", String(16), nullable=False),
    Column("node", Text),
    Column("platform", Text),
    Column("chaoslib_version", Text),
    Column("tags", Text, nullable=False, default="[]"),  # JSON list of strings
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("duration", Float),  # seconds
    Column("safeguards", Text),  # JSON list of the policies that stopped it, else null
    Column("stop", Text),  # JSON, how a stop reached it: when decided, received, interrupted
    Column("journal", JournalBytes, nullable=False),  # empty once retention has removed it
    creation_time(),
    Column("updated_at", Moment, nullable=False),
    Column("last_seen_at", Moment, nullable=False),  # the last word of the run, events included
    # only a test of the safeguards: its author may remove it again
    Column("is_stop_test", Boolean, nullable=False, default=False, server_default=false()),
    *journal_version_columns(),
    *list_index("executions_by_team", "team_id", "started_at", "id"),
    *list_index("executions_by_status", "team_id", "status", "started_at", "id"),
    *list_index("executions_by_person", "team_id", "person_id", "started_at", "id"),
    Index("executions_by_experiment", "experiment_id", "started_at", "id"),
    # SQLite reads a row with its journal, so there the index has all that decisions ask for.
    Index(
        "executions_running",
        "team_id",
        "last_seen_at",
        "created_at",
        "id",
        "tags",
        sqlite_where=IS_RUNNING,
    ).ddl_if(dialect="sqlite"),
    Index("executions_running", "team_id", "last_seen_at", postgresql_where=IS_RUNNING).ddl_if(
        dialect="postgresql"
    ),
)

# A table of its own: in SQLite an execution's row holds its whole journal, and a column after it is
# reached only by reading that.
outcomes = Table(
    "outcomes",
    metadata,
    Column(
        "execution_id",
        String(36),
        ForeignKey("executions.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("team_id", String(36), nullable=False),
    Column("experiment_id", String(36), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("outcome", String(24)),  # null while the execution goes on
    Column("conclusive", Boolean),
    Column("dry", Boolean, nullable=False),
    Column("reasons", Text),  # JSON list of codes
    Column("warnings", Text),  # JSON list of {"code", "message"}
    Column("sentence", Text),
    Column("person_id", String(36)),
    Column("duration", Float),  # seconds
    Column("tags", Text, nullable=False, default="[]", server_default="[]"),  # JSON list
    # what the method did may still be there: its rollbacks failed, or were not run
    Column("left_behind", Boolean, nullable=False, default=False, server_default=false()),
    Column("labels", Text, nullable=False, default="{}", server_default="{}"),  # JSON object
    Column("ci", Text),  # JSON, the CI build that started it
    Column("words", Text),  # all that a search looks through, in small letters; null: not read yet
    Index("outcomes_by_team", "team_id", "outcome", "started_at", "execution_id"),
    Index(
        "outcomes_by_start", "team_id", "started_at", "execution_id", "outcome", "conclusive", "dry"
    ),
    Index("outcomes_by_duration", "team_id", "duration", "execution_id"),
    Index("outcomes_by_person", "team_id", "person_id", "started_at", "execution_id"),
    Index("outcomes_of_experiment", "team_id", "experiment_id", "started_at", "execution_id"),
    partial_index("outcomes_dry", IS_DRY, "dry"),
    partial_index("outcomes_inconclusive", IS_INCONCLUSIVE, "conclusive", "outcome"),
    partial_index("outcomes_left_behind", IS_LEFT_BEHIND, "left_behind"),
    Index("outcomes_by_experiment", "experiment_id", "team_id", "outcome", "started_at"),
)

events = Table(
    "events",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    reference("execution_id", "executions"),
    Column("event_id", Text, nullable=False),  # the CloudEvent's id
    Column("type", Text, nullable=False),
    Column("time", Moment, nullable=False),
    Column("data", LargeBinary, nullable=False),  # JSON: {"context", "state", …}
    Column("received_at", Moment, nullable=False),
    Column("sequence", Integer),  # 1, 2, … within the execution, if the client counts them
    UniqueConstraint("execution_id", "event_id"),
    Index("events_by_execution", "execution_id", "seq"),
)

idempotency_keys = Table(  # what a creation that carried an Idempotency-Key made
    "idempotency_keys",
    metadata,
    Column("team_id", String(36), ForeignKey("teams.id"), primary_key=True),
    Column("kind", String(32), primary_key=True),  # experiment | execution | verification-run
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),  # SHA-256 of the body, hex
    Column("resource_id", String(36), nullable=False),
    creation_time(),
)

journal_versions = Table(  # journals of runs that had ended when another journal came
    "journal_versions",
    metadata,
    Column("record_id", String(36), primary_key=True),  # an execution or a verification run
    Column("number", Integer, primary_key=True),  # 1, 2, …
    Column("journal", JournalBytes, nullable=False),
    Column("status", Text, nullable=False),
    Column("results", Text),  # JSON, of a verification run
    Column("person_id", String(36), nullable=False),  # who sent it
    Column("created_at", Moment, nullable=False),
)

retention = Table(  # for how many days an organization keeps what is large; null: for ever
    "retention",
    metadata,
    Column("organization_id", String(36), ForeignKey("organizations.id"), primary_key=True),
    Column("event_days", Integer),
    Column("journal_days", Integer),
    Column("updated_at", Moment, nullable=False),
)

retention_holds = Table(  # what retention leaves alone: runs with a tag, or one run
    "retention_holds",
    metadata,
    id_column(),
    reference("organization_id", "organizations"),
    Column("tag", Text),
    Column("execution_id", String(36)),
    Column("reason", Text, nullable=False),
    reference("person_id", "people", nullable=True),
    Column("operator", Text),  # who set it on the machine, where no person did
    creation_time(),
    Index("retention_holds_by_organization", "organization_id"),
)

removals = Table(  # what retention removed of an execution, or of a verification run
    "removals",
    metadata,
    Column("record_id", String(36), primary_key=True),
    Column("events_removed_at", Moment),
    Column("journal_removed_at", Moment),
    Column("journal_digest", String(64)),  # SHA-256 of the latest journal, hex
)

# --- what must hold ----------------------------------------------------------------------------

safeguards = Table(
    "safeguards",
    metadata,
    id_column(),
    reference("organization_id", "organizations"),
    reference("team_id", "teams", nullable=True),  # null: the whole organization
    Column("kind", String(16), nullable=False),  # one of rules.safeguards.KINDS
    Column("name", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("settings", Text, nullable=False, default="{}"),  # JSON, what the kind needs
    Column("enabled", Boolean, nullable=False, default=True),
    reference("person_id", "people", nullable=True),  # null: set by the operator on the machine
    creation_time(),
    Column("expires_at", Moment),
    Column("removed_at", Moment),
    Column("tags", Words, nullable=False, default=()),  # only runs with one of these
    Column("execution_id", String(36)),  # only this run
    Column("decided_at", Moment),  # since when it says what it says; null: since it was made
    Column("updated_at", Moment),
    Column("secret", String(64)),  # SHA-256 of what opens its own address, hex
    Column("operator", Text),  # who set it on the machine, where no person did
    Index("safeguards_by_scope", "organization_id", "team_id"),
)

safeguard_states = Table(  # what was last heard of those who are asked, or who tell
    "safeguard_states",
    metadata,
    Column(
        "safeguard_id",
        String(36),
        ForeignKey("safeguards.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("state", Text, nullable=False),  # JSON, by kind
    Column("changed_at", Moment, nullable=False),
)

revisions = Table(  # how often something changed that consoles keep in memory
    "revisions",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("number", BigInteger, nullable=False),
)

organization_revisions = Table(  # the same of one organization; '' stands for all of them
    "organization_revisions",
    metadata,
    Column("organization_id", String(36), primary_key=True),
    Column("safeguards", BigInteger, nullable=False),
    Column("executions", BigInteger, nullable=False),
)

stop_acknowledgements = Table(  # what a run was last denied by, and knows of
    "stop_acknowledgements",
    metadata,
    Column(
        "execution_id",
        String(36),
        ForeignKey("executions.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("safeguards", Text, nullable=False),  # JSON list of ids
    Column("acknowledged_at", Moment, nullable=False),
)

attention_seen = Table(  # what somebody took off the list of what needs attention
    "attention_seen",
    metadata,
    Column("team_id", String(36), ForeignKey("teams.id"), primary_key=True),
    Column("kind", String(24), primary_key=True),  # one of rules.attention.KINDS
    Column("subject_id", Text, primary_key=True),  # an execution, a safeguard, a verification run
    reference("person_id", "people"),
    Column("note", Text, nullable=False, default=""),
    creation_time(),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    reference("organization_id", "organizations", nullable=True),
    reference("team_id", "teams", nullable=True),
    reference("person_id", "people", nullable=True),
    Column("action", Text, nullable=False),  # "token.revoked", "safeguard.stopped", …
    Column("subject", Text, nullable=False),  # what it was done to, in words
    Column("operator", Text),  # who did it on the machine, where no person did
    Column("token_id", String(36)),  # the token that was used
    Column("object_type", String(16)),  # what it was done to, where that has a page
    Column("object_id", Text),
    Index("audit_by_organization", "organization_id", "seq"),
)
