"""Who may ask about which run, remembered from one request to the next.

A run asks the same again and again, hundreds of runs at once. The caller and the run are looked up
once, and again when anything about access changes, the token expires, or a minute has passed.
"""

import hashlib
from datetime import datetime, timedelta

import msgspec
from starlette.requests import Request

from chaoscloud.console.api._team_request import database_of, now_of, refuse_nul
from chaoscloud.console.auth import caller_of, team_for
from chaoscloud.console.db import changes
from chaoscloud.console.errors import NotFound
from chaoscloud.console.records import safeguard_states
from chaoscloud.console.watch import Place

LIFETIME = timedelta(minutes=1)
MOST_ENTRIES = 10_000


class Access(msgspec.Struct, frozen=True):
    """What a request may be about: valid until a time, and while `revision` is the current one.

    `revision` counts the changes of access (people, teams, tokens) in the database.
    """

    place: Place
    valid_until: datetime
    revision: int


class AccessCache:
    """The access of the requests that one console answered lately."""

    def __init__(self) -> None:
        self._entries: dict[bytes, Access] = {}

    async def find_place(self, request: Request, revision: int) -> Place:
        """The run that the path names, for a caller who may see it. Raises a `Problem`.

        `revision` is the number of changes of access, read after the request came.
        """
        now = now_of(request)
        access = self._entries.get(_key(request))
        if access is None or access.revision != revision or now >= access.valid_until:
            access = await self._load(request, revision, now)
        return access.place

    async def find_unconfirmed(self, request: Request) -> Access:
        """The access as it was last known: the user must check that `revision` is still current.

        Writers check it in the transaction that they write in, where nothing can come in between.
        """
        access = self._entries.get(_key(request))
        if access is None or now_of(request) >= access.valid_until:
            return await self.load(request)
        return access

    async def load(self, request: Request) -> Access:
        """The access as the database has it now. Raises a `Problem`."""
        revision = await database_of(request).reading(changes.read_access_revision)
        return await self._load(request, revision, now_of(request))

    async def _load(self, request: Request, revision: int, now: datetime) -> Access:
        # The revision was read first: what is read after it is never older than it says.
        access = await _load_access(request, revision, now)
        if len(self._entries) > MOST_ENTRIES:
            self._entries.clear()
        self._entries[_key(request)] = access
        return access


async def _load_access(request: Request, revision: int, now: datetime) -> Access:
    caller = await caller_of(request)
    refuse_nul(request)
    team = await team_for(request, caller)
    path = request.path_params
    run = None
    if "execution" in path:
        run = await database_of(request).reading(
            safeguard_states.find_run, team.team_id, path["execution"], path["experiment"]
        )
        if run is None:
            raise NotFound("There is no such execution.")
    valid_until = min(now + LIFETIME, caller.expires_at or now + LIFETIME)
    place = Place(
        team.organization_id,
        team.team_id,
        run,
        caller.person_id,
        caller.token_id,
        caller.expires_at,
    )
    return Access(place, valid_until, revision)


def _key(request: Request) -> bytes:
    """The caller and the path; the token itself is not kept in memory."""
    parts = request.headers.get("authorization", ""), request.scope["path"]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).digest()
