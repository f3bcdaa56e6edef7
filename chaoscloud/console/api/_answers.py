"""How answers look: JSON, addresses in `Content-Location`, lists a page at a time."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec
from starlette.datastructures import URL, QueryParams
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._team_request import origin_of
from chaoscloud.console.errors import BadRequest
from chaoscloud.console.records._rows import Cursor

T = TypeVar("T")

MOST = 200  # items on one page of a list
USUAL = 50


class Made(msgspec.Struct, frozen=True):
    """The id of what is kept."""

    id: str


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A piece of a list; `next` goes into `?cursor=` for the piece after it, null at the end."""

    items: Sequence[T]
    next: str | None


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with this value as its body."""
    return document(msgspec.json.encode(value), status, headers)


def document(raw: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with JSON that is kept as bytes."""
    return Response(raw, status, headers, media_type="application/json")


def nothing(headers: Mapping[str, str] | None = None) -> Response:
    """Done, and nothing to say about it."""
    return Response(None, 204, headers)


def at(address: str) -> dict[str, str]:
    """The header that says where the thing is."""
    return {"Content-Location": address}


def page(request: Request, items: Sequence[T], limit: int, mark: Callable[[T], str]) -> Response:
    """A piece of a list; a full one may be followed by another."""
    following = mark(items[-1]) if len(items) == limit else None
    headers = {}
    if following:
        here = URL(origin_of(request) + quote(request.url.path)).replace(query=request.url.query)
        url = here.include_query_params(cursor=following)
        headers["Link"] = f'<{url}>; rel="next"'
    return json(Page(items, following), headers=headers)


def limit_of(query: QueryParams) -> int:
    """How many items are asked for. Raises `BadRequest`."""
    return number_of(query, "limit", USUAL, least=1, most=MOST)


def number_of(
    query: QueryParams, name: str, usual: int, *, least: int = 0, most: int = 2**63 - 1
) -> int:
    """A whole number of the query. Raises `BadRequest`."""
    text = query.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
        raise BadRequest(f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def cursor(mark: Cursor) -> str:
    """A mark as it stands in addresses."""
    return base64.urlsafe_b64encode(msgspec.json.encode(mark)).decode().rstrip("=")


def mark_of(query: QueryParams) -> Cursor | None:
    """Where the piece that is asked for begins. Raises `BadRequest`."""
    text = query.get("cursor")
    if not text:
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        mark = msgspec.json.decode(raw, type=Cursor)
    except (binascii.Error, ValueError):
        raise BadRequest("The cursor is not one that this console gave.") from None
    if mark.at.tzinfo is None or "\0" in mark.id:
        raise BadRequest("The cursor is not one that this console gave.")
    return mark
