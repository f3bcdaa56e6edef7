"""Notes on executions, and findings."""

from typing import Annotated, Literal

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.api import _lookup
from chaoscloud.console.api._answers import at, cursor, json, limit_of, mark_of, page
from chaoscloud.console.api._body import body_of, check_json, decode_as
from chaoscloud.console.api._team_request import TeamRequest, of_team
from chaoscloud.console.errors import BadRequest, NotFound, Unprocessable
from chaoscloud.console.records import notes
from chaoscloud.console.records._rows import Cursor
from chaoscloud.console.records.notes import NewNote, NoteWithStatus
from chaoscloud.console.rules.findings import FindingState
from chaoscloud.console.rules.note_text import (
    LONGEST_TEXT,
    InvalidNote,
    clean_text,
    clean_ticket,
)

STATES: tuple[FindingState, ...] = ("open", "fixed")


class NoteDraft(msgspec.Struct, frozen=True):
    """A note to add; with `finding`, one that says something is to be fixed."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]
    finding: bool = False
    ticket: str | None = None


class StateChange(msgspec.Struct, frozen=True):
    """What somebody says of a finding; runs of its experiment show whether that is so."""

    state: Literal["open", "fixed"]


@of_team
async def create(request: TeamRequest) -> Response:
    """Add a note to an execution."""
    draft = decode_as(check_json(await body_of(request.http)), NoteDraft)
    try:
        new = NewNote(
            text=clean_text(draft.text),
            is_finding=draft.finding,
            ticket=clean_ticket(draft.ticket),
        )
    except InvalidNote as error:
        raise Unprocessable(str(error)) from None
    execution_id = request.path("execution")
    note = await request.db.writing(_create, request, execution_id, new)
    return json(note, 201, at(request.address("executions", execution_id)))


def _create(
    connection: Connection, request: TeamRequest, execution_id: str, new: NewNote
) -> NoteWithStatus:
    note_id = notes.add(connection, request.author, execution_id, new, request.now)
    if note_id is None:
        raise NotFound("There is no such execution.")
    return _find(connection, request, note_id)


@of_team
async def list_of_execution(request: TeamRequest) -> Response:
    """The notes on an execution, the earliest first."""
    return json(await request.db.reading(_list, request))


def _list(connection: Connection, request: TeamRequest) -> list[NoteWithStatus]:
    execution_id = request.path("execution")
    _lookup.require_execution(connection, request.team.team_id, execution_id, None)
    return notes.list_of_execution(connection, request.team.team_id, execution_id)


@of_team
async def list_findings(request: TeamRequest) -> Response:
    """The team's findings, the latest first."""
    query = request.http.query_params
    limit, state = limit_of(query), _read_state(query.get("state"))
    listed = await request.db.reading(
        notes.list_findings,
        request.team.team_id,
        state=state,
        experiment_id=query.get("experiment"),
        after=mark_of(query),
        limit=limit,
    )
    return page(request.http, listed, limit, lambda last: cursor(Cursor(last.created_at, last.id)))


def _read_state(text: str | None) -> FindingState | None:
    if not text:
        return None
    for state in STATES:
        if text == state:
            return state
    raise BadRequest("state must be open or fixed.")


@of_team
async def change(request: TeamRequest) -> Response:
    """Say that a finding is fixed, or that it is open."""
    change = decode_as(check_json(await body_of(request.http)), StateChange)
    return json(await request.db.writing(_change, request, change.state))


def _change(connection: Connection, request: TeamRequest, state: FindingState) -> NoteWithStatus:
    note = notes.find(connection, request.team.team_id, request.path("finding"))
    if note is None or not note.is_finding:
        raise NotFound("There is no such finding.")
    notes.set_state(connection, request.author, note, state, request.now)
    return _find(connection, request, note.id)


def _find(connection: Connection, request: TeamRequest, note_id: str) -> NoteWithStatus:
    note = notes.find(connection, request.team.team_id, note_id)
    assert note is not None  # noqa: S101 - it was just written
    [with_status] = notes.add_statuses(connection, request.team.team_id, [note])
    return with_status
