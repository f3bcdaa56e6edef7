"""What surrounds every request: a line in the log, limits on what is sent, a few headers."""

import asyncio
import logging
import time
from collections.abc import Collection
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chaoscloud.console.bodies import BodyRoom, Lease
from chaoscloud.console.errors import Misdirected, Problem, TimedOut, TooLarge, render_problem
from chaoscloud.console.rates import RateLimiter, identify_token
from chaoscloud.console.rules.addresses import is_address

log = logging.getLogger("chaosiq.console")

PATIENCE = 30.0  # seconds between two pieces of a body
LEASE = "chaosiq.lease"  # where in the scope the request's body finds its room
HSTS = (b"strict-transport-security", b"max-age=31536000")  # a year, RFC 6797
ANY_ADDRESS = "*address*"  # among known hosts: any IP address

_PROBED = ("/healthz", "/metrics")  # asked by orchestrators, by whatever address they know


class RequestLog:
    """One line for each request: method, path, status, milliseconds. No headers, no query."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, start = 500, time.perf_counter()

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, note_status)
        finally:
            milliseconds = (time.perf_counter() - start) * 1000
            path = quote(scope["path"])
            log.info("%s %s %d %.1f ms", scope["method"], path, status, milliseconds)


class BodyLimit:
    """Bodies no longer than the limit, declared or not, no slower than `patience`, in `room`.

    A body is read to its end before anything is written, so a slow client keeps nobody waiting.
    The memory it takes is given back once the request has been answered.
    """

    def __init__(self, app: ASGIApp, room: BodyRoom, patience: float = PATIENCE) -> None:
        self.app = app
        self.room = room
        self.patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _declared_length(scope) > self.room.limit:
            await render_problem(self._too_large(), scope["path"])(scope, receive, send)
            return
        scope[LEASE] = lease = Lease(self.room)
        try:
            await self.app(scope, self._limit(receive), send)
        finally:
            lease.release()

    def _limit(self, receive: Receive) -> Receive:
        size, complete = 0, False

        async def receive_within_limit() -> Message:
            nonlocal size, complete
            if complete:  # what comes now is only the news that the client has gone
                return await receive()
            message = await self._receive_in_time(receive)
            size += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if size > self.room.limit:
                raise self._too_large()
            return message

        return receive_within_limit

    async def _receive_in_time(self, receive: Receive) -> Message:
        try:
            return await asyncio.wait_for(receive(), self.patience)
        except TimeoutError:
            detail = f"Nothing more of the body came for {self.patience:g} seconds."
            raise TimedOut(detail, {"Connection": "close"}) from None

    def _too_large(self) -> Problem:
        return TooLarge(f"The body is over the limit of {self.room.limit} bytes.")


class KnownHosts:
    """Requests by a name that this console is known by; 421 for any other (RFC 9110, 15.5.20).

    Answers carry addresses made of the name that was asked by: one that somebody else chose would
    lead to somebody else. No hosts: nothing is checked.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self.app = app
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] == "http" and not self._is_known(scope):
            problem = Misdirected(
                "This console is not known by that name. Its operator tells it its names with "
                "--public-url or CHAOSIQ_CONSOLE_HOSTS."
            )
            await render_problem(problem, scope["path"])(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        if not self.hosts or scope["path"] in _PROBED:
            return True
        name = read_host(Headers(scope=scope).get("host", ""))
        return name in self.hosts or (ANY_ADDRESS in self.hosts and is_address(name))


class ApiRate:
    """No more requests of one token than the limiter lets pass; 429 beyond."""

    def __init__(self, app: ASGIApp, limiter: RateLimiter) -> None:
        self.app = app
        self.limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] == "http" and scope["path"].startswith("/api/"):
            authorization = Headers(scope=scope).get("authorization")
            try:
                if authorization:
                    self.limiter.count("api", identify_token(authorization))
            except Problem as problem:
                await render_problem(problem, scope["path"])(scope, receive, send)
                return
        await self.app(scope, receive, send)


class ApiHeaders:
    """What every answer of the API says: gzip is understood (RFC 7694), nothing is to be kept.

    `secure`: the console is reached by https, which browsers are to remember.
    """

    HEADERS = (
        (b"accept-encoding", b"gzip"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    )

    def __init__(self, app: ASGIApp, secure: bool = False) -> None:
        self.app = app
        self.always = (HSTS,) if secure else ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = self.always + (self.HEADERS if is_api(scope["path"]) else ())

        async def add_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in message["headers"]}
                message["headers"] += [pair for pair in headers if pair[0] not in names]
            await send(message)

        await self.app(scope, receive, add_headers if headers else send)


def is_api(path: str) -> bool:
    """Whether an address is one that programs call; the others are for people."""
    return path.startswith(("/api/", "/assets/")) or path in _PROBED


def read_host(value: str) -> str:
    """Return the name in a Host header, without its port, in small letters; "" for an odd one."""
    try:
        return urlsplit(f"//{value}").hostname or ""
    except ValueError:
        return ""


def _declared_length(scope: Scope) -> int:
    value = Headers(scope=scope).get("content-length", "")
    if not (value.isascii() and value.isdigit()):
        return 0
    return int(value[:20])  # longer ones are over any limit, too
