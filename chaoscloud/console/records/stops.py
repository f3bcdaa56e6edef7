"""Stops: of every run, and of one run; set, listed, released."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from chaoscloud.console.db.changes import of_organization
from chaoscloud.console.db.schema import safeguards
from chaoscloud.console.records.safeguards import STOP, create, list_safeguards, remove
from chaoscloud.console.rules.safeguards import Safeguard

RELEASED = "safeguard.resumed"  # the name that audit logs have for it


STOP_OF_ONE_RUN = timedelta(days=1)  # should the run never say that it has ended


def stop(
    connection: Connection,
    organization_id: str,
    team_id: str | None,
    reason: str,
    now: datetime,
    *,
    expires_at: datetime | None = None,
    person_id: str | None = None,
    operator: str | None = None,
    token_id: str | None = None,
    execution_id: str | None = None,
) -> Safeguard:
    """Stop every run of a team or of the whole organization, or one execution.

    The stop's name is its reason: the name is what every client shows to whom it stops.
    """
    reason = " ".join(reason.split())
    if execution_id is not None and expires_at is None:
        expires_at = now + STOP_OF_ONE_RUN
    return create(
        connection,
        organization_id,
        team_id,
        STOP,
        reason,
        now,
        action="safeguard.stopped" if execution_id is None else "run.stopped",
        person_id=person_id,
        operator=operator,
        token_id=token_id,
        expires_at=expires_at,
        execution_id=execution_id,
    )


def stops_of_scope(
    connection: Connection, organization_id: str, team_id: str | None, now: datetime
) -> list[Safeguard]:
    """The stops of all runs that are in force in exactly this scope, oldest first.

    A team's stops are not among its organization's: somebody set them for that team. What is
    switched off stops nothing, so there is nothing to release.
    """
    return [
        safeguard
        for safeguard in list_safeguards(connection, organization_id, now)
        if (safeguard.kind, safeguard.team_id, safeguard.tags) == (STOP, team_id, ())
        and safeguard.enabled
    ]


def release(
    connection: Connection,
    safeguard: Safeguard,
    now: datetime,
    *,
    person_id: str | None = None,
    operator: str | None = None,
    token_id: str | None = None,
) -> None:
    """End one stop, and note who did."""
    remove(
        connection,
        safeguard,
        now,
        person_id=person_id,
        operator=operator,
        token_id=token_id,
        action=RELEASED,
    )


def remove_stops_of(connection: Connection, execution_id: str, now: datetime) -> None:
    """Remove the stops of one execution, which has ended."""
    where = (safeguards.c.execution_id == execution_id, safeguards.c.removed_at.is_(None))
    # Read first: hardly any run has one, and every write makes all decisions be read anew.
    organization_id = connection.scalar(select(safeguards.c.organization_id).where(*where))
    if organization_id is not None:
        connection.execute(
            update(safeguards).where(*where).values(removed_at=now),
            execution_options=of_organization(organization_id),
        )
