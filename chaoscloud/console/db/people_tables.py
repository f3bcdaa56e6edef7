"""Who works where: organizations, teams, people, tokens, sessions."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from chaoscloud.console.db.columns import Moment, creation_time, id_column, metadata, reference

organizations = Table(
    "organizations",
    metadata,
    id_column(),
    Column("name", Text, nullable=False, unique=True),
    Column("slug", Text, nullable=False, unique=True),  # the name as it stands in addresses
    # nothing runs here that cannot ask its safeguards
    Column("safeguards_required", Boolean, nullable=False, default=False),
    creation_time(),
)

teams = Table(
    "teams",
    metadata,
    id_column(),
    reference("organization_id", "organizations"),
    Column("name", Text, nullable=False),
    Column("slug", Text, nullable=False),
    creation_time(),
    Column("removed_at", Moment),  # the row stays: the audit log goes on to name the team
    # an experiment that was not run for so many days is stale
    Column("stale_days", Integer, nullable=False, default=30, server_default="30"),
    UniqueConstraint("organization_id", "name"),
    UniqueConstraint("organization_id", "slug"),
)

people = Table(
    "people",
    metadata,
    id_column(),
    Column("name", Text, nullable=False),  # unique among the people of each organization
    creation_time(),
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
    id_column(),
    reference("person_id", "people"),
    Column("name", Text, nullable=False),
    Column("digest", String(64), nullable=False, unique=True),  # SHA-256 of the token, hex
    Column("hint", String(8), nullable=False),  # its first characters, to tell tokens apart
    creation_time(),
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
    reference("token_id", "tokens"),
    creation_time(),
    Column("expires_at", Moment, nullable=False),
)

signin_links = Table(  # an address that signs one browser in, once
    "signin_links",
    metadata,
    Column("digest", String(64), primary_key=True),  # SHA-256 of the secret in it, hex
    reference("token_id", "tokens"),
    creation_time(),
    Column("expires_at", Moment, nullable=False),
)

earlier_slugs = Table(  # how organizations and teams stood in addresses before they were renamed
    "earlier_slugs",
    metadata,
    Column("organization_id", String(36), primary_key=True),  # '' for an organization's own
    Column("slug", Text, primary_key=True),
    Column("renamed_id", String(36), nullable=False),  # of the organization or team
    creation_time(),
)
