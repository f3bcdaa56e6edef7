"""All that an organization's decisions are made from, read at one moment to be kept in memory."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.db.changes import Revision, read_revision
from chaoscloud.console.records import safeguard_states, safeguards
from chaoscloud.console.rules.safeguards import (
    KINDS,
    FiringAlert,
    RunningExecution,
    Safeguard,
    WebhookAnswer,
)

# That an execution was heard of again is not counted as a change, so it is read now and then.
EXECUTIONS_AGAIN = timedelta(seconds=30)


class SafeguardSnapshot(msgspec.Struct, frozen=True):
    """One organization's safeguards and the facts about them, as of a revision.

    `safeguards` are those that may deny now or later, stops of one execution included. `running`
    are its executions in the order they were created; it is empty when no safeguard counts them
    (`counts_executions`: whether a decision depends on which other executions are running).
    """

    organization_id: str
    revision: Revision
    safeguards: tuple[Safeguard, ...]
    answers: Mapping[str, WebhookAnswer]
    alerts: Mapping[str, tuple[FiringAlert, ...]]
    required: bool
    running: tuple[RunningExecution, ...]
    running_read_at: datetime
    counts_executions: bool

    def is_current(self, revision: Revision, now: datetime) -> bool:
        """Whether a reading at this revision would find the same."""
        if revision.safeguards != self.revision.safeguards:
            return False
        if not self.counts_executions:
            return True
        due = now - self.running_read_at >= EXECUTIONS_AGAIN
        return revision.executions == self.revision.executions and not due


def read_snapshot(
    connection: Connection, organization_id: str, before: SafeguardSnapshot | None, now: datetime
) -> SafeguardSnapshot:
    """The snapshot of this moment; what has not changed since `before` is taken from there."""
    revision = read_revision(connection, organization_id)
    if before is not None and before.is_current(revision, now):
        return before
    if before is not None and before.revision.safeguards == revision.safeguards:
        running = _read_running(connection, organization_id, before.counts_executions, now)
        return msgspec.structs.replace(
            before, revision=revision, running=running, running_read_at=now
        )
    in_force = tuple(safeguards.list_possible(connection, organization_id, now))
    counts_executions = _count_executions(in_force)
    return SafeguardSnapshot(
        organization_id,
        revision,
        in_force,
        *safeguard_states.read_states(connection, organization_id),
        required=safeguard_states.is_required(connection, organization_id),
        running=_read_running(connection, organization_id, counts_executions, now),
        running_read_at=now,
        counts_executions=counts_executions,
    )


def _read_running(
    connection: Connection, organization_id: str, counts_executions: bool, now: datetime
) -> tuple[RunningExecution, ...]:
    if not counts_executions:
        return ()
    return tuple(safeguard_states.list_running(connection, organization_id, now))


def _count_executions(in_force: tuple[Safeguard, ...]) -> bool:
    # An unknown kind is an error of the decision, not of the reading.
    return any(
        safeguard.kind in KINDS and KINDS[safeguard.kind].counts_executions
        for safeguard in in_force
    )
