"""The people of an organization, the teams they are on, and their tokens.

Everybody of the organization sees who belongs to it; owners change it. An owner handles tokens only
of people whose every organization is theirs, because a token opens all that its person may see.
"""

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages import tokens as own_tokens
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.records import AlreadyThere, audit, organizations, people, teams, tokens
from chaoscloud.console.records.people import Person
from chaoscloud.console.records.teams import Team
from chaoscloud.console.records.tokens import Token
from chaoscloud.console.rules.access import Role


class Somebody(msgspec.Struct, frozen=True):
    """A person of the organization, as lists show them."""

    person: Person
    role: Role
    teams: list[Team]


class Whole(msgspec.Struct, frozen=True):
    """One person, with what an owner may change."""

    somebody: Somebody
    others: list[Team]  # teams they are not on
    tokens: list[Token] | None  # None: not for the caller to handle
    last_owner: bool


@of_team
async def listed(visit: Visit) -> Response:
    """Everybody, and the teams."""
    return await _page(visit)


async def _page(visit: Visit, status: int = 200, **more: str) -> Response:
    everybody, all_teams = await visit.db.reading(_read, visit.scope.organization_id)
    return await visit.page(
        "people.html",
        status,
        tab="People",
        everybody=everybody,
        all_teams=all_teams,
        may_change=_owns(visit),
        **({"wrong": ""} | more),
    )


def _read(connection: Connection, organization_id: str) -> tuple[list[Somebody], list[Team]]:
    all_teams = teams.of_organization(connection, organization_id)
    on = {team.id: {p.id for p in people.of_team(connection, team.id)} for team in all_teams}
    everybody = [
        Somebody(
            person,
            organizations.role_of(connection, organization_id, person.id) or Role.MEMBER,
            [team for team in all_teams if person.id in on[team.id]],
        )
        for person in people.of_organization(connection, organization_id)
    ]
    return everybody, all_teams


@of_team
async def add(visit: Visit) -> Response:
    """Add a person, on a team if one is named."""
    given = await _owners_form(visit)
    name = own_tokens.named(given.get("name", ""))
    if not name:
        return await _page(visit, 422, wrong="A person needs a name.")
    role = Role.OWNER if given.get("role") == Role.OWNER else Role.MEMBER
    try:
        made = await visit.db.writing(_add, visit, name, role, given.get("team", ""))
    except AlreadyThere:
        wrong = f"There is somebody called {name} on this console already; choose another name."
        return await _page(visit, 422, wrong=wrong)
    return visit.back(f"{visit.base}/people/{made.id}")


def _add(connection: Connection, visit: Visit, name: str, role: Role, team_id: str) -> Person:
    scope = visit.scope
    made = people.add(connection, name, visit.now)
    organizations.admit(connection, scope.organization_id, made.id, role)
    _note(connection, visit, f"{role}.added", name)
    if team_id:
        _join(connection, visit, made, team_id)
    return made


@of_team
async def add_team(visit: Visit) -> Response:
    """Add a team to the organization."""
    given = await _owners_form(visit)
    name = own_tokens.named(given.get("name", ""))
    if not name:
        return await _page(visit, 422, wrong="A team needs a name.")
    try:
        await visit.db.writing(_add_team, visit, name)
    except AlreadyThere:
        return await _page(visit, 422, wrong=f"There is a team called {name} already.")
    return visit.back(f"{visit.base}/people")


def _add_team(connection: Connection, visit: Visit, name: str) -> None:
    made = teams.add(connection, visit.scope.organization_id, name, visit.now)
    _note(connection, visit, "team.added", name, made.id)


# --- one person --------------------------------------------------------------------------------


@of_team
async def one(visit: Visit) -> Response:
    """One person, for owners to change."""
    return await _person_page(visit)


async def _person_page(visit: Visit, secret: str = "") -> Response:
    _must_be_owner(visit)
    whole = await visit.db.reading(_whole, visit)
    return await visit.page(
        "person.html",
        tab="People",
        whole=whole,
        expiries=own_tokens.EXPIRY_WORDS,
        secret=secret,
    )


def _whole(connection: Connection, visit: Visit) -> Whole:
    everybody, all_teams = _read(connection, visit.scope.organization_id)
    person_id = visit.named("id")
    found = next((each for each in everybody if each.person.id == person_id), None)
    if found is None:
        raise NotFound
    owners = [each for each in everybody if each.role is Role.OWNER]
    handled = _may_handle_tokens(connection, visit.caller.person_id, person_id)
    return Whole(
        found,
        [team for team in all_teams if team not in found.teams],
        tokens.listed(connection, person_id) if handled else None,
        owners == [found],
    )


def _may_handle_tokens(connection: Connection, owner_id: str, person_id: str) -> bool:
    owned = {
        standing.organization_name
        for standing in people.standings(connection, owner_id)
        if standing.role == Role.OWNER
    }
    theirs = {each.organization_name for each in people.standings(connection, person_id)}
    return theirs <= owned


@of_team
async def join(visit: Visit) -> Response:
    """Put a person on a team."""
    given = await _owners_form(visit)
    await visit.db.writing(_join_known, visit, given.get("team", ""))
    return _back(visit)


def _join_known(connection: Connection, visit: Visit, team_id: str) -> None:
    _join(connection, visit, _whole(connection, visit).somebody.person, team_id)


def _join(connection: Connection, visit: Visit, person: Person, team_id: str) -> None:
    team = _team(connection, visit, team_id)
    teams.join(connection, team.id, person.id)
    _note(connection, visit, "team.joined", person.name, team.id)


@of_team
async def leave(visit: Visit) -> Response:
    """Take a person off a team."""
    given = await _owners_form(visit)
    await visit.db.writing(_leave, visit, given.get("team", ""))
    return _back(visit)


def _leave(connection: Connection, visit: Visit, team_id: str) -> None:
    person, team = _whole(connection, visit).somebody.person, _team(connection, visit, team_id)
    teams.leave(connection, team.id, person.id)
    _note(connection, visit, "team.left", person.name, team.id)


@of_team
async def dismiss(visit: Visit) -> Response:
    """Take a person out of the organization; the last owner stays."""
    await _owners_form(visit)
    await visit.db.writing(_dismiss, visit)
    return visit.back(f"{visit.base}/people")


def _dismiss(connection: Connection, visit: Visit) -> None:
    whole = _whole(connection, visit)
    if whole.last_owner:
        raise NotFound  # no page offers it
    person = whole.somebody.person
    organizations.dismiss(connection, visit.scope.organization_id, person.id)
    _note(connection, visit, "organization.left", person.name)


@of_team
async def add_token(visit: Visit) -> Response:
    """Make a token for a person; the answer shows it, and nothing will again."""
    given = await _owners_form(visit)
    name = own_tokens.named(given.get("name", "")) or "first token"
    secret = await visit.db.writing(_add_token, visit, name, given.get("for", ""))
    return await _person_page(visit, secret=secret)


def _add_token(connection: Connection, visit: Visit, name: str, expiry: str) -> str:
    person = _handled(connection, visit)
    by = visit.caller.person_id
    return own_tokens.make(connection, person.id, name, expiry, visit.now, by)


@of_team
async def revoke(visit: Visit) -> Response:
    """End a token of a person's."""
    given = await _owners_form(visit)
    await visit.db.writing(_revoke, visit, given.get("token", ""))
    return visit.back(f"{visit.base}/people/{visit.named('id')}?said=revoked")


def _revoke(connection: Connection, visit: Visit, token_id: str) -> None:
    person = _handled(connection, visit)
    own_tokens.end(connection, token_id, person.id, visit.now, visit.caller.person_id)


# --- who may -----------------------------------------------------------------------------------


def _owns(visit: Visit) -> bool:
    return visit.scope.role is Role.OWNER


def _must_be_owner(visit: Visit) -> None:
    if not _owns(visit):
        raise NotFound


async def _owners_form(visit: Visit) -> dict[str, str]:
    """The fields of a form that only owners are shown. Raises `NotFound` for others."""
    given = await visit.form()
    _must_be_owner(visit)
    return dict(given)


def _handled(connection: Connection, visit: Visit) -> Person:
    """The person, if their tokens are the caller's to handle. Raises `NotFound`."""
    whole = _whole(connection, visit)
    if whole.tokens is None:
        raise NotFound
    return whole.somebody.person


def _team(connection: Connection, visit: Visit, team_id: str) -> Team:
    found = teams.find(connection, visit.scope.organization_id, team_id)
    if found is None:
        raise NotFound
    return found


def _back(visit: Visit) -> Response:
    return visit.back(f"{visit.base}/people/{visit.named('id')}")


def _note(
    connection: Connection, visit: Visit, action: str, subject: str, team_id: str | None = None
) -> None:
    audit.note(
        connection,
        action,
        subject,
        visit.now,
        organization_id=visit.scope.organization_id,
        team_id=team_id,
        person_id=visit.caller.person_id,
    )
