"""Subscriptions to the console's events: made, changed, removed, by whom; their secrets."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, func, or_, select, update

from chaoscloud.console.db import changes
from chaoscloud.console.db.schema import subscriptions
from chaoscloud.console.messages import outbox
from chaoscloud.console.messages.subscriptions import Subscription
from chaoscloud.console.messages.targets import TARGETS
from chaoscloud.console.messages.targets.webhook import make_secret
from chaoscloud.console.records import audit, experiments
from chaoscloud.console.records._rows import TooMany, columns, every, first, new_id
from chaoscloud.console.records.audit import Actor

MOST = 50  # of a team, or of an organization itself
EARLIER_SECRET_FOR = timedelta(days=1)  # after a renewal, messages are signed with both

BY_HAND = "somebody paused it"

CHANGEABLE = ("name", "settings", "events", "tags", "outcomes", "experiment_id")


class UnknownExperiment(ValueError):
    """A subscription is to be narrowed to an experiment that is not there."""


_PRESENT = (
    select(*columns(subscriptions, Subscription))
    .where(subscriptions.c.removed_at.is_(None))
    .order_by(subscriptions.c.created_at, subscriptions.c.id)
)


def list_subscriptions(
    connection: Connection, organization_id: str, team_id: str | None, *, every_team: bool = False
) -> list[Subscription]:
    """Those of a team and of its organization, or (None) of the organization itself.

    `every_team`: those of the organization and of all of its teams.
    """
    column = subscriptions.c
    statement = _PRESENT.where(column.organization_id == organization_id)
    if not every_team:
        own = column.team_id.is_(None) if team_id is None else column.team_id == team_id
        statement = statement.where(or_(column.team_id.is_(None), own))
    return every(connection, statement, Subscription)


def find(connection: Connection, organization_id: str, subscription_id: str) -> Subscription | None:
    """The organization's subscription of this id."""
    column = subscriptions.c
    where = (column.organization_id == organization_id, column.id == subscription_id)
    return first(connection, _PRESENT.where(*where), Subscription)


def create(
    connection: Connection,
    organization_id: str,
    team_id: str | None,
    now: datetime,
    actor: Actor,
    **fields: Any,
) -> Subscription:
    """Subscribe; `fields` are further fields of `Subscription`.

    Raises `TooMany` and `UnknownExperiment`.
    """
    _ensure_room(connection, organization_id, team_id)
    _ensure_experiment(connection, organization_id, team_id, fields["experiment_id"])
    target = TARGETS[fields["target"]]
    subscription = Subscription(
        id=new_id(),
        organization_id=organization_id,
        team_id=team_id,
        secret=make_secret() if target.signs else None,
        person_id=actor.person_id,
        operator=actor.operator,
        created_at=now,
        **fields,
    )
    connection.execute(subscriptions.insert().values(**msgspec.structs.asdict(subscription)))
    _note(connection, "subscription.added", subscription, now, actor)
    return subscription


def change(
    connection: Connection,
    subscription: Subscription,
    now: datetime,
    actor: Actor,
    **values: Any,
) -> Subscription:
    """Change what differs among `CHANGEABLE`. Another target address begins with a clean slate.

    Raises `UnknownExperiment`.
    """
    differing: dict[str, Any] = {
        name: value for name, value in values.items() if value != getattr(subscription, name)
    }
    if not differing:
        return subscription
    if "experiment_id" in differing:
        organization_id, team_id = subscription.organization_id, subscription.team_id
        _ensure_experiment(connection, organization_id, team_id, differing["experiment_id"])
    if "settings" in differing:
        differing |= {"failures": 0, "failing_since": None, "retry_at": None}
    after = _update(connection, subscription, now, **differing)
    changed = ", ".join(name for name in CHANGEABLE if name in differing)
    _note(connection, "subscription.changed", after, now, actor, f": {changed}")
    return after


def resume(
    connection: Connection, subscription: Subscription, now: datetime, actor: Actor
) -> Subscription:
    """Send to a target again that was paused; what had failed is sent again by hand."""
    fresh = {"paused_at": None, "pause_reason": None, "failures": 0}
    after = _update(connection, subscription, now, failing_since=None, retry_at=None, **fresh)
    _note(connection, "subscription.resumed", after, now, actor)
    return after


def pause(
    connection: Connection, subscription: Subscription, now: datetime, actor: Actor
) -> Subscription:
    """Make no messages for a target until it is resumed; what waits has failed."""
    after = _update(connection, subscription, now, paused_at=now, pause_reason=BY_HAND)
    outbox.fail_pending(connection, subscription.id, f"not sent: {BY_HAND}", now)
    _note(connection, "subscription.paused", after, now, actor)
    return after


def renew_secret(
    connection: Connection, subscription: Subscription, now: datetime, actor: Actor
) -> Subscription:
    """A new secret; the earlier one is good for a day more, so that the receiver can follow."""
    after = _update(
        connection,
        subscription,
        now,
        secret=make_secret(),
        earlier_secret=subscription.secret,
        earlier_secret_until=now + EARLIER_SECRET_FOR,
    )
    _note(connection, "subscription.secret-renewed", after, now, actor)
    return after


def remove(connection: Connection, subscription: Subscription, now: datetime, actor: Actor) -> None:
    """End a subscription; what it opened is forgotten, its row stays for the audit log."""
    _update(
        connection,
        subscription,
        now,
        removed_at=now,
        settings="{}",
        secret=None,
        earlier_secret=None,
    )
    _note(connection, "subscription.removed", subscription, now, actor)


def _update(
    connection: Connection, subscription: Subscription, now: datetime, **values: Any
) -> Subscription:
    values["updated_at"] = now
    where = subscriptions.c.id == subscription.id
    connection.execute(update(subscriptions).where(where).values(**values))
    changes.mark(connection, changes.MESSAGES, subscription.organization_id)
    known = {n: value for n, value in values.items() if n in Subscription.__struct_fields__}
    return msgspec.structs.replace(subscription, **known)


def _ensure_room(connection: Connection, organization_id: str, team_id: str | None) -> None:
    column = subscriptions.c
    statement = select(func.count()).where(
        column.organization_id == organization_id,
        column.team_id.is_(None) if team_id is None else column.team_id == team_id,
        column.removed_at.is_(None),
    )
    if (connection.scalar(statement) or 0) >= MOST:
        scope = "the organization" if team_id is None else "a team"
        raise TooMany(f"There are {MOST} subscriptions, and {scope} can have no more: remove some.")


def _ensure_experiment(
    connection: Connection, organization_id: str, team_id: str | None, experiment_id: str | None
) -> None:
    if experiment_id is None:
        return
    if experiments.find_name(connection, organization_id, team_id, experiment_id) is None:
        scope = "organization" if team_id is None else "team"
        raise UnknownExperiment(f"There is no experiment {experiment_id!r} in this {scope}")


def _note(
    connection: Connection,
    action: str,
    subscription: Subscription,
    now: datetime,
    actor: Actor,
    more: str = "",
) -> None:
    audit.add_entry(
        connection,
        action,
        f"{subscription.name}{more}",
        now,
        organization_id=subscription.organization_id,
        team_id=subscription.team_id,
        person_id=actor.person_id,
        operator=actor.operator,
        token_id=actor.token_id,
        target=("subscription", subscription.id),
    )
