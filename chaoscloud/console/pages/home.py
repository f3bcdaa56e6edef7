"""The door: to one's team, or to the list of one's teams."""

from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from chaoscloud.console.auth import Caller
from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages._visit import Visit, signed_in
from chaoscloud.console.records import earlier_slugs, organizations, teams
from chaoscloud.console.records.organization_overview import read_organization
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team

OrganizationTeams = tuple[Organization, list[Team]]


@signed_in
async def home(visit: Visit) -> Response:
    """Who is on one team goes straight there."""
    organization_teams = await visit.db.reading(_load_teams, visit.caller)
    pairs = [(organization, team) for organization, of_it in organization_teams for team in of_it]
    if len(pairs) == 1:
        [(organization, team)] = pairs
        return RedirectResponse(f"/{organization.slug}/{team.slug}", 303)
    return await visit.page(
        "teams.html", organization_teams=organization_teams, heading="Your teams"
    )


@signed_in
async def all_teams(visit: Visit) -> Response:
    """Every team one may see, to change to another."""
    organization_teams = await visit.db.reading(_load_teams, visit.caller)
    return await visit.page(
        "teams.html", organization_teams=organization_teams, heading="Your teams"
    )


@signed_in
async def organization(visit: Visit) -> Response:
    """The overview of an organization, over the teams of it that one may see."""
    organization_teams = await visit.db.reading(_load_teams, visit.caller)
    word = visit.parameter("org")
    own = [pair for pair in organization_teams if word in (pair[0].slug, pair[0].id)]
    if not own:
        renamed_id = await visit.db.reading(earlier_slugs.find_organization, word)
        for renamed, _ in organization_teams:
            if renamed.id == renamed_id:
                return RedirectResponse(f"/{renamed.slug}", 308)
        raise NotFound
    [(found, its_teams)] = own[:1]
    overviews = await visit.db.reading(read_organization, found.id, its_teams, visit.now)
    return await visit.page("organization.html", organization=found, overviews=overviews)


def _load_teams(connection: Connection, caller: Caller) -> list[OrganizationTeams]:
    visible = organizations.seen_by(connection, caller.person_id, caller.organization_ids)
    return [
        (organization, teams.seen_by(connection, organization.id, caller.person_id))
        for organization in visible
    ]
