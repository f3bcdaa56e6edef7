"""The settings of a target, as somebody writes them: understood whole, or refused by key."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from chaoscloud.console.messages.subscriptions import Subscription
from chaoscloud.console.messages.targets import TARGETS
from chaoscloud.console.rules.addresses import Network, is_address, may_call

# How a `__post_init__` of settings names the key that is wrong: "url: Expected an address".
_KEY_FIRST = re.compile(r"(?P<key>\w+): (?P<message>.*?)(?: - at `(?P<path>\$[^`]*)`)?", re.DOTALL)


def parse_settings(target: str, raw: bytes | msgspec.Raw) -> str:
    """The settings as the database keeps them, with every default written out.

    Raises `msgspec.ValidationError`, which names the key at the end: "… - at `$.url`".
    """
    try:
        settings = msgspec.json.decode(raw, type=TARGETS[target].settings)
    except msgspec.ValidationError as error:
        if match := _KEY_FIRST.fullmatch(str(error)):
            message = f"{match['message']} - at `{match['path'] or '$'}.{match['key']}`"
            raise msgspec.ValidationError(message) from None
        raise
    return msgspec.json.encode(settings).decode()


def load_settings(target: str, settings: str) -> Any:
    """The settings as the target's own value."""
    return msgspec.json.decode(settings, type=TARGETS[target].settings)


def may_call_address(target: str, settings: str, networks: Iterable[Network]) -> bool:
    """Whether the console may call the address in these settings; without one it may.

    A name is looked up, and its addresses checked, only when the console calls it.
    """
    key = TARGETS[target].calls
    if not key:
        return True
    host = urlsplit(getattr(load_settings(target, settings), key)).hostname or ""
    return not is_address(host) or may_call(host, networks)


def describe_target(subscription: Subscription) -> str:
    """Where the messages of a subscription go, in a few words that open nothing."""
    target = TARGETS[subscription.target]
    return target.describe(load_settings(subscription.target, subscription.settings))
