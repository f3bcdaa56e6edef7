"""What a verification run says while it goes on."""

from datetime import datetime
from typing import Annotated

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.api import _found
from chaoscloud.console.api._answers import Made, json, limit_of, number_of, page
from chaoscloud.console.api._asked import Asked, of_team
from chaoscloud.console.api._body import away, body_of, shaped, sound
from chaoscloud.console.records import idempotency, runs
from chaoscloud.console.rules.soundness import plain

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class NewEvent(msgspec.Struct, frozen=True):
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
async def receive(asked: Asked) -> Response:
    """Keep something a run says."""
    body = await body_of(asked.request)
    sent = await away(_event_of, body)
    key = asked.key(idempotency.Kind.VERIFICATION_EVENT, body)
    made = await asked.db.writing(_receive, *_names(asked), sent, key, asked.now)
    return json(Made(made), 201)


@of_team
async def listed(asked: Asked) -> Response:
    """What a run said in the order it came, from `?after=SEQ` on."""
    query = asked.request.query_params
    limit = limit_of(query)
    after = number_of(query, "cursor", number_of(query, "after", 0))
    found = await asked.db.reading(_listed, *_names(asked), after, limit)
    shown = [RunEvent(e.seq, e.category, msgspec.Raw(e.payload), e.received_at) for e in found]
    return page(asked.request, shown, limit, lambda last: str(last.seq))


def _event_of(body: bytes) -> NewEvent:
    return shaped(sound(body), NewEvent)


def _receive(
    connection: Connection,
    team_id: str,
    verification_id: str,
    run_id: str,
    sent: NewEvent,
    key: idempotency.Key | None,
    now: datetime,
) -> str:
    _found.run(connection, team_id, verification_id, run_id)

    def make() -> str:
        category, payload = plain(sent.category), bytes(sent.payload)
        return str(runs.add_event(connection, run_id, category, payload, now))

    return idempotency.once(connection, team_id, key, now, make)


def _listed(
    connection: Connection,
    team_id: str,
    verification_id: str,
    run_id: str,
    after: int,
    limit: int,
) -> list[runs.RunEvent]:
    _found.run(connection, team_id, verification_id, run_id)
    return runs.events(connection, run_id, after=after, limit=limit)


def _names(asked: Asked) -> tuple[str, str, str]:
    return asked.team.team_id, asked.named("verification"), asked.named("run")
