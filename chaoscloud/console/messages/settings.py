"""The settings of a target, as somebody writes them: understood whole, or refused by key."""

from collections.abc import Iterable
from typing import Any, get_args

import msgspec

from chaoscloud.console.messages.events import TYPES, USUAL
from chaoscloud.console.messages.subscriptions import Subscription
from chaoscloud.console.messages.targets import TARGETS
from chaoscloud.console.rules.addresses import Network
from chaoscloud.console.rules.typed_settings import may_call_url, parse_as
from chaoscloud.outcome import OutcomeName


def parse_settings(target: str, raw: bytes | msgspec.Raw) -> str:
    """The settings as the database keeps them, with every default written out.

    Raises `msgspec.ValidationError`, which names the key at the end: "… - at `$.url`".
    """
    return parse_as(TARGETS[target].settings, raw)


def choose_events(target: str, wanted: Iterable[str]) -> tuple[str, ...]:
    """The types of events, each once and in their order; the usual ones where none is named.

    Raises `ValueError` for a type that there is not, or that the target does not take.
    """
    only, names = TARGETS[target].events, set(wanted)
    if unknown := sorted(names - TYPES.keys()):
        raise ValueError(f"There is no event {unknown[0]!r}; there are {', '.join(TYPES)}")
    names = names or set(only or USUAL)
    if only and names != set(only):
        raise ValueError(f"A {target} target takes exactly these events: {', '.join(only)}")
    return tuple(name for name in TYPES if name in names)


def choose_outcomes(target: str, wanted: Iterable[str]) -> tuple[str, ...]:
    """The outcomes, each once. Raises `ValueError` for one that there is not, or cannot be used."""
    names, known = tuple(dict.fromkeys(wanted)), get_args(OutcomeName)
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"There is no outcome {unknown[0]!r}; there are {', '.join(known)}")
    if names and TARGETS[target].events:
        raise ValueError(f"What a {target} target opens is closed whatever the outcome is")
    return names


def load_settings(target: str, settings: str) -> Any:
    """The settings as the target's own value."""
    return msgspec.json.decode(settings, type=TARGETS[target].settings)


def may_call_address(target: str, settings: str, networks: Iterable[Network]) -> bool:
    """Whether the console may call the address in these settings; without one it may."""
    key = TARGETS[target].calls
    return not key or may_call_url(getattr(load_settings(target, settings), key), networks)


def describe_target(subscription: Subscription) -> str:
    """Where the messages of a subscription go, in a few words that open nothing."""
    target = TARGETS[subscription.target]
    return target.describe(load_settings(subscription.target, subscription.settings))
