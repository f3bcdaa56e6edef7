"""One HTTP exchange with the console, in the way the console says it likes them."""

import gzip
from http import HTTPStatus
from typing import TYPE_CHECKING

from chaoscloud.api.answers import (
    address_of,
    execution_of,
    id_of,
    is_from_console,
    refusal_of,
    was_stored,
)
from chaoscloud.api.calls import attempt
from chaoscloud.delivery.requests import BATCH, QueuedRequest
from chaoscloud.delivery.retry import NoReply, Outcome, Reply

if TYPE_CHECKING:
    from requests import Response

    from chaoscloud.api._http import ConsoleSession

__all__ = ["Transport"]

WORTH_COMPRESSING = 1024  # bytes
LARGE = 1024 * 1024  # bytes, of which the best compression takes seconds


class Transport:
    """One session with the console, used by one thread.

    `batches` and `compresses` are what the console has advertised.
    """

    def __init__(self, session: "ConsoleSession") -> None:
        self._session = session
        self.batches = False
        self.compresses = False
        self.was_compressed = False

    def send(self, request: QueuedRequest) -> Outcome:
        """Send a request; its outcome."""
        body, headers = request.body, {"Content-Type": request.content_type}
        if request.key is not None:
            headers["Idempotency-Key"] = request.key
        self.was_compressed = self.compresses and len(body) > WORTH_COMPRESSING
        if self.was_compressed:
            body = gzip.compress(body, 1 if len(body) > LARGE else 6, mtime=0)
            headers["Content-Encoding"] = "gzip"
        response = attempt(self._session, request.method, request.url, body, headers)
        return (
            NoReply(response) if isinstance(response, str) else self._read_reply(request, response)
        )

    def ask(self, url: str) -> Outcome:
        """Ask for a resource; the outcome tells whether it is there."""
        response = attempt(self._session, "GET", url)
        if isinstance(response, str):
            return NoReply(response)
        return Reply(
            response.status_code, refusal_of(response), from_console=is_from_console(response)
        )

    def _read_reply(self, request: QueuedRequest, response: "Response") -> Reply:
        self._learn(response)
        from_console = is_from_console(response)
        identifier = None
        if was_stored(response) and request.id_name is not None:
            identifier = id_of(response) or request.known_id
            from_console = from_console and identifier is not None
        # A proxy that finds a body too large says so on a page of its own, and means it.
        trusted = from_console or response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        reason = refusal_of(response) if trusted else "what answers is not a console"
        return Reply(
            response.status_code,
            reason,
            response.headers.get("Retry-After"),
            from_console,
            identifier,
            address_of(response),
            execution_of(response) if was_stored(response) else None,
        )

    def _learn(self, response: "Response") -> None:
        """What the console says of itself (RFC 7694, and `Accept-Post` of LDP)."""
        if BATCH in response.headers.get("Accept-Post", ""):
            self.batches = True
        if response.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
            self.compresses = False
        elif "gzip" in response.headers.get("Accept-Encoding", ""):
            self.compresses = True
