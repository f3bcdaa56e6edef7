"""Documents to run: `chaos run URL` and `chaos verify URL` load them from here.

Each knows which experiment or verification it is, and whose. A document from which something was
taken out is answered by 409: to the host, `[redacted]` is an argument like any other.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._answers import document
from chaoscloud.console.api._team_request import database_of, refuse_nul
from chaoscloud.console.auth import caller_of
from chaoscloud.console.errors import Conflict, NotFound
from chaoscloud.console.records import experiments, verifications
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules import documents
from chaoscloud.console.rules import verifications as rules
from chaoscloud.console.rules.wholeness import find_removal

Finder = Callable[[Connection, str, str], bytes | None]


async def experiment(request: Request) -> Response:
    """An experiment to run, unless something was taken out of it."""
    return await _asset(request, _experiment)


async def verification(request: Request) -> Response:
    """A verification to run, unless something was taken out of it."""
    return await _asset(request, _verification)


async def _asset(request: Request, find: Finder) -> Response:
    caller = await caller_of(request)
    refuse_nul(request)
    document_id = request.path_params["id"]
    raw = await database_of(request).reading(find, document_id, caller.person_id)
    if raw is None:
        raise NotFound("There is nothing to run at this address, or it is not yours to see.")
    return document(raw)


def _experiment(connection: Connection, experiment_id: str, person_id: str) -> bytes | None:
    team = experiments.team_that_sees(connection, experiment_id, person_id)
    raw = team and experiments.document(connection, team.id, experiment_id)
    return _document_to_run(team, raw, experiment_id=experiment_id) if team and raw else None


def _verification(connection: Connection, verification_id: str, person_id: str) -> bytes | None:
    team = verifications.team_that_sees(connection, verification_id, person_id)
    record = team and verifications.find(connection, team.id, verification_id)
    raw = team and verifications.document(connection, team.id, verification_id)
    if not (team and record and raw):
        return None
    return _document_to_run(
        team,
        raw,
        experiment_id=record.experiment_id,
        objective_id=record.objective_id,
        verification=rules.block(verification_id, record.timing),
    )


def _document_to_run(team: Team, raw: bytes, **ids: Any) -> bytes:
    decoded = msgspec.json.decode(raw, type=dict[str, Any])
    removal = find_removal(decoded)
    if removal is not None:
        kind = "verification" if "verification" in ids else "experiment"
        detail = f"This {kind} cannot be run from here. {removal.reason} {removal.advise(kind)}"
        raise Conflict(detail, extra={"redacted": removal.count})
    return documents.to_run(decoded, {"team_id": team.id, "org_id": team.organization_id, **ids})
