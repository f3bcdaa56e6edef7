"""Would this run be allowed at that time? Asked in the address, so that it can be passed on."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.pages._visit import Visit
from chaoscloud.console.records import experiments
from chaoscloud.console.rules import documents
from chaoscloud.console.watch import Watch
from chaoscloud.console.watch.simulation import FARTHEST, Simulation, simulate_run

FIELDS = ("experiment", "tags", "at")


class SimulationForm(msgspec.Struct, frozen=True):
    """What was typed; the result, or why there is none. Without either nobody asked."""

    typed: Mapping[str, str]
    result: Simulation | None = None
    error: str = ""


async def simulate(visit: Visit) -> SimulationForm:
    """Answer what the address asks, if it asks."""
    query = visit.request.query_params
    typed = {name: query.get(name, "").replace("\0", "") for name in FIELDS}
    if "simulate" not in query:
        return SimulationForm(typed)
    at = _parse_time(typed["at"]) if typed["at"] else visit.now
    if at is None or abs(at - visit.now) > FARTHEST:
        error = "Give a time within ten years, such as 2026-12-24T18:00."
        return SimulationForm(typed, error=error)
    carried = await visit.db.reading(_read_tags, visit, typed["experiment"])
    tags = (*(tag.strip() for tag in typed["tags"].split(",")), *carried)
    watch: Watch = visit.request.app.state.watch
    return SimulationForm(typed, await simulate_run(visit.db, watch, visit.scope, tags, at))


def _read_tags(connection: Connection, visit: Visit, experiment_id: str) -> tuple[str, ...]:
    """The tags of the team's experiment, if there is one."""
    document = experiments.document(connection, visit.scope.team_id, experiment_id)
    if not document:
        return ()
    return tuple(msgspec.json.decode(document, type=documents.Head).tags or ())


def _parse_time(typed: str) -> datetime | None:
    """The time somebody typed, in UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(typed)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        return None
