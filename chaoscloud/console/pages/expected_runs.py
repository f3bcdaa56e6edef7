"""Runs that the team expects, and those that did not come."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.records import TooMany, expected_runs, experiments
from chaoscloud.console.records.expected_runs import ExpectedRunStatus, MissedRun, TeamActor
from chaoscloud.console.records.experiments import Experiment
from chaoscloud.console.rules.durations import seconds_of
from chaoscloud.console.rules.schedules import InvalidSchedule, Schedule, read_schedule

MOST_EXPERIMENTS = 500  # to choose from
MOST_MISSED = 50
EMPTY = {"experiment": "", "cron": "0 6 * * 1-5", "zone": "", "grace": "30 min"}


class ExpectedRunsPage(msgspec.Struct, frozen=True):
    """All that the page shows."""

    expected: list[ExpectedRunStatus]
    missed: list[MissedRun]
    experiments: list[Experiment]


@of_team
async def show(visit: Visit) -> Response:
    """What is expected, what did not come, and a form to expect more."""
    chosen = visit.request.query_params.get("experiment", "")
    return await _page(visit, EMPTY | {"experiment": chosen})


async def _page(
    visit: Visit, form: Mapping[str, str], status: int = 200, wrong: str = ""
) -> Response:
    page = await visit.db.reading(_load, visit)
    return await visit.page(
        "expected_runs.html", status, tab="Experiments", page=page, form=form, wrong=wrong
    )


def _load(connection: Connection, visit: Visit) -> ExpectedRunsPage:
    team_id = visit.scope.team_id
    return ExpectedRunsPage(
        expected_runs.list_of_team(connection, team_id, visit.now),
        expected_runs.list_missed(connection, team_id, limit=MOST_MISSED),
        experiments.list_page(connection, team_id, limit=MOST_EXPERIMENTS),
    )


@of_team
async def add(visit: Visit) -> Response:
    """Expect runs of an experiment from now on."""
    form = EMPTY | dict(await visit.form())
    try:
        is_known = await visit.db.writing(_add, visit, form["experiment"], _read_schedule(form))
    except (InvalidSchedule, TooMany) as error:
        return await _page(visit, form, 422, str(error))
    if not is_known:
        return await _page(visit, form, 422, "Choose an experiment.")
    return visit.back(f"{visit.base}/expected-runs?said=expected")


def _read_schedule(form: Mapping[str, str]) -> Schedule:
    typed = form["grace"].strip()
    grace = seconds_of(typed) if typed and typed != "0" else 0.0
    if grace is None:
        raise InvalidSchedule("Write the grace as 30 min, 2 h or 1 day.")
    return read_schedule(form["cron"], form["zone"], grace)


def _add(connection: Connection, visit: Visit, experiment_id: str, schedule: Schedule) -> bool:
    added = expected_runs.add(connection, _actor(visit), experiment_id, schedule, visit.now)
    return added is not None


@of_team
async def remove(visit: Visit) -> Response:
    """Expect these runs no more."""
    await visit.form()
    await visit.db.writing(_remove, visit)
    return visit.back(f"{visit.base}/expected-runs?said=unexpected")


def _remove(connection: Connection, visit: Visit) -> None:
    expected = expected_runs.find(connection, visit.scope.team_id, visit.parameter("id"))
    if expected is None:
        raise NotFound
    expected_runs.remove(connection, _actor(visit), expected, visit.now)


def _actor(visit: Visit) -> TeamActor:
    return TeamActor(**msgspec.structs.asdict(visit.author))
