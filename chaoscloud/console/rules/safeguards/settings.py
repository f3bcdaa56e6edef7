"""The settings of a safeguard, as somebody writes them: understood whole, or refused by key."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import msgspec

from chaoscloud.console.rules.addresses import Network, is_address, may_call
from chaoscloud.console.rules.safeguards.kinds import KINDS
from chaoscloud.console.rules.safeguards.model import Safeguard

# How a `__post_init__` of settings names the key that is wrong: "url: Expected an address".
_KEY_FIRST = re.compile(r"(?P<key>\w+): (?P<message>.*?)(?: - at `(?P<path>\$[^`]*)`)?", re.DOTALL)


def parse_settings(kind: str, raw: bytes | msgspec.Raw) -> str:
    """The settings as the database keeps them, with every default written out.

    Raises `msgspec.ValidationError`, which names the key at the end: "… - at `$.url`".
    """
    try:
        settings = msgspec.json.decode(raw, type=KINDS[kind].settings)
    except msgspec.ValidationError as error:
        if match := _KEY_FIRST.fullmatch(str(error)):
            message = f"{match['message']} - at `{match['path'] or '$'}.{match['key']}`"
            raise msgspec.ValidationError(message) from None
        raise
    return msgspec.json.encode(settings).decode()


def load_settings(safeguard: Safeguard) -> Any:
    """The settings of a safeguard, as its kind's own value."""
    return _load(safeguard.kind, safeguard.settings)


@lru_cache(4096)
def _load(kind: str, settings: str) -> Any:
    return msgspec.json.decode(settings, type=KINDS[kind].settings)


def may_call_address(kind: str, settings: str, networks: Iterable[Network]) -> bool:
    """Whether the console may call the address in these settings; without one it may.

    A name is looked up, and its addresses checked, only when the console calls it.
    """
    key = KINDS[kind].calls
    if not key:
        return True
    url = getattr(msgspec.json.decode(settings, type=KINDS[kind].settings), key)
    host = urlsplit(url).hostname or ""
    return not is_address(host) or may_call(host, networks)
