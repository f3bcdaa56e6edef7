"""Whether a run may go on: at once, or as soon as the decision changes.

A run is asked about by its execution; one that the console has not recorded (its document was
refused, or waits to be sent) by its tags. A client that sends `Prefer: wait=25` (RFC 7240) with the
`If-None-Match` of the decision it knows is held until there is another decision, or the time is
over: then nothing has changed, and 304 says so.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Set

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._answers import document
from chaoscloud.console.api._team_request import now_of
from chaoscloud.console.api.access_cache import AccessCache
from chaoscloud.console.db.changes import Revisions
from chaoscloud.console.errors import BadRequest
from chaoscloud.console.metrics import DECISION_DURATION, DECISION_ERRORS
from chaoscloud.console.rules.safeguards import Run
from chaoscloud.console.watch import Answer, Place, Watch
from chaoscloud.console.watch.answers import ALLOWED_TAGS

LONGEST_WAIT = 60  # seconds
MOST_TAGS = 1_000  # of a run that is not recorded

_WAIT = re.compile(r'(?:^|,)\s*wait\s*=\s*"?(\d{1,6})"?\s*(?=[,;]|$)', re.IGNORECASE)
_ENTITY_TAG = re.compile(r'"[^"]*"')

_DURATIONS = {
    True: DECISION_DURATION.labels("allowed"),
    False: DECISION_DURATION.labels("denied"),
}

FindPlace = Callable[[Revisions], Awaitable[Place]]


async def decide_for_execution(request: Request) -> Response:
    """The safeguards' decision about a run; `Prefer: wait=N` waits for another one."""
    return await _decide(request, lambda revisions: _place_in_path(request, revisions))


async def decide_for_unrecorded_run(request: Request) -> Response:
    """The decision about a run that the console has not recorded, by the tags it carries."""
    tags = tuple(request.query_params.getlist("tag"))
    if len(tags) > MOST_TAGS:
        raise BadRequest(f"A run may be asked about with at most {MOST_TAGS} tags.")
    admitted = not ALLOWED_TAGS.isdisjoint(_known_tags(request.headers))
    run = Run(None, tags, admitted)

    async def find_place(revisions: Revisions) -> Place:
        return msgspec.structs.replace(await _place_in_path(request, revisions), run=run)

    return await _decide(request, find_place)


async def _place_in_path(request: Request, revisions: Revisions) -> Place:
    cache: AccessCache = request.app.state.access_cache
    return await cache.find_place(request, revisions.access)


async def _decide(request: Request, find_place: FindPlace) -> Response:
    watch: Watch = request.app.state.watch
    revisions = await watch.revisions()
    place = await find_place(revisions)
    answer = await _answer(watch, place, revisions)
    seconds, known = _seconds_to_wait(request.headers), _known_tags(request.headers)
    if not seconds or answer.etag in known:  # it is answered without a wait, or knows already
        watch.note_acknowledgement(place, answer)
    if seconds and answer.etag in known:
        longest = min(seconds, _lifetime(request, place))
        answer = await _wait_for_another(request, watch, place, answer, longest)
        revisions_now = await watch.revisions()
        if revisions_now.access != revisions.access or _lifetime(request, place) == 0:
            # Who may not see the run any more hears nothing new. For everybody else the database
            # is not asked: a stop wakes all questions at once, and each would wait for the others.
            await find_place(revisions_now)
    headers = _headers(answer, seconds, request.app.state.stopping.is_set())
    if answer.etag in known:
        return Response(None, 304, headers)
    return document(answer.body, headers=headers)


async def _answer(watch: Watch, place: Place, revisions: Revisions) -> Answer:
    """The decision right now; its duration is counted, or that there is none."""
    started_at = time.perf_counter()
    try:
        answer = await watch.answer(place, revisions)
    except Exception:
        DECISION_ERRORS.inc()
        raise
    _DURATIONS[answer.decision.allowed].observe(time.perf_counter() - started_at)
    return answer


async def _wait_for_another(
    request: Request, watch: Watch, place: Place, answer: Answer, seconds: float
) -> Answer:
    """Another answer, or the same; sooner when nobody is there any more to hear it."""
    waiting = asyncio.create_task(watch.wait_for_another(place, answer, seconds))
    leaving = asyncio.create_task(_wait_for_disconnect(request))
    try:
        await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else answer
    finally:
        waiting.cancel()
        leaving.cancel()


def _lifetime(request: Request, place: Place) -> float:
    """The seconds for which the token is still good."""
    if place.token_expires_at is None:
        return float(LONGEST_WAIT)
    return max(0.0, (place.token_expires_at - now_of(request)).total_seconds())


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _seconds_to_wait(headers: Headers) -> int:
    """How long the client would wait; 0 for an answer at once."""
    match = _WAIT.search(",".join(headers.getlist("prefer")))
    return min(int(match[1]), LONGEST_WAIT) if match else 0


def _known_tags(headers: Headers) -> Set[str]:
    """The entity tags of the answers that the client knows."""
    return set(_ENTITY_TAG.findall(",".join(headers.getlist("if-none-match"))))


def _headers(answer: Answer, seconds: int, stopping: bool) -> dict[str, str]:
    headers = {"ETag": answer.etag, "Cache-Control": "no-store", "Vary": "Prefer"}
    if seconds:
        headers["Preference-Applied"] = f"wait={seconds}"
    if stopping:
        headers["Connection"] = "close"
    return headers
