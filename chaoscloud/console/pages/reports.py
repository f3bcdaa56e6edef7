"""The report of a period, to take away."""

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.reports.execution import Origin
from chaoscloud.console.reports.period import (
    build_period_report,
    read_period,
    render_period_report,
)


@of_team
async def of_period(visit: Visit) -> Response:
    """What the team tried in a period: the last 30 days, unless the address says otherwise."""
    query, scope = visit.request.query_params, visit.scope
    try:
        period = read_period(
            query.get("since", ""), query.get("until", ""), query.getlist("tag"), visit.now
        )
    except (ValueError, OverflowError) as error:
        raise NotFound(f"Not a period: {error}.") from None
    origin = Origin(scope.organization_name, scope.team_name)
    report = await visit.db.reading(build_period_report, scope.team_id, origin, period, visit.now)
    return Response(
        await run_in_threadpool(render_period_report, report),
        media_type="text/html",
        headers={"Content-Disposition": 'attachment; filename="report.html"'},
    )
