"""Subscriptions as clients write and read them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

import msgspec

from chaoscloud.console.api._body import Document, Invalid, validate
from chaoscloud.console.messages.events import TYPES
from chaoscloud.console.messages.outbox import MessageRow
from chaoscloud.console.messages.settings import (
    choose_events,
    choose_outcomes,
    load_settings,
    may_call_address,
    parse_settings,
)
from chaoscloud.console.messages.subscriptions import Subscription
from chaoscloud.console.messages.targets import TARGETS
from chaoscloud.console.records.subscriptions import UnknownExperiment
from chaoscloud.console.rules.addresses import Network
from chaoscloud.console.rules.safeguards.kinds.tags import Tags
from chaoscloud.console.rules.soundness import plain
from chaoscloud.outcome import OutcomeName

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
OPEN_TARGETS = tuple(name for name, target in TARGETS.items() if not target.operator_only)
TargetName = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(OPEN_TARGETS)})]
EventType = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(TYPES)})]
Events = Annotated[tuple[EventType, ...], msgspec.Meta(min_length=1, max_length=len(TYPES))]
OutcomeType = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(get_args(OutcomeName))})]
Outcomes = Annotated[tuple[OutcomeType, ...], msgspec.Meta(max_length=20)]
Id = Annotated[str, msgspec.Meta(max_length=36)]


class NewSubscription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which events go to which target, and what that needs (`settings`, see messages.md).

    With `tags`, `outcomes` or `experiment_id` only what carries one of these, ended so, is of that.
    """

    name: Line
    target: TargetName
    settings: Document
    events: Events | msgspec.UnsetType = msgspec.UNSET
    tags: Tags = ()
    outcomes: Outcomes = ()
    experiment_id: Id | None = None


class SubscriptionChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be different; what is not named stays. `paused` False sends again."""

    name: Line | msgspec.UnsetType = msgspec.UNSET
    settings: Document | msgspec.UnsetType = msgspec.UNSET
    events: Events | msgspec.UnsetType = msgspec.UNSET
    tags: Tags | msgspec.UnsetType = msgspec.UNSET
    outcomes: Outcomes | msgspec.UnsetType = msgspec.UNSET
    experiment_id: Id | msgspec.UnsetType | None = msgspec.UNSET
    paused: bool | msgspec.UnsetType = msgspec.UNSET


class SubscriptionView(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription. Settings that open something are cut to their last characters.

    `failures` are those since the last good answer; `retry_at` is when the target is called again.
    `secret` is what messages are signed with; it is there only in the answer that makes it.
    """

    id: str
    name: str
    scope: Literal["organization", "team"]
    team_id: str | None
    target: str
    settings: dict[str, Any]
    events: tuple[str, ...]
    tags: tuple[str, ...]
    outcomes: tuple[str, ...]
    experiment_id: str | None
    created_at: datetime
    updated_at: datetime | None
    paused_at: datetime | None
    pause_reason: str | None
    failures: int
    failing_since: datetime | None
    retry_at: datetime | None
    earlier_secret_until: datetime | None
    secret: str | msgspec.UnsetType = msgspec.UNSET


class MessageView(MessageRow, frozen=True):
    """A message: its event's sentence, and what came of sending it."""


def view_subscription(subscription: Subscription, *, with_secret: bool = False) -> SubscriptionView:
    """A subscription as the API answers with it."""
    target = TARGETS[subscription.target]
    settings = load_settings(subscription.target, subscription.settings)
    names = [name for name in SubscriptionView.__struct_fields__ if hasattr(subscription, name)]
    fields = {name: getattr(subscription, name) for name in names if name != "secret"}
    return SubscriptionView(
        **{**fields, "settings": target.mask(settings)},
        scope="organization" if subscription.team_id is None else "team",
        secret=(subscription.secret or msgspec.UNSET) if with_secret else msgspec.UNSET,
    )


def fields_of(new: NewSubscription, networks: Iterable[Network]) -> dict[str, Any]:
    """A new subscription's fields, as the database keeps them. Raises `Invalid`."""
    if new.target not in OPEN_TARGETS:
        raise Invalid(f"Expected one of {', '.join(OPEN_TARGETS)}", ["body", "target"], "enum")
    wanted = () if new.events is msgspec.UNSET else new.events
    return {
        "name": _one_line(new.name),
        "target": new.target,
        "settings": _parse_settings(new.target, new.settings, networks),
        "events": _choose(choose_events, new.target, wanted, "events"),
        "tags": new.tags,
        "outcomes": _choose(choose_outcomes, new.target, new.outcomes, "outcomes"),
        "experiment_id": new.experiment_id,
    }


def changes_of(
    changes: SubscriptionChanges, target: str, networks: Iterable[Network]
) -> dict[str, Any]:
    """What is to be different, as the database keeps it. Raises `Invalid`."""
    parsers: Mapping[str, Callable[[Any], Any]] = {
        "name": _one_line,
        "settings": lambda value: _parse_settings(target, value, networks),
        "events": lambda value: _choose(choose_events, target, value, "events"),
        "outcomes": lambda value: _choose(choose_outcomes, target, value, "outcomes"),
    }
    values = ((n, getattr(changes, n)) for n in changes.__struct_fields__ if n != "paused")
    return {
        name: parsers[name](value) if name in parsers else value
        for name, value in values
        if value is not msgspec.UNSET
    }


@contextmanager
def refusing_unknown_experiments() -> Iterator[None]:
    """Answer a filter by an experiment that is not there as a fault of the body."""
    try:
        yield
    except UnknownExperiment as error:
        raise Invalid(str(error), ["body", "experiment_id"], "value_error") from None


def _choose(
    choose: Callable[[str, Iterable[str]], tuple[str, ...]],
    target: str,
    wanted: Iterable[str],
    key: str,
) -> tuple[str, ...]:
    try:
        return choose(target, wanted)
    except ValueError as error:
        raise Invalid(str(error), ["body", key], "value_error") from None


def _one_line(text: str) -> str:
    text = " ".join(plain(text).split())
    if not text:
        raise Invalid("Expected words", ["body", "name"], "value_error")
    return text


def _parse_settings(target: str, raw: msgspec.Raw, networks: Iterable[Network]) -> str:
    settings = validate(lambda: parse_settings(target, raw), "settings")
    if not may_call_address(target, settings, networks):
        message = "Expected a public address, or one in a network that the operator allows"
        raise Invalid(message, ["body", "settings", TARGETS[target].calls], "value_error")
    return settings
