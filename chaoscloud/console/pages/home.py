"""The door: to one's team, or to the list of one's teams."""

from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages._visit import Visit, of_team, signed_in
from chaoscloud.console.records import organizations, teams
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team

House = tuple[Organization, list[Team]]


@signed_in
async def home(visit: Visit) -> Response:
    """Who is on one team goes straight there."""
    houses = await visit.db.reading(_houses, visit.caller.person_id)
    rooms = [(organization, team) for organization, its in houses for team in its]
    if len(rooms) == 1:
        [(organization, team)] = rooms
        return RedirectResponse(f"/{organization.slug}/{team.slug}/executions", 303)
    return await visit.page("teams.html", houses=houses, heading="Your teams")


@signed_in
async def all_teams(visit: Visit) -> Response:
    """Every team one may see, to change to another."""
    houses = await visit.db.reading(_houses, visit.caller.person_id)
    return await visit.page("teams.html", houses=houses, heading="Your teams")


@signed_in
async def organization(visit: Visit) -> Response:
    """The teams of one organization."""
    houses = await visit.db.reading(_houses, visit.caller.person_id)
    word = visit.named("org")
    mine = [house for house in houses if word in (house[0].slug, house[0].id)]
    if not mine:
        raise NotFound
    return await visit.page("teams.html", houses=mine, heading=mine[0][0].name)


@of_team
async def team(visit: Visit) -> Response:
    """A team's address opens its executions."""
    return RedirectResponse(f"{visit.base}/executions", 303)


def _houses(connection: Connection, person_id: str) -> list[House]:
    seen = organizations.seen_by(connection, person_id)
    return [(one, teams.seen_by(connection, one.id, person_id)) for one in seen]
