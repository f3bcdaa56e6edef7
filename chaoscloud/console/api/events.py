"""CloudEvents of a run: one in structured mode, or many in batch mode; each is kept once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, TypeVar

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api import _lookup
from chaoscloud.console.api._answers import Made, json, limit_of, number_of, page
from chaoscloud.console.api._body import Invalid, body_of, check_json, decode_as, offload
from chaoscloud.console.api._team_request import TeamRequest, database_of, now_of, of_team
from chaoscloud.console.api.access_cache import Access, AccessCache
from chaoscloud.console.db import changes
from chaoscloud.console.errors import NotFound
from chaoscloud.console.metrics import EVENTS_DUPLICATE, EVENTS_STORED
from chaoscloud.console.records import events, executions
from chaoscloud.console.records.events import EventBatch, NewEvent, UnknownExecution
from chaoscloud.console.records.traces import read_trace_id, save_traces
from chaoscloud.console.rules import stops
from chaoscloud.console.rules.journals import moment
from chaoscloud.console.rules.soundness import Unsound, ensure_sound, plain

T = TypeVar("T")

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
MANY = 20  # events that are worth a commit of their own
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
    traceparent: str | None = None  # the official extension for distributed tracing
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
    """Who may see what has changed since access was looked up."""


class _Submission(msgspec.Struct, frozen=True):
    """What a run sent, who sent it, and as of which change of access they may."""

    message: EventBatch
    person_id: str
    access: int


async def receive(request: Request) -> Response:
    """Keep an event, or a batch of them; one that is kept already is not kept again."""
    cache: AccessCache = request.app.state.access_cache
    access = await cache.find_unconfirmed(request)
    body, now = await body_of(request), now_of(request)
    content_type = request.headers.get("content-type", "").partition(";")[0]
    batch = content_type.strip().lower() == BATCH
    new = await offload(_parse_batch if batch else _parse_single, body, now)
    stored = await _store(request, access, EventBatch(request.path_params["execution"], new, now))
    EVENTS_STORED.inc(stored)
    if stored < len(new):
        EVENTS_DUPLICATE.inc(len(new) - stored)
    answer = Stored(stored, len(new) - stored) if batch else Made(new[0].event_id)
    return json(answer, 201, ACCEPTS)


async def _store(request: Request, access: Access, message: EventBatch) -> int:
    """Store the events; how many were new.

    Raises a `Problem` for who may not see the run any more.
    """
    while True:
        submission = _Submission(message, access.place.person_id, access.revision)
        try:
            return await database_of(request).recording_together(
                _add, submission, is_large=len(message.events) >= MANY
            )
        except _Outdated:
            access = await request.app.state.access_cache.load(request)
        except UnknownExecution:
            raise NotFound("There is no such execution.") from None


@of_team
async def list_page(request: TeamRequest) -> Response:
    """The events of an execution in the order they came, from `?after=SEQ` on."""
    query = request.http.query_params
    limit = limit_of(query)
    after = number_of(query, "after", 0)
    stored = await request.db.reading(
        _list,
        request.team.team_id,
        request.http.path_params.get("experiment"),
        request.path("execution"),
        number_of(query, "cursor", after),
        limit,
    )
    return page(request.http, [_describe(event) for event in stored], limit, lambda e: str(e.seq))


def _parse_single(body: bytes, now: datetime) -> list[NewEvent]:
    return [_convert(_decode(body, CloudEvent), now)]


def _parse_batch(body: bytes, now: datetime) -> list[NewEvent]:
    cloud_events = _decode(body, list[CloudEvent])
    return [_convert(event, now, number) for number, event in enumerate(cloud_events)]


def _decode(body: bytes, kind: type[T]) -> T:
    """Decode what is kept of events; the rest of the body is only skipped."""
    try:
        return decode_as(body, kind)
    except Invalid:
        check_json(body)  # what is no JSON at all is refused as that
        raise


def _convert(event: CloudEvent, now: datetime, *at: int) -> NewEvent:
    return NewEvent(
        event_id=plain(event.id),
        type=plain(event.type),
        time=_parse_time(event, at) or now,
        data=_parse_data(event, at),
        sequence=None if event.sequence is None else _parse_sequence(event.sequence),
        trace_id=read_trace_id(event.traceparent),
    )


def _parse_sequence(text: str) -> int | None:
    """The number; other clients may count in other ways, which say nothing to us."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def _parse_time(event: CloudEvent, at: Sequence[int]) -> datetime | None:
    try:
        return moment(event.time) if event.time else None
    except ValueError:
        raise Invalid("Expected an RFC 3339 time", ["body", *at, "time"], "value_error") from None


def _parse_data(event: CloudEvent, at: Sequence[int]) -> bytes:
    """The JSON of the data, whichever way it came."""
    raw = bytes(event.data)
    if not raw.startswith(b'"') or not _is_json(event.datacontenttype):
        return check_json(raw)  # nothing else of the body is kept as it came
    encoded = decode_as(raw, str, "data").encode()
    try:
        ensure_sound(encoded)
    except Unsound as error:
        message = f"Expected a JSON document encoded as a string: {error}"
        raise Invalid(message, ["body", *at, "data"], "value_error") from None
    return encoded


def _is_json(content_type: str | None) -> bool:
    media = (content_type or "application/json").partition(";")[0].strip().lower()
    return media.endswith(("/json", "+json"))


def _add(connection: Connection, submissions: Sequence[_Submission]) -> Sequence[int]:
    """Add what runs sent, unless access changed since, in whichever process it was changed."""
    access = changes.read_access_revision(connection)
    if any(submission.access != access for submission in submissions):
        raise _Outdated
    messages = [submission.message for submission in submissions]
    stored = events.add(connection, messages)
    for submission in submissions:
        _note_stop(connection, submission)
    save_traces(connection, _find_traces(messages))
    return stored


def _find_traces(messages: Sequence[EventBatch]) -> dict[str, str]:
    """The trace of each execution that has sent one; the first is the run's."""
    traces: dict[str, str] = {}
    for message in messages:
        for event in message.events:
            if event.trace_id is not None:
                traces.setdefault(message.execution_id, event.trace_id)
    return traces


def _note_stop(connection: Connection, submission: _Submission) -> None:
    message = submission.message
    for event in message.events:
        if event.type == stops.EVENT and (stop := stops.stop_in(event.data)):
            executions.save_stop(connection, message.execution_id, submission.person_id, stop)


def _list(
    connection: Connection,
    team_id: str,
    experiment_id: str | None,
    execution_id: str,
    after: int,
    limit: int,
) -> list[events.StoredEvent]:
    _lookup.require_execution(connection, team_id, execution_id, experiment_id)
    return events.list_page(connection, execution_id, after=after, limit=limit)


def _describe(event: events.StoredEvent) -> Event:
    return Event(
        event.seq,
        event.event_id,
        event.type,
        event.time,
        event.received_at,
        msgspec.Raw(event.data),
    )
