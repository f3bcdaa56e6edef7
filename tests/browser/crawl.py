"""Every page that can be reached by following links: one of each kind."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.browser.visitor import Visitor

IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def kind_of(address: str) -> str:
    """What an address shows, whichever one of its kind: `/acme/checkout/executions/*`.

    The form for a new thing is another one for each query.
    """
    parts = urlsplit(address)
    path = IDENTIFIER.sub("*", parts.path)
    return f"{path} {parts.query}" if path.endswith("/new") else path


def walk(visitor: Visitor, *starts: str) -> Iterator[str]:
    """Open these paths, then one page of each kind they lead to; give each address when there.

    Nothing is submitted on the way.
    """
    waiting = [(visitor.url + start, "") for start in starts]
    visited: set[str] = set()
    while waiting:
        address, page = waiting.pop(0)
        started = address.removeprefix(visitor.url) in starts
        if (kind_of(address) in visited and not started) or address in visited:
            continue
        visited |= {kind_of(address), address}
        assert visitor.open(address) == 200, f"{page} leads to {address}, which is not there"
        waiting += [(link, address) for link in visitor.links]
        yield address
