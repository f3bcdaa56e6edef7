"""CloudEvents of a run: one in structured mode, or many in batch mode; each is kept once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api import _lookup
from chaoscloud.console.api._answers import Made, json, limit_of, number_of, page
from chaoscloud.console.api._body import Invalid, away, body_of, shaped, sound
from chaoscloud.console.api._team_request import TeamRequest, database_of, now_of, of_team
from chaoscloud.console.api.access_cache import Access, AccessCache
from chaoscloud.console.db import changes
from chaoscloud.console.errors import NotFound
from chaoscloud.console.records import events, executions
from chaoscloud.console.records.events import NewEvent, Telling, UnknownExecution
from chaoscloud.console.rules import stops
from chaoscloud.console.rules.journals import moment
from chaoscloud.console.rules.soundness import Unsound, ensure_sound, plain

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
ACCEPTS = {"Accept-Post": f"{SINGLE}, {BATCH}"}

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class CloudEvent(msgspec.Struct, frozen=True):
    """A CloudEvent 1.0; `data` is a JSON document, or one encoded as a string."""

    specversion: Literal["1.0"]
    id: Word
    source: Word
    type: Word
    time: str | None = None  # RFC 3339; when absent, the time it was received
    datacontenttype: str | None = None
    sequence: str | None = None  # the official extension of this name: a number, as text
    data: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"null"))


class Stored(msgspec.Struct, frozen=True):
    """What came of a batch."""

    stored: int
    duplicates: int


class Event(msgspec.Struct, frozen=True):
    """An event that is kept; ask for those after its `seq` to go on from it."""

    seq: int
    id: str
    type: str
    time: datetime
    received_at: datetime
    data: msgspec.Raw


class _Outdated(Exception):
    """Who may see what has changed since a claim was looked up."""


class _Claimed(msgspec.Struct, frozen=True):
    """What a run tells, and as of which change of access it may."""

    telling: Telling
    access: int


async def receive(request: Request) -> Response:
    """Keep an event, or a batch of them; one that is kept already is not kept again."""
    cache: AccessCache = request.app.state.access_cache
    access = await cache.find_unconfirmed(request)
    body, now = await body_of(request), now_of(request)
    content_type = request.headers.get("content-type", "").partition(";")[0]
    batch = content_type.strip().lower() == BATCH
    new = await away(_batch_of if batch else _single_of, body, now)
    stored = await _kept(request, access, Telling(request.path_params["execution"], new, now))
    answer = Stored(stored, len(new) - stored) if batch else Made(new[0].event_id)
    return json(answer, 201, ACCEPTS)


async def _kept(request: Request, access: Access, telling: Telling) -> int:
    """How many events were new. Raises a `Problem` for who may not see the run any more."""
    while True:
        claimed = _Claimed(telling, access.revision)
        try:
            return await database_of(request).recording_together(_keep, claimed)
        except _Outdated:
            access = await request.app.state.access_cache.load(request)
        except UnknownExecution:
            raise NotFound("There is no such execution.") from None


@of_team
async def listed(request: TeamRequest) -> Response:
    """The events of an execution in the order they came, from `?after=SEQ` on."""
    query = request.http.query_params
    limit = limit_of(query)
    after = number_of(query, "after", 0)
    found = await request.db.reading(
        _listed,
        request.team.team_id,
        request.http.path_params.get("experiment"),
        request.path("execution"),
        number_of(query, "cursor", after),
        limit,
    )
    return page(request.http, [_shown(event) for event in found], limit, lambda e: str(e.seq))


def _single_of(body: bytes, now: datetime) -> list[NewEvent]:
    return [_read(shaped(sound(body), CloudEvent), now)]


def _batch_of(body: bytes, now: datetime) -> list[NewEvent]:
    sent = shaped(sound(body), list[CloudEvent])
    return [_read(event, now, number) for number, event in enumerate(sent)]


def _read(event: CloudEvent, now: datetime, *at: int) -> NewEvent:
    return NewEvent(
        event_id=plain(event.id),
        type=plain(event.type),
        time=_time(event, at) or now,
        data=_data(event, at),
        sequence=_sequence(event.sequence or ""),
    )


def _sequence(text: str) -> int | None:
    """The number; other clients may count in other ways, which say nothing to us."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def _time(event: CloudEvent, at: Sequence[int]) -> datetime | None:
    try:
        return moment(event.time) if event.time else None
    except ValueError:
        raise Invalid("Expected an RFC 3339 time", ["body", *at, "time"], "value_error") from None


def _data(event: CloudEvent, at: Sequence[int]) -> bytes:
    """The JSON of the data, whichever way it came."""
    raw = bytes(event.data)
    if not raw.startswith(b'"') or not _is_json(event.datacontenttype):
        return raw
    encoded = msgspec.json.decode(raw, type=str).encode()
    try:
        ensure_sound(encoded)
    except Unsound as error:
        said = f"Expected a JSON document encoded as a string: {error}"
        raise Invalid(said, ["body", *at, "data"], "value_error") from None
    return encoded


def _is_json(content_type: str | None) -> bool:
    media = (content_type or "application/json").partition(";")[0].strip().lower()
    return media.endswith(("/json", "+json"))


def _keep(connection: Connection, claimed: Sequence[_Claimed]) -> Sequence[int]:
    """Keep what runs tell, unless access changed since, in whichever process it was changed."""
    access = changes.number(connection, changes.ACCESS)
    if any(each.access != access for each in claimed):
        raise _Outdated
    stored = events.keep(connection, [each.telling for each in claimed])
    for each in claimed:
        _note_stop(connection, each.telling)
    return stored


def _note_stop(connection: Connection, telling: Telling) -> None:
    for event in telling.events:
        if event.type == stops.EVENT and (stop := stops.stop_in(event.data)):
            executions.stopped(connection, telling.execution_id, stop)


def _listed(
    connection: Connection,
    team_id: str,
    experiment_id: str | None,
    execution_id: str,
    after: int,
    limit: int,
) -> list[events.Event]:
    _lookup.require_execution(connection, team_id, execution_id, experiment_id)
    return events.listed(connection, execution_id, after=after, limit=limit)


def _shown(event: events.Event) -> Event:
    return Event(
        event.seq,
        event.event_id,
        event.type,
        event.time,
        event.received_at,
        msgspec.Raw(event.data),
    )
