"""Access tokens: shown once, kept as a digest, ended by expiry or revocation."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, or_, select, update

from chaoscloud.console.db import changes
from chaoscloud.console.db.schema import people, token_organizations, tokens
from chaoscloud.console.records._rows import columns, every, first, new_id

PREFIX = "ciq_"
HINT = 8  # characters of the token, its prefix included
USED_AGAIN = timedelta(minutes=1)  # how often it is worth writing down that a token is in use


class Token(msgspec.Struct, frozen=True):
    """What is kept of a token: never the token."""

    id: str
    person_id: str
    name: str
    hint: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def has_ended(self, now: datetime) -> bool:
        """Whether it opens nothing any more."""
        return self.revoked_at is not None or (
            self.expires_at is not None and self.expires_at <= now
        )


class Holder(msgspec.Struct, frozen=True):
    """Who a valid token speaks for, and the organizations that it opens."""

    token_id: str
    person_id: str
    person_name: str
    last_used_at: datetime | None
    expires_at: datetime | None
    organization_ids: frozenset[str] = frozenset()


def add(
    connection: Connection,
    person_id: str,
    name: str,
    now: datetime,
    expires_at: datetime | None = None,
    *,
    organization_id: str,
) -> tuple[Token, str]:
    """Add a token that opens one organization.

    Return what is kept of it, and the token itself, which is never shown again.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(new_id(), person_id, name, secret[:HINT], now, expires_at, None, None)
    connection.execute(
        tokens.insert().values(digest=digest(secret), **msgspec.structs.asdict(token))
    )
    connection.execute(
        token_organizations.insert().values(token_id=token.id, organization_id=organization_id)
    )
    return token, secret


def digest(secret: str) -> str:
    """What is kept in a secret's place: 32 random bytes need no salt and no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


VALID = and_(  # a token that still opens something at the moment `now`
    tokens.c.revoked_at.is_(None),
    or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > bindparam("now")),
)

_HOLDER = (
    select(tokens.c.id, people.c.id, people.c.name, tokens.c.last_used_at, tokens.c.expires_at)
    .join(people, people.c.id == tokens.c.person_id)
    .where(tokens.c.digest == bindparam("digest"), VALID, people.c.removed_at.is_(None))
)


def holder(connection: Connection, secret: str, now: datetime) -> Holder | None:
    """Who a token speaks for; None when it is unknown, expired or revoked."""
    holder = first(connection, _HOLDER, Holder, digest=digest(secret), now=now)
    if holder is None:
        return None
    opened = organizations_of(connection, holder.token_id)
    return msgspec.structs.replace(holder, organization_ids=opened)


_OPENED = select(token_organizations.c.organization_id).where(
    token_organizations.c.token_id == bindparam("token")
)


def organizations_of(connection: Connection, token_id: str) -> frozenset[str]:
    """The organizations that a token opens, where its person still belongs to them."""
    return frozenset(connection.scalars(_OPENED, {"token": token_id}))


def find_ended(connection: Connection, secret: str) -> Token | None:
    """What is kept of a token by the token itself, also of one that opens nothing any more."""
    statement = select(*columns(tokens, Token)).where(tokens.c.digest == digest(secret))
    return first(connection, statement, Token)


def used(connection: Connection, token_id: str, now: datetime) -> None:
    """Write down that a token was used just now."""
    connection.execute(update(tokens).where(tokens.c.id == token_id).values(last_used_at=now))


def worth_noting(last_used_at: datetime | None, now: datetime) -> bool:
    """Whether the last note of a token's use is old enough for another."""
    return last_used_at is None or now - last_used_at >= USED_AGAIN


def list_tokens(
    connection: Connection,
    person_id: str | None = None,
    *,
    within: Collection[str] | None = None,
) -> list[Token]:
    """Every token, or one person's, oldest first, ended ones included.

    `within` are ids of organizations: only tokens that open one of them.
    """
    statement = select(*columns(tokens, Token)).order_by(tokens.c.created_at, tokens.c.id)
    if person_id is not None:
        statement = statement.where(tokens.c.person_id == person_id)
    if within is not None:
        opens = token_organizations.c
        opening = select(opens.token_id).where(opens.organization_id.in_(within))
        statement = statement.where(tokens.c.id.in_(opening))
    return every(connection, statement, Token)


def find(connection: Connection, token_id: str) -> Token | None:
    """The token of this id."""
    return first(connection, select(*columns(tokens, Token)).where(tokens.c.id == token_id), Token)


def revoke(connection: Connection, token_id: str, now: datetime) -> bool:
    """End a token, and every session that was opened with it; False when it had been already."""
    where = and_(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
    changes.mark(connection, changes.ACCESS)
    return connection.execute(update(tokens).where(where).values(revoked_at=now)).rowcount > 0


def close(
    connection: Connection,
    organization_id: str,
    now: datetime,
    *,
    token_id: str = "",
    person_id: str = "",
) -> int:
    """Let a token, or every token of a person, open an organization no more; how many did.

    One that opens nothing else is revoked, and stays in lists.
    """
    which = tokens.c.id == token_id if token_id else tokens.c.person_id == person_id
    opens = token_organizations.c
    statement = (
        select(tokens.c.id)
        .join(token_organizations, opens.token_id == tokens.c.id)
        .where(which, opens.organization_id == organization_id, tokens.c.revoked_at.is_(None))
    )
    ids = list(connection.scalars(statement))
    for id_ in ids:
        if organizations_of(connection, id_) == {organization_id}:
            revoke(connection, id_, now)
        else:
            where = and_(opens.token_id == id_, opens.organization_id == organization_id)
            connection.execute(delete(token_organizations).where(where))
            changes.mark(connection, changes.ACCESS)
    return len(ids)
