"""Documents to hand over, as files."""

import asyncio

from starlette.responses import Response

from chaoscloud.console.api._body import Invalid
from chaoscloud.console.api._team_request import TeamRequest, of_team, origin_of
from chaoscloud.console.errors import NotFound
from chaoscloud.console.reports.execution import (
    Origin,
    build_execution_report,
    render_execution_report,
)
from chaoscloud.console.reports.period import (
    build_period_report,
    read_period,
    render_period_report,
)


@of_team
async def of_execution(request: TeamRequest) -> Response:
    """An execution as one HTML file, which loads nothing and runs nothing."""
    execution_id, team = request.path("execution"), request.team
    page = f"{team.organization_slug}/{team.team_slug}/executions/{execution_id}"
    origin = Origin(team.organization_name, team.team_name, f"{origin_of(request.http)}/{page}")
    report = await request.db.reading(
        build_execution_report, team.team_id, execution_id, origin, request.now
    )
    if report is None:
        raise NotFound("There is no such execution.")
    content = await asyncio.to_thread(render_execution_report, report)
    name = f'attachment; filename="report-{execution_id}.html"'
    headers = {"Content-Disposition": name, "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type="text/html", headers=headers)


@of_team
async def of_period(request: TeamRequest) -> Response:
    """What the team tried in a period, found, fixed and never tried: one HTML file."""
    query, team = request.http.query_params, request.team
    try:
        period = read_period(
            query.get("since", ""), query.get("until", ""), query.getlist("tag"), request.now
        )
    except (ValueError, OverflowError) as error:
        raise Invalid(f"Not a period: {error}", ["query", "since"], "value_error") from None
    origin = Origin(team.organization_name, team.team_name)
    report = await request.db.reading(
        build_period_report, team.team_id, origin, period, request.now
    )
    content = await asyncio.to_thread(render_period_report, report)
    headers = {
        "Content-Disposition": 'attachment; filename="report.html"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type="text/html", headers=headers)
