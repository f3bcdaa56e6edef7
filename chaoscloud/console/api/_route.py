"""One route of the API: where it is, what does it, what it takes and what it answers."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from chaoscloud.console.api._parameters import PATH, QUERY

JSON = "application/json"

Endpoint = Callable[[Request], Awaitable[Response]]


class Text(msgspec.Struct):
    """An answer that is plain text."""


class Table(msgspec.Struct):
    """An answer that is a table of comma-separated values."""


class Lines(msgspec.Struct):
    """An answer that is a JSON document a line."""


class Html(msgspec.Struct):
    """An answer that is one HTML file."""


class Picture(msgspec.Struct):
    """An answer that is a drawing."""


# The media types of answers that are no JSON.
PLAIN: Mapping[Any, str] = {
    Text: "text/plain",
    Table: "text/csv",
    Lines: "application/x-ndjson",
    Html: "text/html",
    Picture: "image/svg+xml",
}


class ApiRoute(Route):
    """A route that `/api/openapi.json` describes.

    `answers` is the type of the usual answer (None: it has no body), or a mapping of statuses to
    types; `takes` is the type of a JSON body, or a mapping of media types to types. A tuple is one
    of several types. `query` names parameters of the query; `refuses` are statuses beyond the usual
    ones. `public` is for whoever has no token; `repeatable` honours `Idempotency-Key`, `waits`
    honours `Prefer: wait`. `identifies` is the parameter of other routes that the answer's id is,
    where that cannot be seen from the path (see `_links.py`).

    What stands in `path` and `query` must be described in `_parameters.py`: `ValueError` otherwise,
    when the table is imported.
    """

    def __init__(
        self,
        method: str,
        path: str,
        endpoint: Endpoint,
        answers: Any,
        *,
        takes: Any = None,
        query: tuple[str, ...] = (),
        refuses: tuple[int, ...] = (),
        public: bool = False,
        repeatable: bool = False,
        waits: bool = False,
        identifies: str | None = None,
    ) -> None:
        super().__init__(path, endpoint, methods=[method])
        # Starlette's own looks for handlers of exceptions once more than the application does.
        self.app = _call_endpoint(endpoint)
        if missing := {*self.param_convertors} - PATH.keys() | {*query} - QUERY.keys():
            raise ValueError(f"{path}: _parameters.py does not describe {', '.join(missing)}")
        self.method = method
        self.answers = _by_status(method, answers)
        self.takes = _by_media_type(takes)
        self.query = query
        self.refuses = refuses
        self.public = public
        self.repeatable = repeatable
        self.waits = waits
        self.identifies = identifies

    def __hash__(self) -> int:
        return hash((self.method, self.path))


def _call_endpoint(endpoint: Endpoint) -> ASGIApp:
    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    return call


def _by_status(method: str, answers: Any) -> Mapping[int, Any]:
    if isinstance(answers, Mapping):
        return answers
    if answers is None:
        return {204: None}
    return {201 if method == "POST" else 200: answers}


def _by_media_type(takes: Any) -> Mapping[str, Any]:
    if isinstance(takes, Mapping):
        return takes
    return {} if takes is None else {JSON: takes}


get = partial(ApiRoute, "GET")
head = partial(ApiRoute, "HEAD")
post = partial(ApiRoute, "POST")
put = partial(ApiRoute, "PUT")
patch = partial(ApiRoute, "PATCH")
delete = partial(ApiRoute, "DELETE")
