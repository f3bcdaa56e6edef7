"""What surrounds every request: a line in the log, a bound on its body, a few headers."""

import asyncio
import logging
import time
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chaoscloud.console.errors import Problem, TimedOut, TooLarge, rendered

log = logging.getLogger("chaosiq.console")

PATIENCE = 30.0  # seconds between two pieces of a body


class Logged:
    """One line for each request: method, path, status, milliseconds. No headers, no query."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, began = 500, time.perf_counter()

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, sent)
        finally:
            took = (time.perf_counter() - began) * 1000
            log.info("%s %s %d %.1f ms", scope["method"], quote(scope["path"]), status, took)


class Bounded:
    """Bodies no longer than `limit` bytes, declared or not, and no slower than `patience`.

    A body is read to its end before anything is written, so a slow client keeps nobody waiting.
    """

    def __init__(self, app: ASGIApp, limit: int, patience: float = PATIENCE) -> None:
        self.app = app
        self.limit = limit
        self.patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _declared(scope) > self.limit:
            await rendered(self._too_large(), scope["path"])(scope, receive, send)
            return
        await self.app(scope, self._bounded(receive), send)

    def _bounded(self, receive: Receive) -> Receive:
        got, complete = 0, False

        async def received() -> Message:
            nonlocal got, complete
            if complete:  # what comes now is only the news that the client has gone
                return await receive()
            message = await self._in_time(receive)
            got += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if got > self.limit:
                raise self._too_large()
            return message

        return received

    async def _in_time(self, receive: Receive) -> Message:
        try:
            return await asyncio.wait_for(receive(), self.patience)
        except TimeoutError:
            said = f"Nothing more of the body came for {self.patience:g} seconds."
            raise TimedOut(said, {"Connection": "close"}) from None

    def _too_large(self) -> Problem:
        return TooLarge(f"The body is over the limit of {self.limit} bytes.")


class ApiHeaders:
    """What every answer of the API says: gzip is understood (RFC 7694), nothing is to be kept."""

    SAID = (
        (b"accept-encoding", b"gzip"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    )

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http" or not is_api(scope["path"]):
            await self.app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = {name for name, _ in message["headers"]}
                message["headers"] += [each for each in self.SAID if each[0] not in said]
            await send(message)

        await self.app(scope, receive, sent)


def is_api(path: str) -> bool:
    """Whether an address is one that programs call; the others are for people."""
    return path.startswith(("/api/", "/assets/")) or path == "/healthz"


def _declared(scope: Scope) -> int:
    said = Headers(scope=scope).get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() else 0
