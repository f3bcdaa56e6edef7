"""Whose run a question is about, remembered from one question to the next.

A run asks the same again and again, hundreds of runs at once. Who asks and what they may see is
looked up once, and again when anything of it changes, the token ends, or a minute has passed.
"""

import hashlib
from datetime import datetime, timedelta

import msgspec
from starlette.requests import Request

from chaoscloud.console.api._asked import database_of, now_of, refuse_nul
from chaoscloud.console.auth import caller_of, team_for
from chaoscloud.console.errors import NotFound
from chaoscloud.console.records import safeguard_states
from chaoscloud.console.watch import Place, Watch

REMEMBERED = timedelta(minutes=1)
MOST = 10_000  # questions


class Ground(msgspec.Struct, frozen=True):
    """What a question is about, and until when that is known."""

    place: Place
    until: datetime


class Grounds:
    """Those of one console."""

    def __init__(self) -> None:
        self._known: dict[bytes, Ground] = {}
        self._access: int | None = None

    async def of(self, request: Request, watch: Watch) -> Place:
        """The run that the path names, for who may see it. Raises a `Problem` for who may not."""
        access, now, key = await watch.access(), now_of(request), _key(request)
        if access != self._access or len(self._known) > MOST:
            self._known, self._access = {}, access
        known, remembered = self._known, self._known.get(key)
        if remembered is None or now >= remembered.until:
            # Into the book of the access it was looked up under: a later one has its own.
            remembered = known[key] = await _looked_up(request, now)
        return remembered.place


async def _looked_up(request: Request, now: datetime) -> Ground:
    caller = await caller_of(request)
    refuse_nul(request)
    team = await team_for(request, caller)
    path = request.path_params
    run = await database_of(request).reading(
        safeguard_states.run, team.team_id, path["execution"], path["experiment"]
    )
    if run is None:
        raise NotFound("There is no such execution.")
    until = min(now + REMEMBERED, caller.expires_at or now + REMEMBERED)
    return Ground(Place(team.organization_id, team.team_id, run), until)


def _key(request: Request) -> bytes:
    """Who asks, for what: the token itself is not kept."""
    said = request.headers.get("authorization", ""), request.scope["path"]
    return hashlib.sha256("\n".join(said).encode("utf-8", "surrogatepass")).digest()
