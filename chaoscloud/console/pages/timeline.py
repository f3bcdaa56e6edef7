"""Who did what, when: the organization's and the team's history."""

from collections.abc import Mapping

from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.records import history, teams
from chaoscloud.console.records.history import Deed

PAGE = 50

WORDS = {  # what a deed is called, before its subject
    "organization.added": "made the organization",
    "organization.removed": "removed the organization",
    "organization.left": "took out of the organization",
    "owner.added": "made an owner of",
    "member.added": "made a member of",
    "person.added": "added",
    "person.removed": "removed",
    "team.added": "made the team",
    "team.removed": "removed the team",
    "team.joined": "put on the team",
    "team.left": "took off the team",
    "token.added": "made the token",
    "token.revoked": "revoked the token",
    "safeguard.stopped": "stopped all runs:",
    "run.stopped": "stopped one run:",
    "safeguard.resumed": "released the stop:",
    "safeguard.added": "set the safeguard",
    "safeguard.changed": "changed the safeguard",
    "safeguard.removed": "removed the safeguard",
    "safeguards.required": "required safeguards",
    "safeguards.optional": "no longer required safeguards",
}

KINDS: Mapping[
    str, tuple[str, tuple[str, ...]]
] = {  # the filter's value: what is said, and how its actions begin
    "": ("All", ()),
    "safeguards": ("Safeguards", ("safeguard", "run.")),
    "people": ("People", ("person.", "owner.", "member.", "organization.")),
    "teams": ("Teams", ("team.",)),
    "tokens": ("Tokens", ("token.",)),
}


@of_team
async def shown(visit: Visit) -> Response:
    """Newest first, by kind if one is asked for."""
    asked = visit.request.query_params
    kind = asked.get("kind", "") if asked.get("kind", "") in KINDS else ""
    before = _number(asked.get("before", ""))
    found = await visit.db.reading(_read, visit, actions_of(kind), before)
    path = f"{visit.base}/timeline"
    return await visit.page(
        "history.html",
        tab="Timeline",
        deeds=found[:PAGE],
        words=WORDS,
        kinds=[
            (said, _address(path, kind=value), value == kind) for value, (said, _) in KINDS.items()
        ],
        newer=_address(path, kind=kind) if before else "",
        older=_address(path, kind=kind, before=str(found[PAGE - 1].seq))
        if len(found) > PAGE
        else "",
    )


def _read(
    connection: Connection, visit: Visit, actions: list[str], before: int | None
) -> list[Deed]:
    scope, person_id = visit.scope, visit.caller.person_id
    seen = teams.seen_by(connection, scope.organization_id, person_id)
    return history.deeds(
        connection,
        scope.organization_id,
        [team.id for team in seen],
        own=person_id,
        actions=actions,
        before=before,
        limit=PAGE + 1,
    )


def actions_of(kind: str) -> list[str]:
    """The deeds of a kind, as they are written down."""
    _, begins = KINDS[kind]
    return [action for action in WORDS if begins and action.startswith(begins)]


def _address(path: str, **query: str) -> str:
    said: Mapping[str, str] = {name: value for name, value in query.items() if value}
    return path + (
        "?" + "&".join(f"{name}={value}" for name, value in said.items()) if said else ""
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
