"""One wall-clock limit for a whole call, whatever the server does.

The timeouts of `requests` bound the wait for each byte, so a server that sends one every nine
seconds holds a call for ever. Here every wait for the network inside `within(seconds)` is cut to
what is left of those seconds: connecting, sending, the answer's head and its body.
"""

import http.client
import io
import math
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from chaoscloud.api._resolution import resolve

PIECE = 64 * 1024  # bytes
STANDSTILL = 10.0  # seconds in which none of a piece was taken

_ends_at: ContextVar[float] = ContextVar("ends_at", default=math.inf)


class Grip:
    """Holds the socket a call waits on, so that another thread can end the wait."""

    def __init__(self) -> None:
        self._sock: socket.socket | None = None
        self._let_go = False
        self._is_cut = False

    def begin(self) -> None:
        """A new call starts, which no earlier `cut` is meant for."""
        self._is_cut = False

    def take(self, sock: socket.socket | None) -> None:
        """Hold this socket. Raises `ConnectionError` when nobody is to wait any more."""
        self._sock = sock
        if self._let_go or self._is_cut:
            raise ConnectionError("the call was given up")

    def hang_up(self) -> None:
        """End the wait under way, and any later one as it begins."""
        self._let_go = True
        self._shut_down()

    def cut(self) -> None:
        """End the call under way, if there is one, and no other."""
        self._is_cut = True
        self._shut_down()

    def _shut_down(self) -> None:
        if self._sock is not None:
            with suppress(OSError):
                # Past `SSLSocket.shutdown`, which takes the session from under the reading thread.
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)


_grip: ContextVar[Grip | None] = ContextVar("grip", default=None)


@contextmanager
def within(seconds: float, grip: Grip | None = None) -> Iterator[None]:
    """Give the calls made inside at most `seconds`, all waits together; `grip` can end them."""
    if grip is not None:
        grip.begin()
    before = _ends_at.set(time.monotonic() + seconds)
    held_before = _grip.set(grip)
    try:
        yield
    finally:
        _grip.reset(held_before)
        _ends_at.reset(before)


def _what_is_left(ends_at: float, usual: float | None) -> float | None:
    """The seconds the next wait may take; raises `TimeoutError` when none are left."""
    if ends_at == math.inf:
        return usual
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError("the call took longer than it may")
    return left if usual is None else min(usual, left)


class _ClockedReader(io.RawIOBase):
    """Reads a socket, each wait cut to what is left until the end."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, ends_at: float) -> None:
        self._raw = raw
        self._sock = sock
        self._ends_at = ends_at

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        usual = self._sock.gettimeout()
        self._sock.settimeout(_what_is_left(self._ends_at, usual))
        try:
            return self._raw.readinto(buffer)
        finally:
            self._sock.settimeout(usual)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _ClockedResponse(http.client.HTTPResponse):
    """An answer whose head and body are read against the clock of the call."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_ClockedReader(raw, sock, _ends_at.get()))


class _Clocked:
    """What both kinds of connection do more than `urllib3`'s."""

    response_class: Any = _ClockedResponse
    sock: Any
    timeout: Any
    port: int
    _dns_host: str

    def connect(self) -> None:
        grip = _grip.get()
        if grip is not None:
            grip.take(None)  # nobody connects for a call that was given up
        self.timeout = _what_is_left(_ends_at.get(), self.timeout)
        super().connect()  # type: ignore[misc]

    def _new_conn(self) -> socket.socket:
        """Resolve the name in the time that is left, then try one address after the other."""
        name = self._dns_host
        connection: Any = self
        failure: Exception = NewConnectionError(connection, f"{name} has no address")
        try:
            for address in self._resolve(name):
                self._dns_host = address
                self.timeout = _what_is_left(_ends_at.get(), self.timeout)
                try:
                    return self._within_limit(super()._new_conn())  # type: ignore[misc]
                except (ConnectTimeoutError, NewConnectionError) as x:
                    failure = x
        finally:
            self._dns_host = name
        raise failure

    def _within_limit(self, sock: socket.socket) -> socket.socket:
        """Give what follows on a new connection, TLS for one, what is left and no more."""
        try:
            sock.settimeout(_what_is_left(_ends_at.get(), self.timeout))
        except TimeoutError:
            sock.close()
            raise
        return sock

    def _resolve(self, name: str) -> list[str]:
        connection: Any = self
        try:
            return resolve(name, self.port, self.timeout)
        except TimeoutError as x:
            message = f"the name {name} was not resolved in time"
            raise ConnectTimeoutError(connection, message) from x
        except OSError as x:
            raise NewConnectionError(connection, f"the name {name} cannot be resolved: {x}") from x

    def send(self, data: Any) -> None:
        # A new connection would send under the time-out for connecting: a large journal needs
        # longer than that over a slow line, and has what is left of the call.
        if self.sock is None:
            self.connect()
        grip = _grip.get()
        if grip is not None:
            grip.take(self.sock)
        # In pieces, each with its own limit: a large body may take long, a line that stands still
        # may not.
        pieces = range(0, len(data), PIECE) if isinstance(data, bytes) else [0]
        for start in pieces:
            self.sock.settimeout(_what_is_left(_ends_at.get(), STANDSTILL))
            piece = data[start : start + PIECE] if isinstance(data, bytes) else data
            super().send(piece)  # type: ignore[misc]


class _ClockedHTTPConnection(_Clocked, HTTPConnection):
    pass


class _ClockedHTTPSConnection(_Clocked, HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        # Whoever switched verification off was asked and said so in the settings: without this,
        # `urllib3` would warn about it in the middle of the experiment's output, at each request.
        self.is_verified = True


class _ClockedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _ClockedHTTPConnection


class _ClockedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _ClockedHTTPSConnection


_POOLS = {"http": _ClockedHTTPPool, "https": _ClockedHTTPSPool}


class ClockedAdapter(HTTPAdapter):
    """Keeps one connection to one host, and obeys `within`."""

    def __init__(self) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
