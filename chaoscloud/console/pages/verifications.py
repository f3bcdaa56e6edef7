"""A team's verifications, their runs, and what each run showed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages import _filters
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.pages.live import Followed, following, live_page
from chaoscloud.console.pages.objectives import (
    MOST_CHOICES,
    VerificationEntry,
    Wrong,
    find_latest_runs,
    one_line,
    span,
)
from chaoscloud.console.records import (
    AlreadyThere,
    execution_lists,
    experiments,
    objectives,
    run_events,
    runs,
    verification_creation,
    verifications,
)
from chaoscloud.console.records._rows import Cursor, new_id
from chaoscloud.console.records.experiments import Experiment
from chaoscloud.console.records.objectives import Objective
from chaoscloud.console.records.removals import read_removal
from chaoscloud.console.records.runs import RunMarker, VerificationRun
from chaoscloud.console.records.verification_creation import Composition, Import, Missing
from chaoscloud.console.records.verifications import Verification
from chaoscloud.console.rules import verifications as rules
from chaoscloud.console.rules.curve import Curve, curve
from chaoscloud.console.rules.verifications import Timing
from chaoscloud.console.rules.wholeness import Removal, find_removal
from chaoscloud.outcome.samples import (
    SampleEvent,
    Sampling,
    as_not_run,
    from_events,
    from_journal,
)
from chaoscloud.outcome.values import as_map
from chaoscloud.outcome.verdict import TOO_SLOW

PAGE = 30
MOST_EVENTS = 5_000  # of a run, read for its samples

TYPED = {  # the form's fields, and what they say when it is first shown
    "name": "",
    "objective": "",
    "experiment": "",
    "frequency": "10 s",
    "duration": "5 min",
    "warm_up": "0 s",
    "cool_down": "0 s",
}


class Choices(msgspec.Struct, frozen=True):
    """What the forms let choose from."""

    objectives: list[Objective]
    experiments: list[Experiment]


@of_team
async def list_page(visit: Visit) -> Response:
    """The verifications, the latest made first, and the forms for another."""
    return await _page(visit)


async def _page(
    visit: Visit, status: int = 200, wrong: str = "", typed: Mapping[str, str] = TYPED
) -> Response:
    after = _filters.cursor(visit.request.query_params)
    records, choices = await visit.db.reading(_list_page, visit.scope.team_id, after)
    more, records = len(records) > PAGE, records[:PAGE]
    path = f"{visit.base}/verifications"
    last = records[-1].verification if records else None
    return await visit.page(
        "verifications.html",
        status,
        tab="Verifications",
        entries=records,
        choices=choices,
        wrong=wrong,
        typed={**TYPED, **typed},
        newer=path if after else "",
        older=_filters.beyond(path, last.created_at, last.id) if more and last else "",
    )


def _list_page(
    connection: Connection, team_id: str, after: Cursor | None
) -> tuple[list[VerificationEntry], Choices]:
    records = verifications.list_page(connection, team_id, after=after, limit=PAGE + 1)
    choices = Choices(
        objectives.list_page(connection, team_id, limit=MOST_CHOICES),
        experiments.list_page(connection, team_id, limit=MOST_CHOICES),
    )
    return find_latest_runs(connection, team_id, records), choices


# --- one, and its runs -------------------------------------------------------------------------


@of_team
async def one(visit: Visit) -> Response:
    """One verification and its runs, the latest first."""
    after = _filters.cursor(visit.request.query_params)
    verification, rows, removal = await visit.db.reading(_one, visit, after)
    more, rows = len(rows) > PAGE, rows[:PAGE]
    path = f"{visit.base}/verifications/{quote(verification.id, safe='')}"
    last = rows[-1] if rows else None
    return await visit.page(
        "verification.html",
        tab="Verifications",
        verification=verification,
        runs=rows,
        removal=removal,
        path=path,
        verify_url=f"{visit.origin}/assets{path}.json",
        newer=path if after else "",
        older=_filters.beyond(path, last.created_at, last.id) if more and last else "",
    )


def _one(
    connection: Connection, visit: Visit, after: Cursor | None
) -> tuple[Verification, list[VerificationRun], Removal | None]:
    verification = _verification(connection, visit)
    team_id = visit.scope.team_id
    document = _decode(verifications.document(connection, team_id, verification.id) or b"{}")
    latest = runs.list_page(connection, team_id, verification.id, after=after, limit=PAGE + 1)
    return verification, latest, find_removal(document or {})


def _verification(connection: Connection, visit: Visit) -> Verification:
    word = visit.parameter("id")
    record = verifications.find(connection, visit.scope.team_id, word)
    if record is None:
        raise NotFound
    return record


@of_team
async def run(visit: Visit) -> Response:
    """One run: its insight, and its samples as a drawing."""
    return await visit.page("run.html", tab="Verifications", **await _drawn(visit))


@live_page
async def live(visit: Visit) -> Response:
    """The event stream of the run that the address names."""
    await _pulse(visit)  # not there, or not theirs: a plain 404
    return following(visit, RUN)


async def _pulse(visit: Visit) -> RunMarker:
    team_id, names = visit.scope.team_id, (visit.parameter("id"), visit.parameter("run"))
    record = await visit.db.reading(runs.find_marker, team_id, *names)
    if record is None:
        raise NotFound
    return record


async def _piece(visit: Visit) -> Mapping[str, str]:
    values = await _drawn(visit)
    html = await run_in_threadpool(visit.html, "_run.html", **values)
    return {"html": html, "title": f"Run of {values['verification'].name}"}


RUN = Followed(_pulse, lambda pulse: pulse.state == runs.RUNNING, _piece)


async def _drawn(visit: Visit) -> dict[str, Any]:
    """What the template of a run wants to know."""
    verification, record, sampling, is_dry, last_heard = await visit.db.reading(_run, visit)
    removal = await visit.db.reading(read_removal, record.id)
    drawn: Curve | None = curve(sampling)
    path = f"{visit.base}/verifications/{quote(verification.id, safe='')}"
    return {
        "verification": verification,
        "path": path,
        "run": record,
        "goes_on": record.state == runs.RUNNING,
        "last_heard": last_heard,  # of a run that has been silent for too long
        "sampling": sampling,
        "dry": is_dry,
        "slow_pace": _slow_pace(record, verification),
        "curve": drawn,
        "removal": removal,
    }


def _slow_pace(run: VerificationRun, verification: Verification) -> float | None:
    """How many seconds passed between two samples, when that is clearly more than was asked for."""
    results = run.results
    if results is None or results.pace is None:
        return None
    frequency = results.frequency or verification.frequency
    return results.pace if results.pace > TOO_SLOW * frequency else None


def _run(
    connection: Connection, visit: Visit
) -> tuple[Verification, VerificationRun, Sampling, bool, datetime | None]:
    verification = _verification(connection, visit)
    run_id = visit.parameter("run")
    record = runs.find(connection, visit.scope.team_id, verification.id, run_id)
    if record is None:
        raise NotFound
    events = run_events.list_page(connection, record.id, limit=MOST_EVENTS)
    sampling = from_events(
        SampleEvent(item.category, item.received_at, _decode(item.payload)) for item in events
    )
    journal = _decode(runs.journal(connection, record.id) or b"null")
    if not sampling.samples:
        sampling = from_journal(journal)
    is_dry = bool(as_map(as_map(journal).get("experiment")).get("dry"))
    if is_dry:
        sampling = as_not_run(sampling)
    last_event_at = max((item.received_at for item in events), default=record.created_at)
    silent = record.state == runs.RUNNING and visit.now - last_event_at > execution_lists.SILENCE
    return verification, record, sampling, is_dry, last_event_at if silent else None


def _decode(document: bytes) -> Any:
    try:
        return msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError):
        return None


# --- making ------------------------------------------------------------------------------------


@of_team
async def add(visit: Visit) -> Response:
    """Make a verification of an objective and a condition."""
    fields = await visit.form()
    try:
        new = _composition(fields)
        created_id = await visit.db.writing(
            verification_creation.compose, visit.author, new, visit.now
        )
    except Wrong as wrong:
        return await _page(visit, 422, str(wrong), fields)
    except Missing as missing:
        return await _page(visit, 422, f"Choose an {missing} of this team.", fields)
    return visit.back(f"{visit.base}/verifications/{created_id}")


def _composition(fields: Mapping[str, str]) -> Composition:
    name = one_line(fields.get("name", ""))
    if not name:
        raise Wrong("A verification needs a name: what it shows.")
    return Composition(
        name=name,
        objective_id=fields.get("objective", ""),
        experiment_id=fields.get("experiment") or None,
        timing=Timing(
            span(fields.get("frequency", ""), "The pace", "10 s"),
            span(fields.get("warm_up", ""), "The warm-up", "30 s", may_be_none=True),
            span(fields.get("duration", ""), "The condition's time", "5 min"),
            span(fields.get("cool_down", ""), "The cool-down", "30 s", may_be_none=True),
        ),
    )


@of_team
async def bring_in(visit: Visit) -> Response:
    """Make a verification of a whole experiment: its probes, its method."""
    fields = await visit.form()
    try:
        created_id = await visit.db.writing(_bring_in, visit, fields.get("experiment", ""))
    except Wrong as wrong:
        return await _page(visit, 422, str(wrong))
    return visit.back(f"{visit.base}/verifications/{quote(created_id, safe='')}")


def _bring_in(connection: Connection, visit: Visit, experiment_id: str) -> str:
    document = experiments.document(connection, visit.scope.team_id, experiment_id)
    if document is None:
        raise Wrong("Choose an experiment of this team.")
    try:
        content = rules.read_document(document)
    except msgspec.ValidationError:
        raise Wrong("That experiment has no steady-state hypothesis with probes.") from None
    new = Import(
        verification_id=content.id or new_id(),
        document=document,
        content=content,
        timing=content.timing,
    )
    try:
        verification_creation.import_document(
            connection, visit.author, new, experiment_id, visit.now
        )
    except AlreadyThere:
        raise Wrong("That experiment is a verification of this team already.") from None
    return new.verification_id
