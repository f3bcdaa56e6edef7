"""Who did what, and when; written beside every change to people, tokens and safeguards."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from chaoscloud.console.db.schema import audit
from chaoscloud.console.records._rows import columns, every


class Entry(msgspec.Struct, frozen=True):
    """One thing done; `person_id` is None for the operator on the machine, named by `operator`."""

    seq: int
    at: datetime
    organization_id: str | None
    team_id: str | None
    person_id: str | None
    operator: str | None
    action: str
    subject: str


def note(
    connection: Connection,
    action: str,
    subject: str,
    now: datetime,
    *,
    organization_id: str | None = None,
    team_id: str | None = None,
    person_id: str | None = None,
    operator: str | None = None,
) -> None:
    """Write down that something was done: `note(c, "token.revoked", "ci of Ada", now)`."""
    connection.execute(
        audit.insert().values(
            at=now,
            organization_id=organization_id,
            team_id=team_id,
            person_id=person_id,
            operator=operator,
            action=action,
            subject=subject,
        )
    )


def latest(connection: Connection, organization_id: str, limit: int = 100) -> list[Entry]:
    """What was done in an organization, newest first."""
    statement = (
        select(*columns(audit, Entry))
        .where(audit.c.organization_id == organization_id)
        .order_by(audit.c.seq.desc())
        .limit(limit)
    )
    return every(connection, statement, Entry)
