"""Connections: how many there may be, and how long a request's head may take.

uvicorn bounds neither: a thousand connections that never finish the head of a request would use up
the files that the process may open, and nobody else would be answered.
"""

import asyncio
import logging
import time
from collections import Counter
from typing import ClassVar

from uvicorn.protocols.http.auto import AutoHTTPProtocol

log = logging.getLogger("chaosiq.console")

HEAD_LIMIT = 10.0  # seconds for the head of a request, from its first byte or the connection on
RESERVED_FILES = 128  # for the database, webhooks, temporary files and libraries
FEWEST = 64
LOG_EVERY = 60.0  # seconds between two lines on connections that were turned away


class Connections:
    """The connections of one server: `most` in all, and `most_of_one` of one address."""

    def __init__(self, most: int, most_of_one: int | None = None) -> None:
        self.most = most
        self.most_of_one = most_of_one or max(FEWEST, most // 2)
        self.rejected = 0
        self._by_address: Counter[str] = Counter()
        self._logged_at = -LOG_EVERY

    def admit(self, address: str) -> bool:
        """Count another connection of this address; False when there are too many."""
        if self._by_address.total() >= self.most or self._by_address[address] >= self.most_of_one:
            self._reject(address)
            return False
        self._by_address[address] += 1
        return True

    def leave(self, address: str) -> None:
        """A connection that was admitted has ended."""
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    def _reject(self, address: str) -> None:
        self.rejected += 1
        now = time.monotonic()
        if now - self._logged_at >= LOG_EVERY:
            self._logged_at = now
            log.warning(
                "%d connections turned away so far, the last from %s: %d are open, of %d in all "
                "and %d from one address",
                self.rejected,
                address,
                self._by_address.total(),
                self.most,
                self.most_of_one,
            )


def raise_file_limit() -> int:
    """Raise how many files this process may open to what the system allows; return that number."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return 8192
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS reports no hard limit and refuses more than OPEN_MAX all the same.
    target = 10_240 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < target:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
        except (ValueError, OSError):
            return soft
    return max(soft, target)


class BoundProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """One connection: turned away when there are too many, closed when a head takes long."""

    bounds: ClassVar[Connections]
    head_limit: ClassVar[float]

    _address: str | None = None  # None: not admitted
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Admit a connection, or close it."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if not self.bounds.admit(address):
            transport.abort()
            return
        self._address = address
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that a connection has ended."""
        self._stop_timer()
        if self._address is not None:
            self.bounds.leave(self._address)
            self._address = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; a head that has begun is to be complete in time."""
        if self._address is None:
            return
        super().data_received(data)
        if self._is_under_way():
            self._stop_timer()
        elif self._head_timer is None:
            self._expect_head()

    def _is_under_way(self) -> bool:
        """Whether a whole head has come and its request has not been answered yet."""
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_limit, self._close_slow)

    def _close_slow(self) -> None:
        self._head_timer = None
        if not self._is_under_way():
            self.transport.abort()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def bound_protocol(
    connections: Connections, head_limit: float = HEAD_LIMIT
) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol with these bounds."""
    return type("Protocol", (BoundProtocol,), {"bounds": connections, "head_limit": head_limit})
