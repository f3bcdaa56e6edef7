"""The settings of a safeguard, as somebody writes them: understood whole, or refused by key."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from chaoscloud.console.rules.addresses import Network, is_address, may_call
from chaoscloud.console.rules.verdict import KINDS

_NAMED = re.compile(r"(?P<key>\w+): (?P<said>.*?)(?: - at `(?P<path>\$[^`]*)`)?", re.DOTALL)


def read(kind: str, raw: bytes | msgspec.Raw) -> str:
    """The settings as they are kept. Raises `msgspec.ValidationError`, which names the key."""
    try:
        settings = msgspec.json.decode(raw, type=KINDS[kind].settings)
    except msgspec.ValidationError as error:
        if found := _NAMED.fullmatch(str(error)):
            said = f"{found['said']} - at `{found['path'] or '$'}.{found['key']}`"
            raise msgspec.ValidationError(said) from None
        raise
    return msgspec.json.encode(settings).decode()


def of(kind: str, kept: str) -> Any:
    """Kept settings, as the kind's own value."""
    return msgspec.json.decode(kept, type=KINDS[kind].settings)


def may_be_asked(kind: str, kept: str, networks: Iterable[Network]) -> bool:
    """Whether the console may call whom these settings name; names are looked up when called."""
    if kind != "webhook":
        return True
    host = urlsplit(of(kind, kept).url).hostname or ""
    return not is_address(host) or may_call(host, networks)
