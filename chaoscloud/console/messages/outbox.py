"""The outbox: messages that wait to be sent, and what became of those that were.

A message is written in the transaction of what it tells of, so there is one exactly when that
happened. It is sent at least once, under one id; those about the same subject to the same target in
their order: only the oldest that waits may be sent.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    update,
)

from chaoscloud.console.db import changes
from chaoscloud.console.db.schema import IS_PENDING, audit, messages, organizations, subscriptions
from chaoscloud.console.messages import retry
from chaoscloud.console.messages.events import TEST, ConsoleEvent
from chaoscloud.console.messages.subscriptions import Subscription, wants

PENDING, SENT, FAILED = "pending", "sent", "failed"
LEASE = timedelta(seconds=60)  # in which a console that claimed a message must have sent it
SENT_FOR = timedelta(days=7)  # for how long what was sent is shown
FAILED_FOR = timedelta(days=30)
MOST_PRUNED = 500  # messages in one write
CONSOLE = "the console"  # in the audit log


class OutboxMessage(msgspec.Struct, frozen=True):
    """An event on its way to a subscription's target; `attempts` are those before now."""

    seq: int
    event: ConsoleEvent
    subscription: Subscription
    attempts: int
    give_up_at: datetime


class SendResult(msgspec.Struct, frozen=True):
    """What came of sending a message; `answer` says it in one line.

    `retry`: it may come through later, after `retry_after` seconds at least. `gone`: the target
    wants no more messages, ever.
    """

    sent: bool
    answer: str
    retry: bool = False
    retry_after: float | None = None
    gone: bool = False


class MessageRow(msgspec.Struct, frozen=True):
    """A message as lists show it; `retry_at` is when it is tried next."""

    seq: int
    event_id: str
    type: str
    sentence: str
    path: str
    state: str  # pending | sent | failed
    attempts: int
    answer: str | None
    created_at: datetime
    retry_at: datetime
    ended_at: datetime | None


_SUBSCRIPTION = [subscriptions.c[name] for name in Subscription.__struct_fields__]
_ACTIVE = (subscriptions.c.removed_at.is_(None), subscriptions.c.paused_at.is_(None))


# --- writing -----------------------------------------------------------------------------------


def add_event(connection: Connection, event: ConsoleEvent) -> int:
    """Write a message for each subscription that wants the event; how many those are.

    To be called in the transaction of the change that the event tells of.
    """
    statement = select(*_SUBSCRIPTION).where(
        subscriptions.c.organization_id == event.organization_id, *_ACTIVE
    )
    every_one = [Subscription(**row._mapping) for row in connection.execute(statement)]
    chosen = [subscription for subscription in every_one if wants(subscription, event)]
    _insert(connection, event, chosen)
    return len(chosen)


def add_test(connection: Connection, subscription: Subscription, now: datetime) -> int:
    """Write a message that only says that messages arrive; its number."""
    slug = organizations.c.slug
    where = organizations.c.id == subscription.organization_id
    organization = connection.scalar(select(slug).where(where)) or ""
    event = ConsoleEvent(
        type=TEST,
        subject_id=f"test-{subscription.id}",
        organization_id=subscription.organization_id,
        organization=organization,
        time=now,
        sentence=f"This is a test of the subscription “{subscription.name}”.",
        path="/",
    )
    _insert(connection, event, [subscription])
    return connection.scalar(select(func.max(messages.c.seq))) or 0


def _insert(connection: Connection, event: ConsoleEvent, chosen: Collection[Subscription]) -> None:
    if not chosen:
        return
    document = msgspec.json.encode(event).decode()
    values = {
        "event_id": event.id,
        "subject_id": event.subject_id,
        "event": document,
        "state": PENDING,
        "attempts": 0,
        "created_at": event.time,
        "retry_at": event.time,
        "give_up_at": event.time + retry.GIVE_UP_AFTER,
    }
    connection.execute(
        messages.insert(), [{**values, "subscription_id": each.id} for each in chosen]
    )
    changes.mark(connection, changes.MESSAGES, event.organization_id)


def send_again(connection: Connection, subscription: Subscription, seq: int, now: datetime) -> bool:
    """Let a message that failed be sent once more; False when there is no such message."""
    column = messages.c
    result = connection.execute(
        update(messages)
        .where(column.seq == seq, column.subscription_id == subscription.id)
        .where(column.state == FAILED)
        .values(
            state=PENDING,
            attempts=0,
            retry_at=now,
            give_up_at=now + retry.GIVE_UP_AFTER,
            ended_at=None,
            claimed_until=None,
        )
    )
    changes.mark(connection, changes.MESSAGES, subscription.organization_id)
    return bool(result.rowcount)


# --- sending -----------------------------------------------------------------------------------


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Whether a message may be sent now: the oldest of its subject, and nobody is sending it."""
    by, own = messages.c, subscriptions.c
    earlier = messages.alias("earlier")
    precedes = (
        select(earlier.c.seq)
        .where(text("earlier.state = 'pending'"))
        .where(earlier.c.subscription_id == by.subscription_id)
        .where(earlier.c.subject_id == by.subject_id, earlier.c.seq < by.seq)
        .correlate(messages)
    )
    is_test = by.subject_id == literal("test-") + by.subscription_id
    is_awake = and_(own.paused_at.is_(None), or_(own.retry_at.is_(None), own.retry_at <= now))
    return and_(
        IS_PENDING,
        by.retry_at <= now,
        or_(by.claimed_until.is_(None), by.claimed_until <= now),
        own.removed_at.is_(None),
        or_(is_awake, is_test),
        ~precedes.exists(),
    )


def has_due(connection: Connection, now: datetime, busy: Collection[str] = ()) -> bool:
    """Whether a message may be sent now, other than to the `busy` subscriptions."""
    statement = (
        select(messages.c.seq)
        .join(subscriptions, subscriptions.c.id == messages.c.subscription_id)
        .where(_is_due(now), messages.c.subscription_id.not_in(busy))
        .limit(1)
    )
    return connection.execute(statement).first() is not None


def claim(
    connection: Connection, now: datetime, limit: int, busy: Collection[str] = ()
) -> list[OutboxMessage]:
    """Messages for this process to send, at most so many; no other one sends them meanwhile."""
    statement = (
        select(messages.c.seq, messages.c.event, messages.c.attempts, messages.c.give_up_at)
        .add_columns(*(column.label(f"of_{column.name}") for column in _SUBSCRIPTION))
        .join(subscriptions, subscriptions.c.id == messages.c.subscription_id)
        .where(_is_due(now), messages.c.subscription_id.not_in(busy))
        .order_by(messages.c.seq)
        .limit(limit)
        .with_for_update(of=messages, skip_locked=True)
    )
    claimed = [_read_message(row._mapping) for row in connection.execute(statement)]
    if claimed:
        where = messages.c.seq.in_([message.seq for message in claimed])
        connection.execute(update(messages).where(where).values(claimed_until=now + LEASE))
    return claimed


def _read_message(row: Any) -> OutboxMessage:
    fields = {name: row[f"of_{name}"] for name in Subscription.__struct_fields__}
    event = msgspec.json.decode(row["event"], type=ConsoleEvent)
    return OutboxMessage(
        row["seq"], event, Subscription(**fields), row["attempts"], row["give_up_at"]
    )


def give_back(connection: Connection, seqs: Iterable[int]) -> None:
    """Let others send messages that were claimed and not sent."""
    where = (messages.c.seq.in_(list(seqs)), IS_PENDING)
    connection.execute(update(messages).where(*where).values(claimed_until=None))


def give_all_back(connection: Connection) -> None:
    """The same for all; for a process that knows that it is the only one."""
    where = (IS_PENDING, messages.c.claimed_until.is_not(None))
    connection.execute(update(messages).where(*where).values(claimed_until=None))


def record_result(
    connection: Connection, message: OutboxMessage, result: SendResult, now: datetime
) -> None:
    """Write down what came of sending a message, and how its target does."""
    is_test = message.event.type == TEST
    is_over = result.sent or not result.retry or is_test or now >= message.give_up_at
    values: dict[str, Any] = {
        "attempts": message.attempts + 1,
        "answer": result.answer,
        "claimed_until": None,
    }
    if is_over:
        values |= {"state": SENT if result.sent else FAILED, "ended_at": now}
    else:
        values["retry_at"] = retry.find_retry_at(now, message.attempts + 1, result.retry_after)
    connection.execute(update(messages).where(messages.c.seq == message.seq).values(**values))
    if result.sent:
        _record_success(connection, message.subscription.id)
    elif not is_test:
        _record_failure(connection, message.subscription, result, now)
    changes.mark(connection, changes.MESSAGES, message.subscription.organization_id)


def _record_success(connection: Connection, subscription_id: str) -> None:
    column = subscriptions.c
    where = (column.id == subscription_id, column.failures > 0)
    connection.execute(
        update(subscriptions).where(*where).values(failures=0, failing_since=None, retry_at=None)
    )


def _record_failure(
    connection: Connection, subscription: Subscription, result: SendResult, now: datetime
) -> None:
    column = subscriptions.c
    row = connection.execute(
        select(column.failures, column.failing_since, column.paused_at, column.retry_at)
        .where(column.id == subscription.id)
        .with_for_update()
    ).first()
    if row is None or row.paused_at is not None:
        return
    failures, failing_since = row.failures + 1, row.failing_since or now
    values: dict[str, Any] = {"failures": failures, "failing_since": failing_since}
    # Several are under way at once: what failed together counts once.
    is_first = row.retry_at is None or row.retry_at <= now
    if result.retry and is_first:
        values["retry_at"] = retry.find_retry_at(now, failures, result.retry_after)
    elif result.retry:
        values["failures"] = row.failures
    where = column.id == subscription.id
    connection.execute(update(subscriptions).where(where).values(**values))
    if reason := _find_pause_reason(result, failures, failing_since, now):
        pause(connection, subscription, reason, now)


def _find_pause_reason(
    result: SendResult, failures: int, failing_since: datetime, now: datetime
) -> str | None:
    if result.gone:
        return f"the target wants no more messages: {result.answer}"
    if not result.retry and failures >= retry.REFUSALS_BEFORE_PAUSE:
        return f"the target refused {failures} messages in a row: {result.answer}"
    if now - failing_since >= retry.GIVE_UP_AFTER:
        return f"the target has taken no message for a day: {result.answer}"
    return None


def pause(connection: Connection, subscription: Subscription, reason: str, now: datetime) -> None:
    """Send nothing more to a target; what waits has failed. It is said on the pages and logged."""
    connection.execute(
        update(subscriptions)
        .where(subscriptions.c.id == subscription.id)
        .values(paused_at=now, pause_reason=reason)
    )
    fail_pending(connection, subscription.id, f"not sent: paused, as {reason}", now)
    connection.execute(  # beside the functions of records, which know nothing of delivery
        audit.insert().values(
            at=now,
            organization_id=subscription.organization_id,
            team_id=subscription.team_id,
            operator=CONSOLE,
            action="subscription.paused",
            subject=f"{subscription.name}: {reason}",
            object_type="subscription",
            object_id=subscription.id,
        )
    )


def fail_pending(connection: Connection, subscription_id: str, answer: str, now: datetime) -> None:
    """Let everything that waits for a target have failed; it can be sent again by hand."""
    connection.execute(
        update(messages)
        .where(IS_PENDING, messages.c.subscription_id == subscription_id)
        .values(state=FAILED, ended_at=now, answer=answer, claimed_until=None)
    )


# --- looking -----------------------------------------------------------------------------------


def list_messages(
    connection: Connection, subscription_id: str, *, before: int | None = None, limit: int = 50
) -> list[MessageRow]:
    """The messages of a subscription, the latest first; those before a number, if one is given."""
    by = messages.c
    statement = select(messages).where(by.subscription_id == subscription_id)
    if before is not None:
        statement = statement.where(by.seq < before)
    rows = connection.execute(statement.order_by(by.seq.desc()).limit(limit))
    return [_read_row(row) for row in rows]


def find_message(connection: Connection, subscription_id: str, seq: int) -> MessageRow | None:
    """One message of a subscription."""
    by = messages.c
    where = (by.subscription_id == subscription_id, by.seq == seq)
    row = connection.execute(select(messages).where(*where)).first()
    return None if row is None else _read_row(row)


def _read_row(row: Any) -> MessageRow:
    event = msgspec.json.decode(row.event, type=ConsoleEvent)
    return MessageRow(
        row.seq,
        row.event_id,
        event.type,
        event.sentence,
        event.path,
        row.state,
        row.attempts,
        row.answer,
        row.created_at,
        row.retry_at,
        row.ended_at,
    )


class Backlog(msgspec.Struct, frozen=True):
    """How many messages wait, since when the oldest does, and how many subscriptions are paused."""

    pending: int
    oldest_at: datetime | None
    paused: int


def count_backlog(connection: Connection) -> Backlog:
    """The backlog of the whole console."""
    own = subscriptions.c
    statement = (
        select(func.count(), func.min(messages.c.seq))
        .join(subscriptions, own.id == messages.c.subscription_id)
        .where(IS_PENDING, own.removed_at.is_(None))
    )
    number, seq = connection.execute(statement).one()
    oldest = select(messages.c.created_at).where(messages.c.seq == seq)
    oldest_at = connection.scalar(oldest) if seq is not None else None
    paused = select(func.count()).where(own.paused_at.is_not(None), own.removed_at.is_(None))
    return Backlog(number, oldest_at, connection.scalar(paused) or 0)


def prune(connection: Connection, now: datetime) -> int:
    """Forget old messages that were sent or failed, some at a time; how many it were.

    What waited for a subscription that has ended is never sent, and forgotten too.
    """
    by = messages.c
    ended = select(subscriptions.c.id).where(subscriptions.c.removed_at < now)
    old = or_(
        and_(by.state == SENT, by.ended_at < now - SENT_FOR),
        and_(by.state == FAILED, by.ended_at < now - FAILED_FOR),
        and_(IS_PENDING, by.subscription_id.in_(ended)),
    )
    seqs = connection.scalars(select(by.seq).where(old).limit(MOST_PRUNED)).all()
    if seqs:
        connection.execute(delete(messages).where(by.seq.in_(seqs)))
    return len(seqs)
