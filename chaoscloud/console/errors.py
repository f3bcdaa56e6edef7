"""What the console answers when it cannot do what was asked: problem details (RFC 9457).

Problem
├── BadRequest      400  the request cannot be understood
├── Unauthorized    401  the token is missing, unknown, expired or revoked
├── Forbidden       403  we know who asks, and they may not (only where hiding helps nobody)
├── NotFound        404  there is no such thing, or it is not for the caller to see
├── TimedOut        408  the request did not arrive in time
├── Conflict        409  as things are it cannot be done: a name is taken, a document is not whole
├── Gone            410  it was there, and retention has removed it
├── TooLarge        413  the body is over the limit
├── Misdirected     421  the request names a host that this console is not known by
├── Unprocessable   422  understood, but it does not say what it must
├── TooManyRequests 429  asked more often than is allowed; `Retry-After` says when to come back
├── Busy            503  too many writes are waiting; ask again in a second
└── InsufficientStorage  507  there is no room on the console's disk

Anything else that escapes is a fault of the console: it is logged with its traceback, and the
answer says only that there was one.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer other than success; raise it anywhere below a request.

    `extra` holds further members of the answer; `headers` go with it.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or title)
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


class _StatusProblem(Problem):
    """A problem whose status and title are settled; only the detail is left to say."""

    known: ClassVar[tuple[int, str]]

    def __init__(
        self,
        detail: str = "",
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(*self.known, detail, headers, extra)


class BadRequest(_StatusProblem):
    """The request cannot be understood."""

    known = (400, "Bad Request")


class Unauthorized(_StatusProblem):
    """The token is missing, unknown, expired or revoked."""

    known = (401, "Unauthorized")

    def __init__(self, detail: str = "The token is missing, or is not accepted.") -> None:
        super().__init__(detail, {"WWW-Authenticate": "Bearer"})


class Forbidden(_StatusProblem):
    """We know who asks, and they may not."""

    known = (403, "Forbidden")


class NotFound(_StatusProblem):
    """There is no such thing, or it is not for the caller to see."""

    known = (404, "Not Found")


class TimedOut(_StatusProblem):
    """The request did not arrive in time."""

    known = (408, "Request Timeout")


class Conflict(_StatusProblem):
    """As things are it cannot be done: a name is taken, or a document is not whole."""

    known = (409, "Conflict")


class Gone(_StatusProblem):
    """It was there, and retention has removed it."""

    known = (410, "Gone")


class TooLarge(_StatusProblem):
    """The body is over the limit."""

    known = (413, "Content Too Large")


class Misdirected(_StatusProblem):
    """The request names a host that this console is not known by."""

    known = (421, "Misdirected Request")


class Unprocessable(_StatusProblem):
    """The request is understood, but it does not say what it must."""

    known = (422, "Unprocessable Content")


class TooManyRequests(_StatusProblem):
    """Asked more often than is allowed; `seconds` until the next try goes with it."""

    known = (429, "Too Many Requests")

    def __init__(self, detail: str, seconds: int) -> None:
        super().__init__(detail, {"Retry-After": str(seconds)})


class Busy(_StatusProblem):
    """Too many writes are waiting."""

    known = (503, "Service Unavailable")

    def __init__(self, detail: str = "The console is busy; ask again in a second.") -> None:
        super().__init__(detail, {"Retry-After": "1"})


class InsufficientStorage(_StatusProblem):
    """There is no room on the console's disk (RFC 4918)."""

    known = (507, "Insufficient Storage")

    def __init__(self, detail: str) -> None:
        super().__init__(detail, {"Retry-After": "60"})


def render_problem(problem: Problem, instance: str) -> Response:
    """The problem as RFC 9457 has it; `instance` is the path that was asked."""
    members = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        **problem.extra,
    }
    return Response(
        msgspec.json.encode(members), problem.status, problem.headers, media_type=MEDIA_TYPE
    )


def for_request(problem: Problem, request: Request) -> Response:
    """The same, for the request that met it."""
    return render_problem(problem, request.url.path)
