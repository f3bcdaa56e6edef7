"""Notes on an execution, and the team's findings."""

from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages import _filters
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.pages.executions import page_of_one
from chaoscloud.console.records import TooMany, notes
from chaoscloud.console.records.notes import NewNote
from chaoscloud.console.rules.findings import FindingState
from chaoscloud.console.rules.note_text import InvalidNote, clean_text, clean_ticket

PAGE = 50  # findings of a list
STATES: dict[str, FindingState | None] = {"open": "open", "fixed": "fixed", "all": None}


@of_team
async def add(visit: Visit) -> Response:
    """Add a note to the execution that the address names."""
    form = await visit.form()
    try:
        new = NewNote(
            text=clean_text(form.get("text", "")),
            is_finding=form.get("finding") == "on",
            ticket=clean_ticket(form.get("ticket")),
        )
        note_id = await visit.db.writing(
            notes.add, visit.author, visit.parameter("id"), new, visit.now
        )
    except (InvalidNote, TooMany) as error:
        draft = {name: form.get(name, "") for name in ("text", "finding", "ticket")}
        return await page_of_one(visit, 422, draft={**draft, "wrong": str(error)})
    if note_id is None:
        raise NotFound
    return visit.back(f"{visit.base}/executions/{visit.parameter('id')}#note-{note_id}")


@of_team
async def list_findings(visit: Visit) -> Response:
    """The team's findings, the latest first; the open ones, unless others are asked for."""
    query = visit.request.query_params
    state = query.get("state", "open")
    after = _filters.cursor(query)
    findings = await visit.db.reading(
        notes.list_findings,
        visit.scope.team_id,
        state=STATES.get(state),
        after=after,
        limit=PAGE + 1,
    )
    path = f"{visit.base}/findings?{urlencode({'state': state})}"
    older = ""
    if len(findings) > PAGE:
        last = findings[PAGE - 1]
        older = f"{path}&{urlencode({'after': f'{last.created_at.isoformat()}~{last.id}'})}"
    return await visit.page(
        "findings.html",
        findings=findings[:PAGE],
        state=state if state in STATES else "all",
        newer=path if after else "",
        older=older,
    )


@of_team
async def change(visit: Visit) -> Response:
    """Say that a finding is fixed, or open it again."""
    form = await visit.form()
    state: FindingState = "fixed" if form.get("state") == "fixed" else "open"
    execution_id = await visit.db.writing(_change, visit, state)
    return visit.back(f"{visit.base}/executions/{execution_id}#note-{visit.parameter('id')}")


def _change(connection: Connection, visit: Visit, state: FindingState) -> str:
    note = notes.find(connection, visit.scope.team_id, visit.parameter("id"))
    if note is None or not note.is_finding:
        raise NotFound
    notes.set_state(connection, visit.author, note, state, visit.now)
    return note.execution_id
