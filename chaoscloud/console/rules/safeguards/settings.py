"""The settings of a safeguard, as somebody writes them: understood whole, or refused by key."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from chaoscloud.console.rules.addresses import Network
from chaoscloud.console.rules.safeguards.kinds import KINDS
from chaoscloud.console.rules.safeguards.model import Safeguard
from chaoscloud.console.rules.typed_settings import may_call_url, parse_as


def parse_settings(kind: str, raw: bytes | msgspec.Raw) -> str:
    """The settings as the database keeps them, with every default written out.

    Raises `msgspec.ValidationError`, which names the key at the end: "… - at `$.url`".
    """
    return parse_as(KINDS[kind].settings, raw)


def load_settings(safeguard: Safeguard) -> Any:
    """The settings of a safeguard, as its kind's own value."""
    return _load(safeguard.kind, safeguard.settings)


@lru_cache(4096)
def _load(kind: str, settings: str) -> Any:
    return msgspec.json.decode(settings, type=KINDS[kind].settings)


def may_call_address(kind: str, settings: str, networks: Iterable[Network]) -> bool:
    """Whether the console may call the address in these settings; without one it may."""
    key = KINDS[kind].calls
    return not key or may_call_url(getattr(_load(kind, settings), key), networks)
