"""The audit log: who changed what in the organization and in the teams that one sees."""

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.records import audit, teams
from chaoscloud.console.records.audit import AuditEntry
from chaoscloud.console.rules.access import Role
from chaoscloud.console.rules.audit_words import KINDS, Sentence, describe, name_author, page_of

PAGE = 50  # entries


class AuditRow(msgspec.Struct, frozen=True):
    """An entry as a page shows it; `address` is the page of what it is about, if there is one."""

    entry: AuditEntry
    author: str
    sentence: Sentence
    address: str | None


@of_team
async def show(visit: Visit) -> Response:
    """The latest entries, of one kind if the address asks for it."""
    query = visit.request.query_params
    kind = query.get("kind", "") if query.get("kind", "") in KINDS else ""
    before = _number(query.get("before", ""))
    rows = await visit.db.reading(_load, visit, kind, before)
    path = f"{visit.base}/audit"
    older = ""
    if len(rows) > PAGE:
        older = _address(path, kind=kind, before=str(rows[PAGE - 1].entry.seq))
    organization = visit.scope.organization_slug
    return await visit.page(
        "audit.html",
        tab="Audit log",
        rows=rows[:PAGE],
        kinds=[
            (label, _address(path, kind=value), value == kind)
            for value, (label, _) in KINDS.items()
        ],
        export=f"/api/v1/organizations/{organization}/audit.ndjson",
        newer=_address(path, kind=kind) if before else "",
        older=older,
        is_owner=visit.scope.role is Role.OWNER,
    )


@of_team
async def redirect_from_timeline(visit: Visit) -> Response:
    """Lead from the address that the audit log had when it was called the timeline."""
    return RedirectResponse(f"{visit.base}/audit", 308)


def _load(connection: Connection, visit: Visit, kind: str, before: int | None) -> list[AuditRow]:
    scope = visit.scope
    reader = audit.reader_of(connection, scope.organization_id, visit.caller.person_id)
    _, prefixes = KINDS[kind]
    entries = audit.list_entries(
        connection, reader, prefixes=prefixes, before=before, limit=PAGE + 1
    )
    return rows_of(connection, visit, entries)


def rows_of(
    connection: Connection, visit: Visit, entries: Collection[AuditEntry]
) -> list[AuditRow]:
    """Entries in words, with links that lead somewhere for who looks."""
    scope = visit.scope
    present = audit.find_present(connection, scope.organization_id, entries)
    visible = teams.seen_by(connection, scope.organization_id, visit.caller.person_id)
    bases = {team.id: f"/{scope.organization_slug}/{team.slug}" for team in visible}
    return [
        AuditRow(
            entry,
            entry.person_name or name_author(entry.action),
            describe(entry.action, entry.subject, entry.team_name),
            _address_of(entry, present, bases, visit),
        )
        for entry in entries
    ]


def _address_of(
    entry: AuditEntry, present: set[tuple[str, str]], bases: dict[str, str], visit: Visit
) -> str | None:
    if (entry.object_type, entry.object_id) not in present:
        return None
    page = page_of(entry.object_type)
    base = bases.get(entry.team_id) if entry.team_id else visit.base
    if page is None or base is None:
        return None
    if entry.object_type == "person" and visit.scope.role is not Role.OWNER:
        return None  # only owners open the page of a person
    return f"{base}/{page}/{entry.object_id}"


def _address(path: str, **query: str) -> str:
    pairs = [f"{name}={value}" for name, value in query.items() if value]
    return f"{path}?{'&'.join(pairs)}" if pairs else path


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
