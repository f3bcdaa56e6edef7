"""What goes on as a stream of server-sent events: each `page` is a page's matter anew.

The connection ends by itself when the run is over, when whoever looks may not look any more, or
when the console stops; browsers come back by themselves where there is more to come.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from chaoscloud.console.errors import NotFound, Problem
from chaoscloud.console.pages._execution import shown
from chaoscloud.console.pages._visit import Visit, of_team, of_team_again
from chaoscloud.console.pages.executions import sheet, tell
from chaoscloud.console.records import execution_views
from chaoscloud.console.records.execution_views import ExecutionMarker

LOOK_EVERY = 1.0  # seconds between two looks at the record
REDRAW_EVERY = timedelta(seconds=5)  # a bar grows although nothing was told
LONGEST = timedelta(minutes=10)  # then the browser comes back on a new connection


class Followed(msgspec.Struct, frozen=True):
    """A page that changes while one looks: what is asked about it, each time for a fresh visit.

    `pulse` is equal to the last one as long as there is no news; it raises `Problem` when whoever
    looks may not look any more. `goes_on` tells from it whether there is more to come.
    """

    pulse: Callable[[Visit], Awaitable[Any]]
    goes_on: Callable[[Any], bool]
    piece: Callable[[Visit], Awaitable[Mapping[str, str]]]


@of_team
async def stream(visit: Visit) -> Response:
    """The event stream of the execution that the address names."""
    await visit.db.reading(sheet, visit)  # not there, or not theirs: a plain 404
    return following(visit, EXECUTION)


def following(visit: Visit, what: Followed) -> Response:
    """The event stream of a page."""
    return StreamingResponse(
        _events(visit, what),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(visit: Visit, what: Followed) -> AsyncIterator[bytes]:
    ends, seen, drawn = visit.now + LONGEST, None, visit.now
    yield b"retry: 2000\n\n"
    stopping: asyncio.Event = visit.request.app.state.stopping
    while visit.now < ends and not stopping.is_set():
        try:
            pulse = await what.pulse(await of_team_again(visit.request))
        except Problem:
            break  # signed out, or off the team, since
        if pulse != seen or visit.now - drawn >= REDRAW_EVERY:
            seen, drawn = pulse, visit.now
            yield await _page(visit, what)
        if not what.goes_on(pulse):
            break
        await nap(stopping, LOOK_EVERY)
    else:
        return
    yield _event("over", {})


async def nap(stopping: asyncio.Event, seconds: float) -> None:
    """Wait a while, or until the console is asked to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)


async def _page(visit: Visit, what: Followed) -> bytes:
    """The page's matter, with the safeguards' state, as it is right now."""
    fresh = await of_team_again(visit.request)
    piece = await what.piece(fresh)
    bar = await run_in_threadpool(fresh.html, "_safeguards_bar.html", tab="")
    return _event("page", {**piece, "bar": bar})


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))


# --- an execution ------------------------------------------------------------------------------


async def _pulse(visit: Visit) -> ExecutionMarker:
    found = await visit.db.reading(
        execution_views.find_marker, visit.scope.team_id, visit.named("id")
    )
    if found is None:
        raise NotFound
    return found


async def _piece(visit: Visit) -> Mapping[str, str]:
    folio = await visit.db.reading(tell, visit)
    values = shown(folio, visit.request.query_params) | {"wrong": "", "reason": ""}
    html = await run_in_threadpool(visit.html, "_execution.html", **values)
    return {"html": html, "title": f"{folio.look.word}: {folio.story.title}"}


EXECUTION = Followed(_pulse, lambda pulse: pulse.status == "running", _piece)
