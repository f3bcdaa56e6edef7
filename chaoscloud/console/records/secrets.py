"""Secrets of addresses that others call, such as an alert's: shown once, kept as a digest."""

import hmac
import secrets

from sqlalchemy import Connection, select, update

from chaoscloud.console.db.schema import safeguards
from chaoscloud.console.records._rows import columns, first
from chaoscloud.console.records.tokens import digest
from chaoscloud.console.rules.verdict import Safeguard


def given_to(connection: Connection, safeguard_id: str) -> str:
    """A new secret for a safeguard's address; an earlier one opens nothing any more."""
    secret = secrets.token_urlsafe(32)
    where = safeguards.c.id == safeguard_id
    connection.execute(update(safeguards).where(where).values(secret=digest(secret)))
    return secret


def opened(connection: Connection, safeguard_id: str, secret: str) -> Safeguard | None:
    """The safeguard whose address this is, if this is its secret."""
    where = (safeguards.c.id == safeguard_id, safeguards.c.removed_at.is_(None))
    kept = connection.scalar(select(safeguards.c.secret).where(*where))
    if kept is None or not hmac.compare_digest(kept, digest(secret)):
        return None
    return first(connection, select(*columns(safeguards, Safeguard)).where(*where), Safeguard)
