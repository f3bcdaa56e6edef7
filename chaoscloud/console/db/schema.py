"""The console's tables, in SQL that SQLite and PostgreSQL both take.

Conventions: identifiers are UUIDs kept as text; times are aware UTC datetimes; documents that came
over the wire are kept as the bytes that came (UTF-8 JSON), beside the few columns that pages and
rules ask for. Every row that belongs to people belongs to a team or an organization.
"""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TextClause,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData()

# SQLite only counts by itself on a column declared INTEGER; PostgreSQL wants 64 bits.
Sequence = BigInteger().with_variant(Integer, "sqlite")


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime; SQLite forgets the zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Refuse naive times: a time without a zone is a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are kept with their zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[tuple[str, ...]]):
    """A few words, such as tags; kept as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Any) -> str:
        """Write the list."""
        return json.dumps(list(value or ()), ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Any) -> tuple[str, ...]:
        """Read it."""
        return tuple(json.loads(value or "[]"))


def _id() -> Column[str]:
    return Column("id", String(36), primary_key=True)


def _ref(name: str, target: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String(36), ForeignKey(f"{target}.id"), nullable=nullable)


def _creation_time() -> Column[datetime]:
    return Column("created_at", Moment, nullable=False)


def _listing(name: str, *columns: str) -> tuple[Index, Index]:
    """The index that a list of executions is read by.

    SQLite finds the tags in it too: looking for one that is rare, it need not read every row with
    its journal. PostgreSQL keeps journals apart, and takes no long text into an index.
    """
    return (
        Index(name, *columns, "tags").ddl_if(dialect="sqlite"),
        Index(name, *columns).ddl_if(dialect="postgresql"),
    )


def _partial_index(name: str, condition: TextClause) -> Index:
    """The index of those outcomes of a team, by their start, for which a condition is true."""
    columns = ("team_id", "started_at", "execution_id")
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


def _journal_version() -> tuple[Column[Any], ...]:
    """Which version the journal of a row is, who sent it, and when.

    Null for a journal that came before versions were counted: its run's person sent it.
    """
    return (
        Column("journal_number", Integer, nullable=False, default=1, server_default="1"),
        Column("journal_person_id", String(36)),
        Column("journal_at", Moment),
    )


# --- who ---------------------------------------------------------------------------------------

organizations = Table(
    "organizations",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("slug", Text, nullable=False, unique=True),  # the name as it stands in addresses
    # nothing runs here that cannot ask its safeguards
    Column("safeguards_required", Boolean, nullable=False, default=False),
    _creation_time(),
)

teams = Table(
    "teams",
    metadata,
    _id(),
    _ref("organization_id", "organizations"),
    Column("name", Text, nullable=False),
    Column("slug", Text, nullable=False),
    _creation_time(),
    Column("removed_at", Moment),  # the row stays: the audit log goes on to name the team
    # an experiment that was not run for so many days is stale
    Column("stale_days", Integer, nullable=False, default=30, server_default="30"),
    UniqueConstraint("organization_id", "name"),
    UniqueConstraint("organization_id", "slug"),
)

people = Table(
    "people",
    metadata,
    _id(),
    Column("name", Text, nullable=False),  # unique among the people of each organization
    _creation_time(),
    Column("removed_at", Moment),
)

memberships = Table(  # in an organization; "owner" sees and changes every team of it
    "memberships",
    metadata,
    Column("organization_id", String(36), ForeignKey("organizations.id"), primary_key=True),
    Column("person_id", String(36), ForeignKey("people.id"), primary_key=True),
    Column("role", String(16), nullable=False),  # owner | member
)

team_members = Table(
    "team_members",
    metadata,
    Column("team_id", String(36), ForeignKey("teams.id"), primary_key=True),
    Column("person_id", String(36), ForeignKey("people.id"), primary_key=True),
)

tokens = Table(
    "tokens",
    metadata,
    _id(),
    _ref("person_id", "people"),
    Column("name", Text, nullable=False),
    Column("digest", String(64), nullable=False, unique=True),  # SHA-256 of the token, hex
    Column("hint", String(8), nullable=False),  # its first characters, to tell tokens apart
    _creation_time(),
    Column("expires_at", Moment),
    Column("last_used_at", Moment),
    Column("revoked_at", Moment),
)

token_organizations = Table(  # where a token opens anything; one, but for tokens before 1.1
    "token_organizations",
    metadata,
    Column("token_id", String(36), ForeignKey("tokens.id"), primary_key=True),
    Column("organization_id", String(36), ForeignKey("organizations.id"), primary_key=True),
)

sessions = Table(  # a browser signed in with a token; it ends with the token
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),  # SHA-256 of the cookie's value, hex
    _ref("token_id", "tokens"),
    _creation_time(),
    Column("expires_at", Moment, nullable=False),
)

signin_links = Table(  # an address that signs one browser in, once
    "signin_links",
    metadata,
    Column("digest", String(64), primary_key=True),  # SHA-256 of the secret in it, hex
    _ref("token_id", "tokens"),
    _creation_time(),
    Column("expires_at", Moment, nullable=False),
)

earlier_slugs = Table(  # how organizations and teams stood in addresses before they were renamed
    "earlier_slugs",
    metadata,
    Column("organization_id", String(36), primary_key=True),  # '' for an organization's own
    Column("slug", Text, primary_key=True),
    Column("renamed_id", String(36), nullable=False),  # of the organization or team
    _creation_time(),
)

# --- what was run ------------------------------------------------------------------------------

experiments = Table(
    "experiments",
    metadata,
    _id(),
    _ref("organization_id", "organizations"),
    Column("title", Text, nullable=False),
    Column("source", Text),  # the url it came from, if it did
    Column("latest_version", Integer, nullable=False),
    _creation_time(),
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
    _ref("team_id", "teams"),
    _ref("person_id", "people"),
    _creation_time(),
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
    _id(),
    _ref("team_id", "teams"),
    _ref("experiment_id", "experiments"),
    Column("experiment_version", Integer, nullable=False),
    _ref("person_id", "people"),
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
    Column("journal", LargeBinary, nullable=False),  # empty once retention has removed it
    _creation_time(),
    Column("updated_at", Moment, nullable=False),
    Column("last_seen_at", Moment, nullable=False),  # the last word of the run, events included
    # only a test of the safeguards: its author may remove it again
    Column("is_stop_test", Boolean, nullable=False, default=False, server_default=false()),
    *_journal_version(),
    *_listing("executions_by_team", "team_id", "started_at", "id"),
    *_listing("executions_by_status", "team_id", "status", "started_at", "id"),
    *_listing("executions_by_person", "team_id", "person_id", "started_at", "id"),
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
    Column("words", Text),  # all that a search looks through, in small letters; null: not read yet
    Index("outcomes_by_team", "team_id", "outcome", "started_at", "execution_id"),
    Index(
        "outcomes_by_start", "team_id", "started_at", "execution_id", "outcome", "conclusive", "dry"
    ),
    Index("outcomes_by_duration", "team_id", "duration", "execution_id"),
    Index("outcomes_by_person", "team_id", "person_id", "started_at", "execution_id"),
    Index("outcomes_of_experiment", "team_id", "experiment_id", "started_at", "execution_id"),
    _partial_index("outcomes_dry", IS_DRY),
    _partial_index("outcomes_inconclusive", IS_INCONCLUSIVE),
    _partial_index("outcomes_left_behind", IS_LEFT_BEHIND),
    Index("outcomes_by_experiment", "experiment_id", "team_id", "outcome", "started_at"),
)

events = Table(
    "events",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    _ref("execution_id", "executions"),
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
    _creation_time(),
)

journal_versions = Table(  # journals of runs that had ended when another journal came
    "journal_versions",
    metadata,
    Column("record_id", String(36), primary_key=True),  # an execution or a verification run
    Column("number", Integer, primary_key=True),  # 1, 2, …
    Column("journal", LargeBinary, nullable=False),
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
    _id(),
    _ref("organization_id", "organizations"),
    Column("tag", Text),
    Column("execution_id", String(36)),
    Column("reason", Text, nullable=False),
    _ref("person_id", "people", nullable=True),
    Column("operator", Text),  # who set it on the machine, where no person did
    _creation_time(),
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
    _id(),
    _ref("organization_id", "organizations"),
    _ref("team_id", "teams", nullable=True),  # null: the whole organization
    Column("kind", String(16), nullable=False),  # one of rules.safeguards.KINDS
    Column("name", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("settings", Text, nullable=False, default="{}"),  # JSON, what the kind needs
    Column("enabled", Boolean, nullable=False, default=True),
    _ref("person_id", "people", nullable=True),  # null: set by the operator on the machine
    _creation_time(),
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
    _ref("person_id", "people"),
    Column("note", Text, nullable=False, default=""),
    _creation_time(),
)

objectives = Table(
    "objectives",
    metadata,
    _id(),
    _ref("team_id", "teams"),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("tags", Text, nullable=False, default="[]"),  # JSON list of strings
    Column("target", Float, nullable=False),  # percent
    Column("window", Float, nullable=False),  # seconds
    Column("measurement", LargeBinary, nullable=False),  # JSON: a steady-state hypothesis
    _creation_time(),
    Column("updated_at", Moment, nullable=False),
)

verifications = Table(
    "verifications",
    metadata,
    # the id may come from a hand-written document, so it is only unique within the team
    Column("team_id", String(36), ForeignKey("teams.id"), primary_key=True),
    Column("id", Text, primary_key=True),
    _ref("objective_id", "objectives"),
    _ref("experiment_id", "experiments", nullable=True),
    Column("name", Text, nullable=False),
    Column("frequency", Float, nullable=False),  # seconds, as are the next three
    Column("warm_up", Float, nullable=False, default=0.0),
    Column("duration", Float, nullable=False),
    Column("cool_down", Float, nullable=False, default=0.0),
    Column("document", LargeBinary, nullable=False),  # the document to run
    _creation_time(),
    Column("updated_at", Moment, nullable=False),
)

verification_runs = Table(
    "verification_runs",
    metadata,
    _id(),
    _ref("team_id", "teams"),
    Column("verification_id", Text, nullable=False),
    Column("experiment_id", String(36)),
    Column("execution_id", String(36)),
    _ref("person_id", "people"),
    Column("state", String(16), nullable=False),  # running | finished
    Column("status", Text, nullable=False, default=""),
    Column("journal", LargeBinary, nullable=False),
    Column("results", Text),  # JSON, as the plugin counted
    _creation_time(),
    Column("ended_at", Moment),
    *_journal_version(),
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
    _ref("run_id", "verification_runs"),
    Column("category", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # JSON
    Column("received_at", Moment, nullable=False),
    Index("verification_events_by_run", "run_id", "seq"),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    _ref("organization_id", "organizations", nullable=True),
    _ref("team_id", "teams", nullable=True),
    _ref("person_id", "people", nullable=True),
    Column("action", Text, nullable=False),  # "token.revoked", "safeguard.stopped", …
    Column("subject", Text, nullable=False),  # what it was done to, in words
    Column("operator", Text),  # who did it on the machine, where no person did
    Column("token_id", String(36)),  # the token that was used
    Column("object_type", String(16)),  # what it was done to, where that has a page
    Column("object_id", Text),
    Index("audit_by_organization", "organization_id", "seq"),
)
