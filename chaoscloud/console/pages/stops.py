"""Stop one run, from its page."""

from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.pages._stop_form import InvalidReason, reason_of
from chaoscloud.console.pages._stop_query import wait_and_count
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.pages.executions import find_record, page_of_one
from chaoscloud.console.records import stops
from chaoscloud.console.rules.safeguards import Safeguard


@of_team
async def stop(visit: Visit) -> Response:
    """Stop the run that the address names, and no other."""
    form = await visit.form()
    try:
        reason = reason_of(form)
    except InvalidReason as error:
        return await page_of_one(visit, 422, wrong=str(error), reason=error.typed)
    stopped = await visit.db.writing(_stop, visit, reason)
    page = f"{visit.base}/executions/{visit.parameter('id')}"
    if stopped is None:
        return visit.back(f"{page}?said=over")
    return visit.back(f"{page}?said=asked{await wait_and_count(visit.db, stopped)}")


def _stop(connection: Connection, visit: Visit, reason: str) -> Safeguard | None:
    """Set the stop of this run; None when it has ended. Raises `NotFound`."""
    execution = find_record(connection, visit)
    if execution.status != "running":
        return None
    return stops.stop(
        connection,
        visit.scope.organization_id,
        visit.scope.team_id,
        reason,
        visit.now,
        person_id=visit.caller.person_id,
        token_id=visit.caller.token_id,
        execution_id=execution.id,
    )
