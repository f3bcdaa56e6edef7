"""Subscriptions to events: of a team, by who is on it; of a whole organization, by its owners."""

import asyncio
import time
from datetime import datetime

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.api import _subscriptions
from chaoscloud.console.api._answers import json, limit_of, nothing, number_of, page
from chaoscloud.console.api._body import body_of, check_json, decode_as, offload
from chaoscloud.console.api._subscriptions import (
    MessageView,
    NewSubscription,
    SubscriptionChanges,
    SubscriptionView,
    view_subscription,
)
from chaoscloud.console.api._team_request import database_of
from chaoscloud.console.api.safeguards import Scope, in_scope
from chaoscloud.console.errors import Conflict, Forbidden, NotFound
from chaoscloud.console.messages import outbox
from chaoscloud.console.messages.subscriptions import Subscription
from chaoscloud.console.messages.targets import TARGETS
from chaoscloud.console.records import subscriptions
from chaoscloud.console.records.audit import Actor

PATIENCE = 8.0  # seconds that a test waits for what comes of it
BETWEEN = 0.05  # seconds between two looks


class SubscriptionList(msgspec.Struct, frozen=True):
    """Subscriptions, oldest first."""

    items: list[SubscriptionView]


# --- reading -----------------------------------------------------------------------------------


async def _list(scope: Scope) -> Response:
    """The subscriptions; those of a team come with its organization's."""
    every_one = await database_of(scope.request).reading(
        subscriptions.list_subscriptions, scope.organization_id, scope.team_id
    )
    return json(SubscriptionList([view_subscription(each) for each in every_one]))


async def _one(scope: Scope) -> Response:
    """One subscription, and how its target does."""
    return json(view_subscription(await database_of(scope.request).reading(_find, scope)))


async def _list_messages(scope: Scope) -> Response:
    """What was sent to a subscription's target, and what waits or has failed; the latest first."""
    query = scope.request.query_params
    limit = limit_of(query)
    before = number_of(query, "cursor", 0) or None
    rows = await database_of(scope.request).reading(_read_messages, scope, before, limit)
    views = [MessageView(*msgspec.structs.astuple(row)) for row in rows]
    return page(scope.request, views, limit, lambda last: str(last.seq))


def _read_messages(
    connection: Connection, scope: Scope, before: int | None, limit: int
) -> list[outbox.MessageRow]:
    subscription = _find(connection, scope)
    return outbox.list_messages(connection, subscription.id, before=before, limit=limit)


def _find(connection: Connection, scope: Scope) -> Subscription:
    """The subscription that the path names, if the scope can see it. Raises `NotFound`."""
    id_ = scope.request.path_params["subscription"]
    subscription = subscriptions.find(connection, scope.organization_id, id_)
    if subscription is None or subscription.team_id not in (None, scope.team_id):
        raise NotFound("There is no such subscription.")
    return subscription


def _find_own(connection: Connection, scope: Scope) -> Subscription:
    """The same, if it is this scope's to change. Raises a `Problem`."""
    subscription = _find(connection, scope)
    if subscription.team_id != scope.team_id:
        raise Forbidden("It is the organization's: only an owner may change it, at its address.")
    return subscription


def _actor(scope: Scope) -> Actor:
    return Actor(scope.caller.person_id, scope.caller.token_id)


# --- changing ----------------------------------------------------------------------------------


async def _create(scope: Scope) -> Response:
    """Subscribe; for a webhook, the answer has the secret that messages are signed with, once."""
    raw = await body_of(scope.request)
    new = await offload(lambda body: decode_as(check_json(body), NewSubscription), raw)
    networks = scope.request.app.state.config.webhook_networks
    fields = _subscriptions.fields_of(new, networks)

    def write(connection: Connection) -> Subscription:
        with _subscriptions.refusing_unknown_experiments():
            return subscriptions.create(
                connection, scope.organization_id, scope.team_id, scope.now, _actor(scope), **fields
            )

    created = await database_of(scope.request).writing(write)
    return json(view_subscription(created, with_secret=True), 201)


async def _change(scope: Scope) -> Response:
    """Change a subscription; pause it, or let it go on."""
    raw = await body_of(scope.request)
    sent = await offload(lambda body: decode_as(check_json(body), SubscriptionChanges), raw)
    after = await database_of(scope.request).writing(_write_changes, scope, sent, scope.now)
    return json(view_subscription(after))


def _write_changes(
    connection: Connection, scope: Scope, sent: SubscriptionChanges, now: datetime
) -> Subscription:
    subscription, actor = _find_own(connection, scope), _actor(scope)
    if TARGETS[subscription.target].operator_only and sent.settings is not msgspec.UNSET:
        raise Forbidden("Only the operator may change where this subscription goes.")
    networks = scope.request.app.state.config.webhook_networks
    fields = _subscriptions.changes_of(sent, subscription.target, networks)
    with _subscriptions.refusing_unknown_experiments():
        after = subscriptions.change(connection, subscription, now, actor, **fields)
    if sent.paused is False and after.paused_at is not None:
        return subscriptions.resume(connection, after, now, actor)
    if sent.paused is True and after.paused_at is None:
        return subscriptions.pause(connection, after, now, actor)
    return after


async def _remove(scope: Scope) -> Response:
    """End a subscription."""
    await database_of(scope.request).writing(
        lambda connection: subscriptions.remove(
            connection, _find_own(connection, scope), scope.now, _actor(scope)
        )
    )
    return nothing()


async def _renew_secret(scope: Scope) -> Response:
    """Renew the secret; for a day messages are signed with both. The answer has it, this once."""
    renewed = await database_of(scope.request).writing(_write_secret, scope, scope.now)
    return json(view_subscription(renewed, with_secret=True))


def _write_secret(connection: Connection, scope: Scope, now: datetime) -> Subscription:
    subscription = _find_own(connection, scope)
    if not TARGETS[subscription.target].signs:
        raise Conflict("Messages to such a target are not signed.")
    return subscriptions.renew_secret(connection, subscription, now, _actor(scope))


# --- sending -----------------------------------------------------------------------------------


async def _send_test(scope: Scope) -> Response:
    """Send a test, also to a target that is paused; the answer says what came of it."""
    subscription, seq = await database_of(scope.request).writing(_write_test, scope, scope.now)
    return json(await _wait_for_end(scope, subscription.id, seq))


def _write_test(connection: Connection, scope: Scope, now: datetime) -> tuple[Subscription, int]:
    subscription = _find_own(connection, scope)
    return subscription, outbox.add_test(connection, subscription, now)


async def _send_again(scope: Scope) -> Response:
    """Send a message again that has failed, under its own id; the answer says what came of it."""
    seq = int(scope.request.path_params["message"])
    subscription = await database_of(scope.request).writing(_write_again, scope, seq, scope.now)
    return json(await _wait_for_end(scope, subscription.id, seq))


def _write_again(connection: Connection, scope: Scope, seq: int, now: datetime) -> Subscription:
    subscription = _find_own(connection, scope)
    if outbox.find_message(connection, subscription.id, seq) is None:
        raise NotFound("There is no such message.")
    if subscription.paused_at is not None:
        raise Conflict("The subscription is paused: let it go on first.")
    if not outbox.send_again(connection, subscription, seq, now):
        raise Conflict("Only a message that has failed can be sent again.")
    return subscription


async def _wait_for_end(scope: Scope, subscription_id: str, seq: int) -> MessageView:
    """The message once something came of it, or as it is when the patience is over."""
    ends_at = time.monotonic() + PATIENCE
    while True:
        row = await database_of(scope.request).reading(outbox.find_message, subscription_id, seq)
        if row is None:
            raise NotFound("There is no such message.")
        if row.state != outbox.PENDING or row.attempts or time.monotonic() >= ends_at:
            return MessageView(*msgspec.structs.astuple(row))
        await asyncio.sleep(BETWEEN)


list_page, list_page_of_organization = in_scope(_list)
create, create_for_organization = in_scope(_create)
one, one_of_organization = in_scope(_one)
change, change_of_organization = in_scope(_change)
remove, remove_of_organization = in_scope(_remove)
renew_secret, renew_secret_of_organization = in_scope(_renew_secret)
send_test, send_test_of_organization = in_scope(_send_test)
list_messages, list_messages_of_organization = in_scope(_list_messages)
send_again, send_again_of_organization = in_scope(_send_again)
