"""Would this run be allowed at that time? Asked in the address, so that it can be passed on."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.pages._visit import Visit
from chaoscloud.console.records import experiments, safeguards
from chaoscloud.console.rules import documents
from chaoscloud.console.rules.verdict import Run, Safeguard, Verdict, verdict
from chaoscloud.console.watch import Watch

FARTHEST = timedelta(days=3660)


class Would(msgspec.Struct, frozen=True):
    """What was asked, as it was typed; the answer, or why there is none."""

    typed: Mapping[str, str]
    tags: tuple[str, ...] = ()
    at: datetime | None = None
    verdict: Verdict | None = None
    wrong: str = ""


async def would(visit: Visit) -> Would:
    """The answer to what the address asks, if it asks."""
    asked = visit.request.query_params
    typed = {name: asked.get(name, "").replace("\0", "") for name in ("experiment", "tags", "at")}
    if "would" not in asked:
        return Would(typed)
    at = _moment(typed["at"]) if typed["at"] else visit.now
    if at is None or abs(at - visit.now) > FARTHEST:
        return Would(typed, wrong="Give a time within ten years, such as 2026-12-24T18:00.")
    holding, carried = await visit.db.reading(_read, visit, typed["experiment"])
    tags = dict.fromkeys((*(tag.strip() for tag in typed["tags"].split(",")), *carried))
    run = Run(None, tuple(tag for tag in tags if tag))
    watch: Watch = visit.request.app.state.watch
    facts = await watch.facts(visit.scope.organization_id, holding)
    return Would(typed, run.tags, at, verdict(holding, at, run, facts))


def _read(
    connection: Connection, visit: Visit, experiment_id: str
) -> tuple[list[Safeguard], tuple[str, ...]]:
    """The safeguards in force, and the tags of the experiment if there is one."""
    scope = visit.scope
    holding = safeguards.in_force(connection, scope.organization_id, scope.team_id)
    document = experiments.document(connection, scope.team_id, experiment_id)
    head = msgspec.json.decode(document, type=documents.Head) if document else documents.Head()
    return holding, tuple(head.tags or ())


def _moment(typed: str) -> datetime | None:
    """The time somebody typed, by the clocks of UTC."""
    try:
        moment = datetime.fromisoformat(typed)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        return None
