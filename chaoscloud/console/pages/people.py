"""The people of an organization, the teams they are on, and their tokens.

Everybody of the organization sees who belongs to it; owners change it. An owner makes and revokes
tokens of its people that open this organization; what they have elsewhere does not show here.
"""

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages import tokens as own_tokens
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.records import AlreadyThere, audit, organizations, people, teams, tokens
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.people import Person
from chaoscloud.console.records.teams import Team
from chaoscloud.console.records.tokens import Token
from chaoscloud.console.rules.access import Role


class PersonRow(msgspec.Struct, frozen=True):
    """A person of the organization, as lists show them."""

    person: Person
    role: Role
    teams: list[Team]


class PersonDetail(msgspec.Struct, frozen=True):
    """One person, with what an owner may change."""

    row: PersonRow
    other_teams: list[Team]  # teams they are not on
    tokens: list[Token]  # those that open this organization
    last_owner: bool


@of_team
async def list_page(visit: Visit) -> Response:
    """Everybody, and the teams."""
    return await _page(visit)


async def _page(visit: Visit, status: int = 200, **more: str) -> Response:
    everybody, all_teams = await visit.db.reading(_load, visit.scope.organization_id)
    return await visit.page(
        "people.html",
        status,
        tab="People",
        everybody=everybody,
        all_teams=all_teams,
        may_change=_owns(visit),
        **({"wrong": ""} | more),
    )


def _load(connection: Connection, organization_id: str) -> tuple[list[PersonRow], list[Team]]:
    all_teams = teams.of_organization(connection, organization_id)
    on = {team.id: {p.id for p in people.of_team(connection, team.id)} for team in all_teams}
    roles = organizations.list_roles(connection, organization_id)
    everybody = [
        PersonRow(
            person,
            roles.get(person.id, Role.MEMBER),
            [team for team in all_teams if person.id in on[team.id]],
        )
        for person in people.of_organization(connection, organization_id)
    ]
    return everybody, all_teams


@of_team
async def add(visit: Visit) -> Response:
    """Add a person, on a team if one is named."""
    form = await _owners_form(visit)
    name = own_tokens.name_of(form.get("name", ""))
    if not name:
        return await _page(visit, 422, wrong="A person needs a name.")
    role = Role.OWNER if form.get("role") == Role.OWNER else Role.MEMBER
    try:
        person = await visit.db.writing(_add, visit, name, role, form.get("team", ""))
    except AlreadyThere:
        wrong = (
            f"There is somebody called {name} in {visit.scope.organization_name} already:"
            " choose another name, or open their page to put them on a team."
        )
        return await _page(visit, 422, wrong=wrong)
    return visit.back(f"{visit.base}/people/{person.id}")


def _add(connection: Connection, visit: Visit, name: str, role: Role, team_id: str) -> Person:
    scope = visit.scope
    person = people.add(connection, name, visit.now)
    organizations.admit(connection, scope.organization_id, person.id, role)
    _note(connection, visit, f"{role}.added", person)
    if team_id:
        _join(connection, visit, person, team_id)
    return person


@of_team
async def add_team(visit: Visit) -> Response:
    """Add a team to the organization."""
    form = await _owners_form(visit)
    name = own_tokens.name_of(form.get("name", ""))
    if not name:
        return await _page(visit, 422, wrong="A team needs a name.")
    try:
        await visit.db.writing(_add_team, visit, name)
    except AlreadyThere:
        return await _page(visit, 422, wrong=f"There is a team called {name} already.")
    return visit.back(f"{visit.base}/people")


def _add_team(connection: Connection, visit: Visit, name: str) -> None:
    team = teams.add(connection, visit.scope.organization_id, name, visit.now)
    _note(connection, visit, "team.added", team, team.id)


@of_team
async def rename(visit: Visit) -> Response:
    """Rename the organization, or the team whose page this is."""
    form = await _owners_form(visit)
    name = own_tokens.name_of(form.get("name", ""))
    if not name:
        return await _page(visit, 422, wrong="A name needs at least one letter.")
    is_team = form.get("what") == "team"
    try:
        await visit.db.writing(_rename_team if is_team else _rename_organization, visit, name)
    except AlreadyThere:
        kind = "a team" if is_team else "an organization"
        return await _page(visit, 422, wrong=f"There is {kind} called {name} already.")
    # The address that the form was sent from leads on to the new one.
    return visit.back(f"{visit.base}/people?said=renamed")


def _rename_team(connection: Connection, visit: Visit, name: str) -> None:
    team = _team(connection, visit, visit.scope.team_id)
    teams.rename(connection, team, name, visit.now)
    _note_renaming(connection, visit, team, name, team.id)


def _rename_organization(connection: Connection, visit: Visit, name: str) -> None:
    organization = organizations.find(connection, visit.scope.organization_id)
    if organization is None:
        raise NotFound
    organizations.rename(connection, organization, name, visit.now)
    _note_renaming(connection, visit, organization, name)


def _note_renaming(
    connection: Connection,
    visit: Visit,
    earlier: Person | Team | Organization,
    name: str,
    team_id: str | None = None,
) -> None:
    action = f"{type(earlier).__name__.lower()}.renamed"
    renamed = msgspec.structs.replace(earlier, name=f"{earlier.name} to {name}")
    _note(connection, visit, action, renamed, team_id)


# --- one person --------------------------------------------------------------------------------


@of_team
async def one(visit: Visit) -> Response:
    """One person, for owners to change."""
    return await _person_page(visit)


async def _person_page(
    visit: Visit, status: int = 200, *, secret: str = "", wrong: str = ""
) -> Response:
    _must_be_owner(visit)
    detail = await visit.db.reading(_load_person, visit)
    return await visit.page(
        "person.html",
        status,
        wrong=wrong,
        tab="People",
        detail=detail,
        expiries=own_tokens.EXPIRY_WORDS,
        secret=secret,
    )


def _load_person(connection: Connection, visit: Visit) -> PersonDetail:
    everybody, all_teams = _load(connection, visit.scope.organization_id)
    person_id = visit.parameter("id")
    row = next((row for row in everybody if row.person.id == person_id), None)
    if row is None:
        raise NotFound
    owners = [row for row in everybody if row.role is Role.OWNER]
    within = (visit.scope.organization_id,)
    return PersonDetail(
        row,
        [team for team in all_teams if team not in row.teams],
        tokens.list_tokens(connection, person_id, within=within),
        owners == [row],
    )


@of_team
async def rename_person(visit: Visit) -> Response:
    """Rename a person, in every organization that they belong to."""
    form = await _owners_form(visit)
    name = own_tokens.name_of(form.get("name", ""))
    if not name:
        return await _person_page(visit, 422, wrong="A person needs a name.")
    try:
        is_renamed = await visit.db.writing(_rename_person, visit, name)
    except AlreadyThere:
        wrong = f"There is somebody else called {name} already: choose another name."
        return await _person_page(visit, 422, wrong=wrong)
    if not is_renamed:
        wrong = "Only the console's operator can rename them: chaosiq-console person rename."
        return await _person_page(visit, 409, wrong=wrong)
    return visit.back(f"{visit.base}/people/{visit.parameter('id')}?said=renamed")


def _rename_person(connection: Connection, visit: Visit, name: str) -> bool:
    """Whether it was done: an owner does not rename somebody who belongs elsewhere too."""
    person = _load_person(connection, visit).row.person
    if len(people.list_affiliations(connection, person.id)) > 1:
        return False
    people.rename(connection, person, name)
    _note_renaming(connection, visit, person, name)
    return True


@of_team
async def join(visit: Visit) -> Response:
    """Put a person on a team."""
    form = await _owners_form(visit)
    await visit.db.writing(_join_known, visit, form.get("team", ""))
    return _back(visit)


def _join_known(connection: Connection, visit: Visit, team_id: str) -> None:
    _join(connection, visit, _load_person(connection, visit).row.person, team_id)


def _join(connection: Connection, visit: Visit, person: Person, team_id: str) -> None:
    team = _team(connection, visit, team_id)
    teams.join(connection, team.id, person.id)
    _note(connection, visit, "team.joined", person, team.id)


@of_team
async def leave(visit: Visit) -> Response:
    """Take a person off a team."""
    form = await _owners_form(visit)
    await visit.db.writing(_leave, visit, form.get("team", ""))
    return _back(visit)


def _leave(connection: Connection, visit: Visit, team_id: str) -> None:
    person, team = _load_person(connection, visit).row.person, _team(connection, visit, team_id)
    teams.leave(connection, team.id, person.id)
    _note(connection, visit, "team.left", person, team.id)


@of_team
async def dismiss(visit: Visit) -> Response:
    """Take a person out of the organization; the last owner stays."""
    await _owners_form(visit)
    await visit.db.writing(_dismiss, visit)
    return visit.back(f"{visit.base}/people")


def _dismiss(connection: Connection, visit: Visit) -> None:
    detail = _load_person(connection, visit)
    if detail.last_owner:
        raise NotFound  # no page offers it
    person = detail.row.person
    organizations.dismiss(connection, visit.scope.organization_id, person.id, visit.now)
    _note(connection, visit, "organization.left", person)


@of_team
async def add_token(visit: Visit) -> Response:
    """Make a token for a person; the answer shows it, and nothing will again."""
    form = await _owners_form(visit)
    name = own_tokens.name_of(form.get("name", "")) or "first token"
    secret = await visit.db.writing(_add_token, visit, name, form.get("for", ""))
    return await _person_page(visit, secret=secret)


def _add_token(connection: Connection, visit: Visit, name: str, expiry: str) -> str:
    person = _load_person(connection, visit).row.person
    organization_id = visit.scope.organization_id
    return own_tokens.make(
        connection, person, organization_id, name, expiry, visit.now, visit.caller
    )


@of_team
async def revoke(visit: Visit) -> Response:
    """End a token of a person's."""
    form = await _owners_form(visit)
    await visit.db.writing(_revoke, visit, form.get("token", ""))
    return visit.back(f"{visit.base}/people/{visit.parameter('id')}?said=revoked")


def _revoke(connection: Connection, visit: Visit, token_id: str) -> None:
    detail = _load_person(connection, visit)
    token = next((token for token in detail.tokens if token.id == token_id), None)
    if token is None:
        raise NotFound
    organization_id = visit.scope.organization_id
    own_tokens.close(connection, detail.row.person, organization_id, token, visit.now, visit.caller)


# --- who may -----------------------------------------------------------------------------------


def _owns(visit: Visit) -> bool:
    return visit.scope.role is Role.OWNER


def _must_be_owner(visit: Visit) -> None:
    if not _owns(visit):
        raise NotFound


async def _owners_form(visit: Visit) -> dict[str, str]:
    """The fields of a form that only owners are shown. Raises `NotFound` for others."""
    form = await visit.form()
    _must_be_owner(visit)
    return dict(form)


def _team(connection: Connection, visit: Visit, team_id: str) -> Team:
    team = teams.find(connection, visit.scope.organization_id, team_id)
    if team is None:
        raise NotFound
    return team


def _back(visit: Visit) -> Response:
    return visit.back(f"{visit.base}/people/{visit.parameter('id')}")


def _note(
    connection: Connection,
    visit: Visit,
    action: str,
    subject: Person | Team | Organization,
    team_id: str | None = None,
) -> None:
    audit.add_entry(
        connection,
        action,
        subject.name,
        visit.now,
        organization_id=visit.scope.organization_id,
        team_id=team_id,
        person_id=visit.caller.person_id,
        token_id=visit.caller.token_id,
        target=("person", subject.id) if isinstance(subject, Person) else None,
    )
