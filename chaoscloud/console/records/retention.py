"""For how long an organization keeps events and journals, and what it holds from removal."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from chaoscloud.console.db.schema import (
    executions,
    people,
    retention,
    retention_holds,
    teams,
)
from chaoscloud.console.records import audit
from chaoscloud.console.records._rows import AlreadyThere, TooMany, columns, every, new_id
from chaoscloud.console.records.audit import OPERATOR, Actor

FEWEST_DAYS = 1
MOST_DAYS = 36_500
MOST_HOLDS = 500  # of an organization
LONGEST_REASON = 300  # characters


class Retention(msgspec.Struct, frozen=True):
    """For how many days after its start a run's events and journals are kept; None: for ever."""

    event_days: int | None = None
    journal_days: int | None = None

    @property
    def is_set(self) -> bool:
        """Whether anything is ever removed."""
        return self.event_days is not None or self.journal_days is not None


class Hold(msgspec.Struct, frozen=True):
    """What is not removed: every run with a tag, or (with an execution's id) one run."""

    id: str
    tag: str | None
    execution_id: str | None
    reason: str
    person_name: str | None
    created_at: datetime


class NoSuchExecution(Exception):
    """The organization has no execution of that id."""


def read_retention(connection: Connection, organization_id: str) -> Retention:
    """What an organization has chosen; nothing is removed unless it chose."""
    by = retention.c
    row = connection.execute(
        select(by.event_days, by.journal_days).where(by.organization_id == organization_id)
    ).first()
    return Retention(*row) if row else Retention()


def list_retentions(connection: Connection) -> dict[str, Retention]:
    """The choices of all organizations that remove anything, by organization."""
    by = retention.c
    rows = connection.execute(select(by.organization_id, by.event_days, by.journal_days))
    choices = {row.organization_id: Retention(row.event_days, row.journal_days) for row in rows}
    return {id_: choice for id_, choice in choices.items() if choice.is_set}


def set_retention(
    connection: Connection, organization_id: str, choice: Retention, actor: Actor, now: datetime
) -> None:
    """Choose for how long an organization keeps events and journals, and note who did."""
    before = read_retention(connection, organization_id)
    if before == choice:
        return
    values = {**msgspec.structs.asdict(choice), "updated_at": now}
    where = retention.c.organization_id == organization_id
    if not connection.execute(update(retention).where(where).values(**values)).rowcount:
        connection.execute(retention.insert().values(organization_id=organization_id, **values))
    subject = f"{describe_retention(choice)} (before: {describe_retention(before)})"
    _note(connection, "retention.changed", subject, organization_id, actor, now)


def describe_retention(choice: Retention) -> str:
    """The choice in words: "events for 30 days, journals for ever"."""
    return f"events {_describe_days(choice.event_days)}, journals " + _describe_days(
        choice.journal_days
    )


def _describe_days(days: int | None) -> str:
    return "for ever" if days is None else f"for {days} {'day' if days == 1 else 'days'}"


# --- holds -------------------------------------------------------------------------------------


def list_holds(connection: Connection, organization_id: str) -> list[Hold]:
    """What an organization holds, the first held first."""
    by = retention_holds.c
    name = func.coalesce(people.c.name, by.operator + OPERATOR)
    statement = (
        select(*columns(retention_holds, Hold, person_name=name))
        .outerjoin(people, people.c.id == by.person_id)
        .where(by.organization_id == organization_id)
        .order_by(by.created_at, by.id)
    )
    return every(connection, statement, Hold)


def add_hold(
    connection: Connection,
    organization_id: str,
    actor: Actor,
    now: datetime,
    *,
    tag: str | None = None,
    execution_id: str | None = None,
    reason: str = "",
) -> str:
    """Hold every run with a tag, or one execution; return the hold's id.

    Raises `AlreadyThere` when it is held already, `UnknownExecution` when the organization has no
    such execution, and `TooMany` when there are `MOST_HOLDS`.
    """
    holds = list_holds(connection, organization_id)
    if any((hold.tag, hold.execution_id) == (tag, execution_id) for hold in holds):
        raise AlreadyThere(f"{_describe_held(tag, execution_id)} is held already")
    if len(holds) >= MOST_HOLDS:
        raise TooMany(f"There are {MOST_HOLDS} holds already, and there can be no more.")
    if execution_id is not None and not _has_execution(connection, organization_id, execution_id):
        raise NoSuchExecution(execution_id)
    hold_id = new_id()
    connection.execute(
        retention_holds.insert().values(
            id=hold_id,
            organization_id=organization_id,
            tag=tag,
            execution_id=execution_id,
            reason=reason,
            person_id=actor.person_id,
            operator=actor.operator,
            created_at=now,
        )
    )
    subject = _describe_held(tag, execution_id) + (f": {reason}" if reason else "")
    _note(connection, "retention.held", subject, organization_id, actor, now)
    return hold_id


def remove_hold(
    connection: Connection, organization_id: str, hold_id: str, actor: Actor, now: datetime
) -> bool:
    """End a hold, and note who did; False when there is none of that id."""
    holds = list_holds(connection, organization_id)
    hold = next((hold for hold in holds if hold.id == hold_id), None)
    if hold is None:
        return False
    connection.execute(delete(retention_holds).where(retention_holds.c.id == hold_id))
    subject = _describe_held(hold.tag, hold.execution_id)
    _note(connection, "retention.released", subject, organization_id, actor, now)
    return True


def _describe_held(tag: str | None, execution_id: str | None) -> str:
    return f"the tag {tag}" if tag is not None else f"the execution {execution_id}"


def _has_execution(connection: Connection, organization_id: str, execution_id: str) -> bool:
    statement = (
        select(executions.c.id)
        .join(teams, teams.c.id == executions.c.team_id)
        .where(executions.c.id == execution_id, teams.c.organization_id == organization_id)
    )
    return connection.execute(statement).first() is not None


def _note(
    connection: Connection,
    action: str,
    subject: str,
    organization_id: str,
    actor: Actor,
    now: datetime,
) -> None:
    audit.add_entry(
        connection,
        action,
        subject,
        now,
        organization_id=organization_id,
        person_id=actor.person_id,
        token_id=actor.token_id,
        operator=actor.operator,
    )
