"""What a verification run says while it goes on."""

from datetime import datetime
from typing import Annotated

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.api import _lookup
from chaoscloud.console.api._answers import Made, json, limit_of, number_of, page
from chaoscloud.console.api._body import body_of, check_json, decode_as, offload
from chaoscloud.console.api._team_request import TeamRequest, of_team
from chaoscloud.console.records import idempotency, run_events
from chaoscloud.console.rules.soundness import plain

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class NewRunEvent(msgspec.Struct, frozen=True):
    """Something a run says."""

    category: Word
    payload: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"null"))


class RunEvent(msgspec.Struct, frozen=True):
    """Something a run said; ask for those after its `seq` to go on from it."""

    seq: int
    category: str
    payload: msgspec.Raw
    received_at: datetime


@of_team
async def receive(request: TeamRequest) -> Response:
    """Keep something a run says."""
    body = await body_of(request.http)
    sent = await offload(_event_of, body)
    key = request.key(idempotency.KeyKind.VERIFICATION_EVENT, body)
    created_id = await request.db.recording(_receive, *_names(request), sent, key, request.now)
    return json(Made(created_id), 201)


@of_team
async def list_page(request: TeamRequest) -> Response:
    """What a run said in the order it came, from `?after=SEQ` on."""
    query = request.http.query_params
    limit = limit_of(query)
    after = number_of(query, "cursor", number_of(query, "after", 0))
    events = await request.db.reading(_list_page, *_names(request), after, limit)
    views = [RunEvent(e.seq, e.category, msgspec.Raw(e.payload), e.received_at) for e in events]
    return page(request.http, views, limit, lambda last: str(last.seq))


def _event_of(body: bytes) -> NewRunEvent:
    return decode_as(check_json(body), NewRunEvent)


def _receive(
    connection: Connection,
    team_id: str,
    verification_id: str,
    run_id: str,
    sent: NewRunEvent,
    key: idempotency.Key | None,
    now: datetime,
) -> str:
    _lookup.find_verification_run(connection, team_id, verification_id, run_id)

    def make() -> str:
        category, payload = plain(sent.category), bytes(sent.payload)
        return str(run_events.add_event(connection, run_id, category, payload, now))

    return idempotency.once(connection, team_id, key, now, make)


def _list_page(
    connection: Connection,
    team_id: str,
    verification_id: str,
    run_id: str,
    after: int,
    limit: int,
) -> list[run_events.VerificationRunEvent]:
    _lookup.find_verification_run(connection, team_id, verification_id, run_id)
    return run_events.list_page(connection, run_id, after=after, limit=limit)


def _names(request: TeamRequest) -> tuple[str, str, str]:
    return request.team.team_id, request.path("verification"), request.path("run")
