"""Settings whose type depends on a kind, of a safeguard or of a target of messages."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec

from chaoscloud.console.rules.addresses import Network, is_address, may_call

# How a `__post_init__` of settings names the key that is wrong: "url: Expected an address".
_KEY_FIRST = re.compile(r"(?P<key>\w+): (?P<message>.*?)(?: - at `(?P<path>\$[^`]*)`)?", re.DOTALL)


def parse_as(settings_type: type[msgspec.Struct], raw: bytes | msgspec.Raw) -> str:
    """The settings as the database keeps them, with every default written out.

    Raises `msgspec.ValidationError`, which names the key at the end: "… - at `$.url`".
    """
    try:
        settings = msgspec.json.decode(raw, type=settings_type)
    except msgspec.ValidationError as error:
        if match := _KEY_FIRST.fullmatch(str(error)):
            message = f"{match['message']} - at `{match['path'] or '$'}.{match['key']}`"
            raise msgspec.ValidationError(message) from None
        raise
    return msgspec.json.encode(settings).decode()


def may_call_url(url: str, networks: Iterable[Network]) -> bool:
    """Whether the console may call this address, as far as it can be seen without looking it up.

    A name is looked up, and its addresses checked, only when the console calls it.
    """
    host = urlsplit(url).hostname or ""
    return not is_address(host) or may_call(host, networks)
