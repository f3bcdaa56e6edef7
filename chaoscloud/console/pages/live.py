"""A running execution as a stream of server-sent events: each `page` is the page's matter anew.

The connection ends by itself when the run is over, when whoever looks may not look any more, or
when the console stops; browsers come back by themselves where there is more to come.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from chaoscloud.console.errors import NotFound, Problem
from chaoscloud.console.pages._execution import shown
from chaoscloud.console.pages._visit import Visit, of_team, of_team_again
from chaoscloud.console.pages.executions import sheet, tell
from chaoscloud.console.records import browsing
from chaoscloud.console.records.browsing import Pulse

LOOK_EVERY = 1.0  # seconds between two looks at the record
REDRAW_EVERY = timedelta(seconds=5)  # a bar grows although nothing was told
LONGEST = timedelta(minutes=10)  # then the browser comes back on a new connection


@of_team
async def stream(visit: Visit) -> Response:
    """The event stream of the execution that the address names."""
    await visit.db.reading(sheet, visit)  # not there, or not theirs: a plain 404
    return StreamingResponse(
        _events(visit),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(visit: Visit) -> AsyncIterator[bytes]:
    ends, seen, drawn = visit.now + LONGEST, None, visit.now
    yield b"retry: 2000\n\n"
    stopping: asyncio.Event = visit.request.app.state.stopping
    while visit.now < ends and not stopping.is_set():
        try:
            pulse = await _pulse(visit)
        except Problem:
            break  # signed out, or off the team, since
        if pulse != seen or visit.now - drawn >= REDRAW_EVERY:
            seen, drawn = pulse, visit.now
            yield await _piece(visit)
        if pulse.status != "running":
            break
        await nap(stopping, LOOK_EVERY)
    else:
        return
    yield _event("over", {})


async def nap(stopping: asyncio.Event, seconds: float) -> None:
    """Wait a while, or until the console is asked to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)


async def _pulse(visit: Visit) -> Pulse:
    """What tells whether there is news, for somebody who still may know. Raises `Problem`."""
    team = (await of_team_again(visit.request)).scope
    found = await visit.db.reading(browsing.pulse, team.team_id, visit.named("id"))
    if found is None:
        raise NotFound
    return found


async def _piece(visit: Visit) -> bytes:
    """The page's matter, with the safeguards' state, as it is right now."""
    fresh = await of_team_again(visit.request)
    folio = await fresh.db.reading(tell, fresh)
    values = shown(folio, fresh.request.query_params)
    values |= {"wrong": "", "reason": ""}
    html = await run_in_threadpool(fresh.html, "_execution.html", **values)
    guard = await run_in_threadpool(fresh.html, "_guard.html", tab="Executions")
    title = f"{folio.look.word}: {folio.story.title}"
    return _event("page", {"html": html, "guard": guard, "title": title})


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))
