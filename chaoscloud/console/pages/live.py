"""What goes on as a stream of server-sent events: each `page` is a page's content anew.

Every second there is an event, `alive` when nothing else has changed, so that a page notices when
the console is away. The stream ends with `over` when there is no more to come, and with `ended`
when whoever looks is signed out or may not look any more. When the console stops, or after
`LONGEST`, it just ends, and browsers come back by themselves.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any, Literal

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from chaoscloud.console import auth
from chaoscloud.console.errors import NotFound, Problem, Unauthorized
from chaoscloud.console.pages._execution import template_values
from chaoscloud.console.pages._visit import Page, Visit, of_team, of_team_again
from chaoscloud.console.pages.executions import find_record, load_page
from chaoscloud.console.pages.security import secure
from chaoscloud.console.records import execution_views
from chaoscloud.console.records.execution_views import ExecutionMarker

LOOK_EVERY = 1.0  # seconds between two looks at the record, and between two events
REDRAW_EVERY = timedelta(seconds=5)  # a bar grows although nothing was recorded
LONGEST = timedelta(minutes=10)  # then the browser comes back on a new connection
MEDIA_TYPE = "text/event-stream"


class Followed(msgspec.Struct, frozen=True):
    """A page that changes while one looks: what is asked about it, each time for a fresh visit.

    `pulse` is equal to the last one as long as there is no news; it raises `Problem` when whoever
    looks may not look any more. `goes_on` tells from it whether there is more to come.
    """

    pulse: Callable[[Visit], Awaitable[Any]]
    goes_on: Callable[[Any], bool]
    piece: Callable[[Visit], Awaitable[Mapping[str, str]]]
    redraw_every: timedelta = REDRAW_EVERY


def live_page(handler: Callable[[Visit], Awaitable[Response]]) -> Page:
    """An event stream of the team its address names.

    A browser that follows a page cannot be sent to sign in, and is told nothing of a status: it
    gets a stream that says why there is none.
    """
    of_members = of_team(handler)

    @wraps(handler)
    async def answer(request: Request) -> Response:
        if MEDIA_TYPE not in request.headers.get("accept", ""):
            return await of_members(request)
        if await auth.session_caller(request) is None:
            return secure(_stream(_end("signed-out")))
        try:
            return await of_members(request)
        except NotFound:
            return secure(_stream(_end("gone")))

    return answer


@live_page
async def stream(visit: Visit) -> Response:
    """The event stream of the execution that the address names."""
    await visit.db.reading(find_record, visit)  # not there, or not theirs: a plain 404
    return following(visit, EXECUTION)


def following(visit: Visit, what: Followed) -> Response:
    """The event stream of a page."""
    return _stream(_events(visit, what))


def _stream(events: AsyncIterator[bytes]) -> Response:
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type=MEDIA_TYPE, headers=headers)


async def _end(reason: Literal["signed-out", "gone"]) -> AsyncIterator[bytes]:
    yield _event("ended", {"reason": reason})


async def _events(visit: Visit, what: Followed) -> AsyncIterator[bytes]:
    ends, last_pulse, drawn_at = visit.now + LONGEST, None, visit.now
    yield b"retry: 2000\n\n"
    stopping: asyncio.Event = visit.request.app.state.stopping
    while visit.now < ends and not stopping.is_set():
        try:
            fresh = await of_team_again(visit.request)
            pulse = await what.pulse(fresh)
            if (pulse, fresh.bar) != last_pulse or visit.now - drawn_at >= what.redraw_every:
                last_pulse, drawn_at = (pulse, fresh.bar), visit.now
                yield await _page(fresh, what)
            else:
                yield _event("alive", {})
        except Problem as problem:
            signed_out = isinstance(problem, Unauthorized)
            yield _event("ended", {"reason": "signed-out" if signed_out else "gone"})
            return
        if not what.goes_on(pulse):
            yield _event("over", {})
            return
        await nap(stopping, LOOK_EVERY)


async def nap(stopping: asyncio.Event, seconds: float) -> None:
    """Wait a while, or until the console is asked to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)


async def _page(visit: Visit, what: Followed) -> bytes:
    """The page's matter, with the safeguards' state, as it is right now."""
    piece = await what.piece(visit)
    tab = visit.request.query_params.get("tab", "")
    bar = await run_in_threadpool(visit.html, "_safeguards_bar.html", tab=tab)
    return _event("page", {**piece, "bar": bar})


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))


# --- an execution ------------------------------------------------------------------------------


async def _pulse(visit: Visit) -> ExecutionMarker:
    marker = await visit.db.reading(
        execution_views.find_marker, visit.scope.team_id, visit.parameter("id")
    )
    if marker is None:
        raise NotFound
    return marker


async def _piece(visit: Visit) -> Mapping[str, str]:
    page = await visit.db.reading(load_page, visit)
    values = template_values(page, visit.request.query_params)
    html = await run_in_threadpool(visit.html, "_execution.html", **values)
    return {"html": html, "title": f"{page.look.word}: {page.story.title}"}


EXECUTION = Followed(_pulse, lambda pulse: pulse.status == "running", _piece)


# --- the safeguards' bar, on every other page --------------------------------------------------


async def _no_pulse(visit: Visit) -> None:
    """The bar is compared in any case."""


async def _no_piece(visit: Visit) -> Mapping[str, str]:
    return {}


BAR = Followed(_no_pulse, lambda pulse: True, _no_piece, redraw_every=LONGEST)


@live_page
async def bar_stream(visit: Visit) -> Response:
    """The event stream of the bar alone; `?tab=` says on which page it stands."""
    return following(visit, BAR)
