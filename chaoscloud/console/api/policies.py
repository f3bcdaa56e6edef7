"""Whether a run may go on: at once, or as soon as the answer changes.

A client that sends `Prefer: wait=25` (RFC 7240) with the `If-None-Match` of what it knows is held
until there is another answer, or the time is over: then nothing has changed, and 304 says so.
"""

import asyncio
import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._answers import document
from chaoscloud.console.api.ground import Grounds
from chaoscloud.console.watch import Answer, Place, Watch

LONGEST = 60  # seconds

_WAIT = re.compile(r'(?:^|,)\s*wait\s*=\s*"?(\d{1,6})"?\s*(?=[,;]|$)', re.IGNORECASE)
_TAG = re.compile(r'"[^"]*"')


async def verdict_for(request: Request) -> Response:
    """What the safeguards say about a run; `Prefer: wait=N` waits for them to say otherwise."""
    watch: Watch = request.app.state.watch
    grounds: Grounds = request.app.state.grounds
    place = await grounds.of(request, watch)
    answer = await watch.answer(place)
    seconds, seen = _wait(request.headers), _seen(request.headers)
    if seconds and answer.etag in seen:
        answer = await _held(request, watch, place, answer, seconds)
        await grounds.of(request, watch)  # who may not see the run any more hears nothing new
    headers = _headers(answer, seconds, request.app.state.stopping.is_set())
    if answer.etag in seen:
        return Response(None, 304, headers)
    return document(answer.body, headers=headers)


async def _held(
    request: Request, watch: Watch, place: Place, seen: Answer, seconds: float
) -> Answer:
    """Another answer, or the same; sooner when nobody is there any more to hear it."""
    waiting = asyncio.create_task(watch.another(place, seen, seconds))
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else seen
    finally:
        waiting.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _wait(headers: Headers) -> int:
    """The seconds that are worth waiting for; 0 for an answer at once."""
    found = _WAIT.search(",".join(headers.getlist("prefer")))
    return min(int(found[1]), LONGEST) if found else 0


def _seen(headers: Headers) -> Collection[str]:
    return set(_TAG.findall(",".join(headers.getlist("if-none-match"))))


def _headers(answer: Answer, seconds: int, stopping: bool) -> dict[str, str]:
    headers = {"ETag": answer.etag, "Cache-Control": "no-store", "Vary": "Prefer"}
    if seconds:
        headers["Preference-Applied"] = f"wait={seconds}"
    if stopping:
        headers["Connection"] = "close"
    return headers
