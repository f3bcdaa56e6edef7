"""What decisions are made from besides safeguards: runs that go on, webhooks' answers, alerts."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, select, update

from chaoscloud.console.db import changes
from chaoscloud.console.db.schema import (
    IS_RUNNING,
    executions,
    organizations,
    outcomes,
    safeguard_states,
    safeguards,
    teams,
)
from chaoscloud.console.records import alert_periods, audit
from chaoscloud.console.rules.safeguards.kinds.limit import SILENCE
from chaoscloud.console.rules.safeguards.model import (
    Facts,
    FiringAlert,
    Run,
    RunningExecution,
    WebhookAnswer,
)

MOST_ALERTS = 1_000  # of one safeguard; more are more of the same


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was heard: the one or the other, by the safeguard's kind."""

    answer: WebhookAnswer | None = None
    alerts: dict[str, FiringAlert] | None = None


def read_facts(connection: Connection, organization_id: str, now: datetime) -> Facts:
    """Everything that an organization's decisions are made from."""
    return Facts(
        tuple(list_running(connection, organization_id, now)),
        *read_states(connection, organization_id),
    )


def read_states(
    connection: Connection, organization_id: str
) -> tuple[Mapping[str, WebhookAnswer], Mapping[str, tuple[FiringAlert, ...]]]:
    """The last answers of an organization's webhooks, and its firing alerts, by safeguard."""
    answers: dict[str, WebhookAnswer] = {}
    alerts: dict[str, tuple[FiringAlert, ...]] = {}
    statement = (
        select(safeguard_states.c.safeguard_id, safeguard_states.c.state)
        .join(safeguards, safeguards.c.id == safeguard_states.c.safeguard_id)
        .where(safeguards.c.organization_id == organization_id, safeguards.c.removed_at.is_(None))
    )
    for row in connection.execute(statement):
        state = msgspec.json.decode(row.state, type=State)
        if state.answer:
            answers[row.safeguard_id] = state.answer
        if state.alerts:
            alerts[row.safeguard_id] = tuple(state.alerts.values())
    return answers, alerts


def list_running(
    connection: Connection, organization_id: str, now: datetime
) -> list[RunningExecution]:
    """An organization's executions that have not ended, in the order they were created.

    Those that count nowhere are left out: they were silent for long, or run no activities (dry).
    """
    column = executions.c
    statement = (
        select(column.id, column.team_id, column.tags, column.created_at, column.last_seen_at)
        .join(teams, teams.c.id == column.team_id)
        .outerjoin(outcomes, outcomes.c.execution_id == column.id)
        .where(teams.c.organization_id == organization_id, IS_RUNNING)
        .where(outcomes.c.dry.is_not(True))
        .where(column.last_seen_at > now - SILENCE)
    )
    running = [
        RunningExecution(
            row.id,
            row.team_id,
            msgspec.json.decode(row.tags, type=tuple[str, ...]),
            row.created_at,
            row.last_seen_at,
        )
        for row in connection.execute(statement)
    ]
    return sorted(running, key=lambda execution: (execution.created_at, execution.id))


def find_run(
    connection: Connection, team_id: str, execution_id: str, experiment_id: str | None = None
) -> Run | None:
    """The team's execution as decisions know it; of this experiment, if one is named."""
    by = executions.c
    statement = select(by.tags, by.created_at).where(by.id == execution_id, by.team_id == team_id)
    if experiment_id is not None:
        statement = statement.where(by.experiment_id == experiment_id)
    row = connection.execute(statement).first()
    if row is None:
        return None
    tags = msgspec.json.decode(row.tags, type=tuple[str, ...])
    return Run(execution_id, tags, created_at=row.created_at)


def record_contact(connection: Connection, execution_id: str, now: datetime) -> None:
    """Write down that a run was heard of: it asks whether it may go on."""
    by = executions.c
    connection.execute(
        update(executions)
        .where(by.id == execution_id, by.status == "running", by.last_seen_at < now)
        .values(last_seen_at=now)
    )


def record_answer(
    connection: Connection, safeguard_id: str, answer: WebhookAnswer, now: datetime
) -> None:
    """Keep what a webhook answered, unless its safeguard was removed while it was asked."""
    if _organization_of(connection, safeguard_id):
        _keep(connection, safeguard_id, State(answer=answer), now)


def record_alerts(
    connection: Connection,
    safeguard_id: str,
    firing: Mapping[str, FiringAlert],
    resolved: Iterable[str],
    now: datetime,
) -> int:
    """Keep the alerts that fire and forget those that do not any more; how many fire now."""
    where = safeguard_states.c.safeguard_id == safeguard_id
    stored = connection.scalar(select(safeguard_states.c.state).where(where))
    before = (msgspec.json.decode(stored, type=State).alerts if stored else None) or {}
    ended = set(resolved) - firing.keys()
    after = {key: alert for key, alert in {**before, **firing}.items() if key not in ended}
    after = dict(list(after.items())[-MOST_ALERTS:])
    if after != before:
        _keep(connection, safeguard_id, State(alerts=after), now)
        alert_periods.record_changes(connection, safeguard_id, before, after, now)
    return len(after)


def _organization_of(connection: Connection, safeguard_id: str) -> str | None:
    """The organization whose safeguard this is; None when it was removed."""
    where = (safeguards.c.id == safeguard_id, safeguards.c.removed_at.is_(None))
    return connection.scalar(select(safeguards.c.organization_id).where(*where))


def _changes_of(connection: Connection, safeguard_id: str) -> dict[str, str]:
    organization_id = _organization_of(connection, safeguard_id)
    return changes.of_organization(organization_id or changes.ALL_ORGANIZATIONS)


def _keep(connection: Connection, safeguard_id: str, state: State, now: datetime) -> None:
    forget(connection, safeguard_id)
    connection.execute(
        safeguard_states.insert().values(
            safeguard_id=safeguard_id, state=msgspec.json.encode(state).decode(), changed_at=now
        ),
        execution_options=_changes_of(connection, safeguard_id),
    )


def forget(connection: Connection, safeguard_id: str) -> None:
    """Forget what was heard: whoever is asked now is somebody else."""
    where = safeguard_states.c.safeguard_id == safeguard_id
    connection.execute(
        delete(safeguard_states).where(where),
        execution_options=_changes_of(connection, safeguard_id),
    )


def is_required(connection: Connection, organization_id: str) -> bool:
    """Whether this is one of them."""
    column = organizations.c
    where = column.id == organization_id
    return bool(connection.scalar(select(column.safeguards_required).where(where)))


def require(
    connection: Connection,
    organization_id: str,
    on: bool,
    now: datetime,
    *,
    person_id: str | None = None,
    token_id: str | None = None,
    operator: str | None = None,
) -> None:
    """Let nothing run in an organization that cannot ask its safeguards, or let it."""
    if is_required(connection, organization_id) == on:
        return
    where = organizations.c.id == organization_id
    connection.execute(
        update(organizations).where(where).values(safeguards_required=on),
        execution_options=changes.of_organization(organization_id),
    )
    audit.add_entry(
        connection,
        "safeguards.required" if on else "safeguards.optional",
        "for every run of the organization",
        now,
        organization_id=organization_id,
        person_id=person_id,
        token_id=token_id,
        operator=operator,
    )
