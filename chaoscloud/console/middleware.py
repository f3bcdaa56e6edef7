"""What surrounds every request: a line in the log, limits on what is sent, a few headers.

All in one layer of ASGI, for requests pass through each layer one by one.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chaoscloud.console.bodies import BodyRoom, Lease
from chaoscloud.console.errors import Misdirected, Problem, TimedOut, TooLarge, render_problem
from chaoscloud.console.rates import RateLimiter, identify_token
from chaoscloud.console.rules.addresses import is_address

log = logging.getLogger("chaosiq.console")

PATIENCE = 30.0  # seconds between two pieces of a body
LEASE = "chaosiq.lease"  # where in the scope the request's body finds its room
ANY_ADDRESS = "*address*"  # among known hosts: any IP address
HSTS = (b"strict-transport-security", b"max-age=31536000")  # a year, RFC 6797
API_HEADERS = (
    (b"accept-encoding", b"gzip"),  # gzip is understood (RFC 7694)
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)

DECISIONS = "/policies"  # how addresses end at which runs ask whether they may go on

_PROBED = ("/healthz", "/metrics")  # asked by orchestrators, by whatever address they know
_LONGEST_LENGTH = 20  # digits of a length; longer ones are over any limit, too


class RequestMiddleware:
    """Lets a request through to the application, or answers why not.

    `hosts` are the names that this console is known by: a request by another one is answered 421
    (RFC 9110, 15.5.20), because answers carry addresses made of the name that was asked by, and one
    that somebody else chose would lead to somebody else. No hosts: nothing is checked.

    `limiter` counts the API's requests by token; 429 beyond. `room` is what bodies may take; 413
    beyond. `patience` is in seconds, between two pieces of a body. `secure`: the console is reached
    by https, which browsers are to remember. `access_log`: a line for each request, without its
    headers and query, which may hold secrets.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        room: BodyRoom,
        limiter: RateLimiter,
        hosts: Collection[str] = (),
        secure: bool = False,
        access_log: bool = False,
        patience: float = PATIENCE,
    ) -> None:
        self.app = app
        self.room = room
        self.limiter = limiter
        self.patience = patience
        self.access_log = access_log
        self._page_headers = (HSTS,) if secure else ()
        self._api_headers = self._page_headers + API_HEADERS
        self._queue = RequestQueue()
        known = frozenset(hosts)
        self._is_known = lru_cache(256)(lambda host: _is_known(host, known))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        headers = self._api_headers if is_api(path) else self._page_headers
        exchange = _Exchange(receive, send, self.room.limit, self.patience, headers)
        scope[LEASE] = lease = Lease(self.room)
        start = time.perf_counter()
        try:
            if not path.endswith(DECISIONS):
                await self._queue.wait_for_turn()
            problem = self._find_problem(scope)
            app = render_problem(problem, path) if problem else self.app
            await app(scope, exchange.receive, exchange.send)
        finally:
            lease.release()
            if self.access_log:
                _log_request(scope, exchange.status, time.perf_counter() - start)

    def _find_problem(self, scope: Scope) -> Problem | None:
        """Why the request is not let through, if it is not."""
        head, path = _read_head(scope), scope["path"]
        if path not in _PROBED and not self._is_known(head.host):
            return Misdirected(
                "This console is not known by that name. Its operator tells it its names with "
                "--public-url or CHAOSIQ_CONSOLE_HOSTS."
            )
        if head.authorization and path.startswith("/api/"):
            try:
                self.limiter.count("api", identify_token(head.authorization))
            except Problem as problem:
                return problem
        if head.length > self.room.limit:
            return _describe_too_large(self.room.limit)
        return None


class RequestQueue:
    """Lets one request begin in each turn of the event loop; the others wait, in order of arrival.

    Requests that come together would else be worked on in one long turn, and a question that comes
    meanwhile is not even read before its end. Questions about decisions do not wait here: between
    two other requests, the loop takes in all of them that have come.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_taken = False  # whether a request begins in this turn
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def wait_for_turn(self) -> None:
        """Return when this request may begin."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # nothing of an earlier loop will go on
            self._loop, self._is_taken = loop, False
            self._waiting.clear()
        if not self._is_taken:
            self._is_taken = True
            loop.call_soon(self._begin_next, loop)
            return
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append(future)
        await future

    def _begin_next(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():  # else its client has gone
                future.set_result(None)
                loop.call_soon(self._begin_next, loop)
                return
        self._is_taken = False


def _log_request(scope: Scope, status: int, seconds: float) -> None:
    log.info("%s %s %d %.1f ms", scope["method"], quote(scope["path"]), status, seconds * 1000)


class _Exchange:
    """One request and its answer on their way through.

    A body is read to its end before anything is written, so a slow client keeps nobody waiting.
    """

    __slots__ = (
        "_headers",
        "_is_complete",
        "_limit",
        "_patience",
        "_receive",
        "_send",
        "_size",
        "status",
    )

    def __init__(
        self,
        receive: Receive,
        send: Send,
        limit: int,
        patience: float,
        headers: tuple[tuple[bytes, bytes], ...],
    ) -> None:
        self.status = 500  # until there is an answer
        self._receive = receive
        self._send = send
        self._limit = limit
        self._patience = patience
        self._headers = headers
        self._size = 0
        self._is_complete = False

    async def receive(self) -> Message:
        """The next piece of the body; afterwards, only the news that the client has gone.

        Raises `TooLarge` beyond the limit, and `TimedOut`.
        """
        if self._is_complete:
            return await self._receive()
        try:
            async with asyncio.timeout(self._patience):
                message = await self._receive()
        except TimeoutError:
            detail = f"Nothing more of the body came for {self._patience:g} seconds."
            raise TimedOut(detail, {"Connection": "close"}) from None
        self._size += len(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)
        if self._size > self._limit:
            raise _describe_too_large(self._limit)
        return message

    async def send(self, message: Message) -> None:
        """Pass on a piece of the answer; headers that it has already are left as they are."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            names = {name for name, _ in message["headers"]}
            message["headers"] += [pair for pair in self._headers if pair[0] not in names]
        await self._send(message)


def _describe_too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is over the limit of {limit} bytes.")


class _Head(NamedTuple):
    """What a request is let through by."""

    host: bytes = b""
    authorization: bytes = b""
    length: int = 0  # of the body, in bytes; 0 when it is not declared


def _read_head(scope: Scope) -> _Head:
    """Read all of it in one pass; where a header stands twice, the first counts."""
    values = dict(reversed(scope["headers"]))
    length = values.get(b"content-length", b"")
    return _Head(
        values.get(b"host", b""),
        values.get(b"authorization", b""),
        int(length[:_LONGEST_LENGTH]) if length.isdigit() else 0,
    )


def _is_known(host: bytes, known: Collection[str]) -> bool:
    if not known:
        return True
    name = read_host(host.decode("latin-1"))
    return name in known or (ANY_ADDRESS in known and is_address(name))


def is_api(path: str) -> bool:
    """Whether an address is one that programs call; the others are for people."""
    return path.startswith(("/api/", "/assets/")) or path in _PROBED


def read_host(value: str) -> str:
    """Return the name in a Host header, without its port, in small letters; "" for an odd one."""
    try:
        return urlsplit(f"//{value}").hostname or ""
    except ValueError:
        return ""
