"""Secrets of addresses that others call, such as an alert's: shown once, stored as a digest."""

import hmac
import secrets

from sqlalchemy import Connection, select, update

from chaoscloud.console.db.schema import safeguards
from chaoscloud.console.records._rows import columns, first
from chaoscloud.console.records.tokens import digest
from chaoscloud.console.rules.safeguards import Safeguard


def renew(connection: Connection, safeguard_id: str) -> str:
    """A new secret for a safeguard's address; an earlier one opens nothing any more."""
    secret = secrets.token_urlsafe(32)
    where = safeguards.c.id == safeguard_id
    connection.execute(update(safeguards).where(where).values(secret=digest(secret)))
    return secret


def find_safeguard(connection: Connection, safeguard_id: str, secret: str) -> Safeguard | None:
    """The safeguard whose address this is, if this is its secret."""
    where = (safeguards.c.id == safeguard_id, safeguards.c.removed_at.is_(None))
    stored = connection.scalar(select(safeguards.c.secret).where(*where))
    if stored is None or not hmac.compare_digest(stored, digest(secret)):
        return None
    return first(connection, select(*columns(safeguards, Safeguard)).where(*where), Safeguard)
