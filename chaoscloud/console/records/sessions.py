"""Browser sessions: opened with a token, and ended with it."""

import hmac
import secrets
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, bindparam, delete, select

from chaoscloud.console.db.schema import people, sessions, tokens
from chaoscloud.console.records._rows import first
from chaoscloud.console.records.tokens import VALID, digest

LIFETIME = timedelta(days=14)


class Session(msgspec.Struct, frozen=True):
    """Who a browser is signed in as."""

    token_id: str
    person_id: str
    person_name: str
    expires_at: datetime


def add(connection: Connection, token_id: str, now: datetime) -> str:
    """Open a session; give the value for the browser to keep. Old sessions are swept away."""
    connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
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


def find(connection: Connection, value: str, now: datetime) -> Session | None:
    """The session of this value, while it and its token live."""
    return first(connection, _FOUND, Session, digest=digest(value), now=now)


def remove(connection: Connection, value: str) -> None:
    """End a session."""
    connection.execute(delete(sessions).where(sessions.c.digest == digest(value)))


def form_token(value: str) -> str:
    """What a session's forms carry, so that no other site can submit them.

    Derived from the session's value, which no other site can read; it gives nothing of it away.
    """
    return hmac.new(value.encode(), b"forms", "sha256").hexdigest()
