"""Messages to others: who hears of what happens, set up and looked after by plain forms."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.messages import outbox
from chaoscloud.console.messages.subscriptions import Subscription
from chaoscloud.console.messages.targets import TARGETS, Target
from chaoscloud.console.pages._subscription_forms import (
    event_choices,
    fill_form,
    initial_form,
    open_targets,
    outcome_choices,
    read_form,
    read_settings,
)
from chaoscloud.console.pages._subscription_views import (
    SubscriptionPage,
    find_subscription,
    list_choices,
    load_page,
    load_rows,
)
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.records import subscriptions
from chaoscloud.console.records.audit import Actor
from chaoscloud.console.records.subscriptions import UnknownExperiment
from chaoscloud.console.rules.access import may_stop_organization
from chaoscloud.console.rules.safeguards.fields import InvalidField

TAB = "Messages"
PATIENCE = 6.0  # seconds that a page waits for what comes of a message
BETWEEN = 0.05  # seconds between two looks


@of_team
async def list_page(visit: Visit) -> Response:
    """The team's subscriptions and its organization's, and how their targets do."""
    rows = await visit.db.reading(load_rows, visit)
    return await visit.page("subscriptions.html", tab=TAB, rows=rows, targets=open_targets())


# --- subscribing -------------------------------------------------------------------------------


@of_team
async def new(visit: Visit) -> Response:
    """The form for a subscription with one kind of target."""
    query = visit.request.query_params
    target = _target(query.get("target", ""))
    first = initial_form(target) | {"experiment": query.get("experiment", "")}
    form = visit.draft.fields if visit.draft else first
    return await _show_form(visit, target, form)


@of_team
async def add(visit: Visit) -> Response:
    """Subscribe; for a webhook, the answer shows the secret of its messages, this once."""
    form = await visit.form()
    target = _target(form.get("target", ""))
    networks = visit.request.app.state.config.webhook_networks
    try:
        fields = read_form(target, form)
        fields |= {"target": target.name, "settings": read_settings(target, form, networks)}
    except InvalidField as error:
        return await _show_form(visit, target, form, 422, str(error))
    of_all = form.get("scope") == "organization"
    if of_all and not may_stop_organization(visit.scope.role):
        raise NotFound
    try:
        made = await visit.db.writing(_add, visit, None if of_all else visit.scope.team_id, fields)
    except UnknownExperiment as error:
        return await _show_form(visit, target, form, 422, f"{error}.")
    if made.secret:
        return await _show(visit, made.id, secret=made.secret)
    return visit.back(f"{visit.base}/subscriptions/{made.id}?said=subscribed")


def _add(
    connection: Connection, visit: Visit, team_id: str | None, fields: dict[str, Any]
) -> Subscription:
    return subscriptions.create(
        connection,
        visit.scope.organization_id,
        team_id,
        visit.now,
        _actor(visit),
        **fields,
    )


def _actor(visit: Visit) -> Actor:
    return Actor(visit.caller.person_id, visit.caller.token_id)


def _target(name: str) -> Target[Any]:
    if name not in open_targets():
        raise NotFound
    return TARGETS[name]


async def _show_form(
    visit: Visit, target: Target[Any], form: Mapping[str, str], status: int = 200, error: str = ""
) -> Response:
    page = SubscriptionPage(choices=await visit.db.reading(list_choices, visit))
    return await _render(visit, target, page, form, status, error)


async def _render(
    visit: Visit,
    target: Target[Any],
    page: SubscriptionPage,
    form: Mapping[str, str],
    status: int,
    error: str,
    secret: str = "",
) -> Response:
    return await visit.page(
        "subscription.html",
        status,
        tab=TAB,
        row=page.row,
        messages=page.messages,
        experiments=page.choices,
        secret=secret,
        target=target,
        problem=target.find_problem(visit.request.app.state.config),
        form=form,
        wrong=error,
        events=event_choices(target),
        outcomes=outcome_choices(target),
        is_owner=may_stop_organization(visit.scope.role),
    )


# --- one ---------------------------------------------------------------------------------------


@of_team
async def one(visit: Visit) -> Response:
    """One subscription: what was sent and what came of it, and the form to change it."""
    form = visit.draft.fields if visit.draft else None
    return await _show(visit, visit.parameter("id"), form=form)


async def _show(
    visit: Visit,
    subscription_id: str,
    status: int = 200,
    form: Mapping[str, str] | None = None,
    error: str = "",
    secret: str = "",
) -> Response:
    subscription, page = await visit.db.reading(load_page, visit, subscription_id)
    target = TARGETS[subscription.target]
    form = form or fill_form(subscription)
    return await _render(visit, target, page, form, status, error, secret)


def _find_own(connection: Connection, visit: Visit) -> Subscription:
    """The subscription that the address names, if this person may change it."""
    subscription = find_subscription(connection, visit, visit.parameter("id"))
    if subscription.team_id is None and not may_stop_organization(visit.scope.role):
        raise NotFound
    return subscription


@of_team
async def change(visit: Visit) -> Response:
    """Change the name, and what narrows the subscription."""
    form = await visit.form()
    subscription = await visit.db.reading(_find_own, visit)
    try:
        fields = read_form(TARGETS[subscription.target], form)
    except InvalidField as error:
        return await _show(visit, subscription.id, 422, form, str(error))

    def write(connection: Connection) -> Subscription:
        own = _find_own(connection, visit)
        return subscriptions.change(connection, own, visit.now, _actor(visit), **fields)

    try:
        await visit.db.writing(write)
    except UnknownExperiment as error:
        return await _show(visit, subscription.id, 422, form, f"{error}.")
    return _back(visit, subscription.id, "subscription-changed")


@of_team
async def remove(visit: Visit) -> Response:
    """End the subscription."""
    await visit.form()
    await visit.db.writing(
        lambda connection: subscriptions.remove(
            connection, _find_own(connection, visit), visit.now, _actor(visit)
        )
    )
    return visit.back(f"{visit.base}/subscriptions?said=unsubscribed")


@of_team
async def switch(visit: Visit) -> Response:
    """Pause the subscription, or let it go on."""
    form = await visit.form()
    job = subscriptions.pause if form.get("on") == "off" else subscriptions.resume
    subscription = await visit.db.writing(
        lambda connection: job(connection, _find_own(connection, visit), visit.now, _actor(visit))
    )
    return _back(visit, subscription.id, "paused" if form.get("on") == "off" else "resumed")


@of_team
async def renew(visit: Visit) -> Response:
    """Renew the secret; the answer shows it, this once."""
    await visit.form()
    renewed = await visit.db.writing(_renew, visit)
    return await _show(visit, renewed.id, secret=renewed.secret or "")


def _renew(connection: Connection, visit: Visit) -> Subscription:
    subscription = _find_own(connection, visit)
    if not TARGETS[subscription.target].signs:
        raise NotFound
    return subscriptions.renew_secret(connection, subscription, visit.now, _actor(visit))


# --- sending -----------------------------------------------------------------------------------


@of_team
async def send_test(visit: Visit) -> Response:
    """Send a test; the page says what came of it."""
    await visit.form()

    def write(connection: Connection) -> tuple[str, int]:
        subscription = _find_own(connection, visit)
        return subscription.id, outbox.add_test(connection, subscription, visit.now)

    subscription_id, seq = await visit.db.writing(write)
    return await _wait_and_go_back(visit, subscription_id, seq)


@of_team
async def send_again(visit: Visit) -> Response:
    """Send a message again that has failed; the page says what came of it."""
    form = await visit.form()
    typed = form.get("message", "")
    seq = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else 0

    def write(connection: Connection) -> str:
        subscription = _find_own(connection, visit)
        if not outbox.send_again(connection, subscription, seq, visit.now):
            raise NotFound
        return subscription.id

    return await _wait_and_go_back(visit, await visit.db.writing(write), seq)


async def _wait_and_go_back(visit: Visit, subscription_id: str, seq: int) -> Response:
    ends_at = time.monotonic() + PATIENCE
    row = await visit.db.reading(outbox.find_message, subscription_id, seq)
    while row and row.state == outbox.PENDING and not row.attempts and time.monotonic() < ends_at:
        await asyncio.sleep(BETWEEN)
        row = await visit.db.reading(outbox.find_message, subscription_id, seq)
    state = row.state if row is not None else outbox.PENDING
    words = {outbox.SENT: "sent", outbox.FAILED: "not-sent"}
    return _back(visit, subscription_id, words.get(state, "not-sent-yet"))


def _back(visit: Visit, subscription_id: str, word: str) -> Response:
    return visit.back(f"{visit.base}/subscriptions/{subscription_id}?said={word}")
