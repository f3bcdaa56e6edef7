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
from chaoscloud.console.db import changes
from chaoscloud.console.errors import NotFound
from chaoscloud.console.records import safeguard_states
from chaoscloud.console.watch import Place, Watch

REMEMBERED = timedelta(minutes=1)
MOST = 10_000  # questions


class Ground(msgspec.Struct, frozen=True):
    """What a question is about, until when that is known, and as of which change of access."""

    place: Place
    until: datetime
    access: int


class Grounds:
    """Those of one console."""

    def __init__(self) -> None:
        self._known: dict[bytes, Ground] = {}

    async def of(self, request: Request, watch: Watch) -> Place:
        """The run that the path names, for who may see it. Raises a `Problem` for who may not."""
        access, now = await watch.access(), now_of(request)
        known = self._known.get(_key(request))
        if known is None or known.access != access or now >= known.until:
            known = await self._anew(request, access, now)
        return known.place

    async def supposed(self, request: Request) -> Ground:
        """The same as it was known last: whoever goes by it has to see that `access` still holds.

        Writers do, in the transaction that they write in: nothing can come in between there.
        """
        known = self._known.get(_key(request))
        if known is None or now_of(request) >= known.until:
            return await self.anew(request)
        return known

    async def anew(self, request: Request) -> Ground:
        """The same, looked up. Raises a `Problem`."""
        access = await database_of(request).reading(changes.number, changes.ACCESS)
        return await self._anew(request, access, now_of(request))

    async def _anew(self, request: Request, access: int, now: datetime) -> Ground:
        """What is read after `access` was is never older than it says."""
        found = await _looked_up(request, access, now)
        if len(self._known) > MOST:
            self._known.clear()
        self._known[_key(request)] = found
        return found


async def _looked_up(request: Request, access: int, now: datetime) -> Ground:
    caller = await caller_of(request)
    refuse_nul(request)
    team = await team_for(request, caller)
    path = request.path_params
    run = None
    if "execution" in path:
        run = await database_of(request).reading(
            safeguard_states.run, team.team_id, path["execution"], path["experiment"]
        )
        if run is None:
            raise NotFound("There is no such execution.")
    until = min(now + REMEMBERED, caller.expires_at or now + REMEMBERED)
    return Ground(Place(team.organization_id, team.team_id, run), until, access)


def _key(request: Request) -> bytes:
    """Who asks, for what: the token itself is not kept."""
    said = request.headers.get("authorization", ""), request.scope["path"]
    return hashlib.sha256("\n".join(said).encode("utf-8", "surrogatepass")).digest()
