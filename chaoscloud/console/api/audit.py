"""The audit log of an organization, as far as the caller may read it."""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from chaoscloud.console.api._answers import limit_of, number_of, page
from chaoscloud.console.api._team_request import database_of, refuse_nul
from chaoscloud.console.auth import Caller, caller_of
from chaoscloud.console.errors import BadRequest, NotFound
from chaoscloud.console.records import audit, organizations
from chaoscloud.console.records.audit import AuditEntry, Reader
from chaoscloud.console.rules.audit_words import KINDS, describe

NDJSON = "application/x-ndjson"
LINES_AT_ONCE = 500


class Entry(msgspec.Struct, frozen=True):
    """One change: who (null is nobody known), with which token, what, and to what."""

    seq: int
    at: datetime
    action: str
    sentence: str
    subject: str
    organization_id: str
    team_id: str | None
    team_name: str | None
    person_id: str | None
    person_name: str | None
    token_id: str | None
    token_name: str | None
    object_type: str | None
    object_id: str | None
    operator: str | None


async def list_entries(request: Request) -> Response:
    """What was changed, by whom and with which token, the latest first.

    Owners read all of it; members what concerns the organization, their teams and themselves.
    """
    reader, prefixes = await _reader_of(request), _prefixes_of(request)
    limit = limit_of(request.query_params)
    before = number_of(request.query_params, "cursor", 0) or None
    entries = await _load(request, reader, prefixes, before, limit)
    return page(request, entries, limit, lambda last: str(last.seq))


async def export(request: Request) -> Response:
    """The same, whole: one JSON object a line."""
    reader, prefixes = await _reader_of(request), _prefixes_of(request)

    async def lines() -> AsyncIterator[bytes]:
        before: int | None = None
        while entries := await _load(request, reader, prefixes, before, LINES_AT_ONCE):
            yield msgspec.json.Encoder().encode_lines(entries)
            before = entries[-1].seq

    headers = {"Content-Disposition": 'attachment; filename="audit.ndjson"'}
    return StreamingResponse(lines(), headers=headers, media_type=NDJSON)


async def _load(
    request: Request, reader: Reader, prefixes: tuple[str, ...], before: int | None, limit: int
) -> list[Entry]:
    entries = await database_of(request).reading(
        audit.list_entries, reader, prefixes=prefixes, before=before, limit=limit
    )
    return [_view(entry, reader.organization_id) for entry in entries]


async def _reader_of(request: Request) -> Reader:
    """Who reads the log of which organization. Raises a `Problem` for who may not."""
    caller = await caller_of(request)
    refuse_nul(request)
    reader = await database_of(request).reading(_find_reader, request.path_params["org"], caller)
    if reader is None:
        raise NotFound("There is no such organization, or it is not yours to see.")
    return reader


def _find_reader(connection: Connection, word: str, caller: Caller) -> Reader | None:
    for organization in organizations.seen_by(
        connection, caller.person_id, caller.organization_ids
    ):
        if word in (organization.id, organization.slug):
            return audit.reader_of(connection, organization.id, caller.person_id)
    return None


def _prefixes_of(request: Request) -> tuple[str, ...]:
    kind = request.query_params.get("kind", "")
    if kind not in KINDS:
        known = ", ".join(name for name in KINDS if name)
        raise BadRequest(f"kind must be one of {known}.")
    return KINDS[kind][1]


def _view(entry: AuditEntry, organization_id: str) -> Entry:
    values = msgspec.structs.asdict(entry) | {"organization_id": organization_id}
    return Entry(sentence=str(describe(entry.action, entry.subject, entry.team_name)), **values)
