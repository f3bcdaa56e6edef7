"""A team's objectives: what must hold, how much of the time, and whether it did."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages import _filters
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.records import experiments, objectives, runs, verifications
from chaoscloud.console.records._rows import Cursor
from chaoscloud.console.records.audit import Author
from chaoscloud.console.records.experiments import Experiment
from chaoscloud.console.records.objectives import Objective, ObjectiveFields
from chaoscloud.console.records.runs import VerificationRun
from chaoscloud.console.records.verifications import Verification
from chaoscloud.console.rules import verifications as rules
from chaoscloud.console.rules.durations import seconds_of

PAGE = 30
MOST_CHOICES = 200  # experiments to choose from in a form
LONGEST_NAME = 200  # characters
ALL_VERIFICATIONS = 500  # looked through for those of one objective

TYPED = {  # a form's fields, and what they say when it is first shown
    "name": "",
    "description": "",
    "target": "99.9",
    "window": "30 days",
    "experiment": "",
    "measurement": "",
}


class VerificationEntry(msgspec.Struct, frozen=True):
    """A verification with its latest run."""

    verification: Verification
    run: VerificationRun | None


class Wrong(Exception):
    """What somebody typed cannot be used; the message is the sentence that says why."""


@of_team
async def list_page(visit: Visit) -> Response:
    """The objectives, the latest made first, and the form for another."""
    return await _page(visit)


async def _page(
    visit: Visit, status: int = 200, wrong: str = "", typed: Mapping[str, str] = TYPED
) -> Response:
    after = _filters.cursor(visit.request.query_params)
    records, choices = await visit.db.reading(_list_page, visit.scope.team_id, after)
    more, records = len(records) > PAGE, records[:PAGE]
    path = f"{visit.base}/objectives"
    last = records[-1] if records else None
    return await visit.page(
        "objectives.html",
        status,
        tab="Objectives",
        objectives=records,
        choices=choices,
        wrong=wrong,
        typed={**TYPED, **typed},
        newer=path if after else "",
        older=_filters.beyond(path, last.created_at, last.id) if more and last else "",
    )


def _list_page(
    connection: Connection, team_id: str, after: Cursor | None
) -> tuple[list[Objective], list[Experiment]]:
    records = objectives.list_page(connection, team_id, after=after, limit=PAGE + 1)
    return records, experiments.list_page(connection, team_id, limit=MOST_CHOICES)


@of_team
async def one(visit: Visit) -> Response:
    """One objective, with every verification that is held against it."""
    objective, entries = await visit.db.reading(_one, visit)
    return await visit.page(
        "objective.html", tab="Objectives", objective=objective, entries=entries
    )


def _one(connection: Connection, visit: Visit) -> tuple[Objective, list[VerificationEntry]]:
    team_id = visit.scope.team_id
    record = objectives.find(connection, team_id, visit.parameter("id"))
    if record is None:
        raise NotFound
    every = verifications.list_page(connection, team_id, limit=ALL_VERIFICATIONS)
    its = [item for item in every if item.objective_id == record.id]
    return record, find_latest_runs(connection, team_id, its)


def find_latest_runs(
    connection: Connection, team_id: str, records: Sequence[Verification]
) -> list[VerificationEntry]:
    """Verifications of a team, each with its latest run."""
    latest = runs.latest(connection, team_id, [item.id for item in records])
    return [VerificationEntry(item, latest.get(item.id)) for item in records]


@of_team
async def add(visit: Visit) -> Response:
    """Make an objective of a probe that was typed, or of an experiment's hypothesis."""
    fields = await visit.form()
    try:
        created_id = await visit.db.writing(_add, visit.author, fields, visit.now)
    except Wrong as wrong:
        return await _page(visit, 422, str(wrong), fields)
    return visit.back(f"{visit.base}/objectives/{created_id}")


def _add(connection: Connection, author: Author, fields: Mapping[str, str], now: datetime) -> str:
    name = one_line(fields.get("name", ""))
    if not name:
        raise Wrong("An objective needs a name: what must hold.")
    new = ObjectiveFields(
        name=name,
        description=fields.get("description", "").strip(),
        target=_target(fields.get("target", "")),
        window=span(fields.get("window", ""), "The window", "30 days"),
        measurement=_measurement(connection, author.team_id, fields, name),
    )
    return objectives.add(connection, author, new, now)


def one_line(typed: str) -> str:
    """A name as it is kept: one line that lists have room for."""
    return " ".join(typed.split())[:LONGEST_NAME]


def _target(typed: str) -> float:
    try:
        target = float(typed.strip().rstrip("%"))
    except ValueError:
        target = 0.0
    if not 0 < target <= 100:
        raise Wrong("The target is a percentage of the time: 99.9, say.")
    return target


def span(typed: str, what: str, example: str, *, may_be_none: bool = False) -> float:
    """A duration somebody typed, in seconds. Raises `Wrong`."""
    if may_be_none and typed.strip() in ("", "0", "0s", "0 s"):
        return 0.0
    seconds = seconds_of(typed)
    if seconds is None:
        raise Wrong(f"{what} is a duration: {example}, say.")
    return seconds


def _measurement(
    connection: Connection, team_id: str, fields: Mapping[str, str], title: str
) -> dict[str, Any]:
    chosen, typed = fields.get("experiment", ""), fields.get("measurement", "").strip()
    raw = experiments.document(connection, team_id, chosen) if chosen else typed.encode()
    if not raw:
        raise Wrong("Say what is measured: choose an experiment, or write a probe as JSON.")
    try:
        decoded = msgspec.json.decode(raw)
        decoded = decoded.get(rules.HYPOTHESIS) if chosen else decoded
        return rules.hypothesis(decoded, title, "measurement")
    except (msgspec.DecodeError, RecursionError):
        missing = "That experiment has no steady-state hypothesis with probes."
        raise Wrong(missing if chosen else _NOT_A_PROBE) from None


_NOT_A_PROBE = (
    "The measurement is a probe with its tolerance and its provider, as experiments have them, "
    "in JSON."
)
