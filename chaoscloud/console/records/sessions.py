"""Browser sessions: opened with a token, and ended with it."""

import hmac
import secrets
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, bindparam, delete, select

from chaoscloud.console.db.schema import people, sessions, signin_links, tokens
from chaoscloud.console.records import audit
from chaoscloud.console.records import tokens as tokens_of
from chaoscloud.console.records._rows import first
from chaoscloud.console.records.tokens import VALID, Token, digest, organizations_of

LIFETIME = timedelta(days=14)
LINK_LIFETIME = timedelta(minutes=10)


class Session(msgspec.Struct, frozen=True):
    """Who a browser is signed in as."""

    token_id: str
    person_id: str
    person_name: str
    expires_at: datetime
    organization_ids: frozenset[str] = frozenset()


def add(connection: Connection, token_id: str, now: datetime) -> str:
    """Start a session; return the value for the browser to keep. Expired sessions are removed."""
    connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
    _log(connection, "session.started", tokens_of.find(connection, token_id), now)
    value = secrets.token_urlsafe(32)
    connection.execute(
        sessions.insert().values(
            digest=digest(value), token_id=token_id, created_at=now, expires_at=now + LIFETIME
        )
    )
    return value


_FOUND = (
    select(tokens.c.id, people.c.id, people.c.name, sessions.c.expires_at)
    .join(tokens, tokens.c.id == sessions.c.token_id)
    .join(people, people.c.id == tokens.c.person_id)
    .where(sessions.c.digest == bindparam("digest"), sessions.c.expires_at > bindparam("now"))
    .where(VALID, people.c.removed_at.is_(None))
)


def add_link(connection: Connection, token_id: str, now: datetime) -> str:
    """Let one browser sign in with a token, once and soon; return the secret for the address."""
    secret = secrets.token_urlsafe(32)
    connection.execute(
        signin_links.insert().values(
            digest=digest(secret),
            token_id=token_id,
            created_at=now,
            expires_at=now + LINK_LIFETIME,
        )
    )
    return secret


def open_link(connection: Connection, secret: str, now: datetime) -> str | None:
    """Use a link up; return the new session's value, or None when the link opens nothing."""
    used = (
        delete(signin_links)
        .where(signin_links.c.digest == digest(secret), signin_links.c.expires_at > now)
        .returning(signin_links.c.token_id)
    )
    token_id = connection.scalar(used)
    connection.execute(delete(signin_links).where(signin_links.c.expires_at <= now))
    is_valid = select(tokens.c.id).where(tokens.c.id == bindparam("token_id"), VALID)
    if connection.scalar(is_valid, {"token_id": token_id, "now": now}) is None:
        audit.add_entry(connection, "session.link-refused", "", now)
        return None
    assert token_id is not None  # noqa: S101 - a token was found by it
    return add(connection, token_id, now)


def find(connection: Connection, value: str, now: datetime) -> Session | None:
    """The session of this value, while it and its token live."""
    session = first(connection, _FOUND, Session, digest=digest(value), now=now)
    if session is None:
        return None
    opened = organizations_of(connection, session.token_id)
    return msgspec.structs.replace(session, organization_ids=opened)


def end(connection: Connection, value: str, now: datetime) -> None:
    """End a session, as its person asked to."""
    session = find(connection, value, now)
    if session is not None:
        _log(connection, "session.ended", tokens_of.find(connection, session.token_id), now)
    connection.execute(delete(sessions).where(sessions.c.digest == digest(value)))


def log_refused(connection: Connection, secret: str, now: datetime) -> None:
    """Note that somebody tried to sign in with a token that opens nothing (any more)."""
    _log(connection, "session.refused", tokens_of.find_ended(connection, secret), now)


def _log(connection: Connection, action: str, token: Token | None, now: datetime) -> None:
    """Note it in the organization that the token opens; in none for an unknown token."""
    organization_ids = token and tokens_of.organizations_of(connection, token.id)
    audit.add_entry(
        connection,
        action,
        f"{token.name} ({token.hint}…)" if token else "that nobody has",
        now,
        organization_id=min(organization_ids) if organization_ids else None,
        person_id=token.person_id if token else None,
        token_id=token.id if token else None,
    )


def form_token(value: str) -> str:
    """What a session's forms carry, so that no other site can submit them.

    Derived from the session's value, which no other site can read; it gives nothing of it away.
    """
    return hmac.new(value.encode(), b"forms", "sha256").hexdigest()
