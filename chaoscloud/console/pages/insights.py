"""What verifications showed: what each objective allows, and what it cost, run by run."""

from itertools import groupby

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.pages import _filters
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.records import runs, verifications
from chaoscloud.console.records._rows import Cursor
from chaoscloud.console.records.runs import VerificationRun
from chaoscloud.console.records.verifications import Verification

PAGE = 30  # verifications
MOST_RUNS = 24  # of each
ROOM = 1.15  # of the drawing, above what is highest
LEAST = 0.06  # of its height: what cost nothing is still a run


class InsightBar(msgspec.Struct, frozen=True):
    """One run; the height is a share of the drawing."""

    run: VerificationRun
    word: str
    css: str
    height: float
    letter: str = ""  # tells it apart without colours


class VerificationRow(msgspec.Struct, frozen=True):
    """A verification with its last runs, oldest first; `line` is where the budget ends."""

    verification: Verification
    bars: list[InsightBar]
    line: float

    @property
    def budget(self) -> float:
        """Percent of the time in which the objective may not hold."""
        return round(100 - self.verification.target, 9)

    @property
    def conclusive_runs(self) -> list[VerificationRun]:
        """The runs that showed something."""
        runs = (bar.run for bar in self.bars)
        return [run for run in runs if run.insight and run.insight.impacted is not None]

    @property
    def last(self) -> VerificationRun | None:
        """The last run that showed something; else the last one."""
        return (
            self.conclusive_runs[-1]
            if self.conclusive_runs
            else self.bars[-1].run
            if self.bars
            else None
        )

    @property
    def impact_count(self) -> int:
        """How many of the known runs cost more than is allowed."""
        return sum(bool(run.insight and run.insight.impacted) for run in self.conclusive_runs)


class ObjectiveInsights(msgspec.Struct, frozen=True):
    """An objective with the verifications of it."""

    id: str
    name: str
    target: float
    rows: list[VerificationRow]


@of_team
async def show(visit: Visit) -> Response:
    """By objective, what each verification's runs came to."""
    after = _filters.cursor(visit.request.query_params)
    page, rows = await visit.db.reading(_load_page, visit.scope.team_id, after)
    path = f"{visit.base}/insights"
    last = page[PAGE - 1] if len(page) > PAGE else None
    return await visit.page(
        "insights.html",
        tab="Insights",
        objectives=_by_objective(rows),
        newer=path if after else "",
        older=_filters.beyond(path, last.created_at, last.id) if last else "",
    )


def _load_page(
    connection: Connection, team_id: str, after: Cursor | None
) -> tuple[list[Verification], list[VerificationRow]]:
    page = verifications.list_page(connection, team_id, after=after, limit=PAGE + 1)
    ids = [verification.id for verification in page[:PAGE]]
    latest = runs.recent(connection, team_id, ids, MOST_RUNS)
    return page, [_row(item, latest.get(item.id, [])) for item in page[:PAGE]]


def _by_objective(rows: list[VerificationRow]) -> list[ObjectiveInsights]:
    ordered = sorted(rows, key=lambda row: _objective(row.verification))
    return [
        ObjectiveInsights(id_, name, target, list(some))
        for (name, id_, target), some in groupby(ordered, lambda row: _objective(row.verification))
    ]


def _objective(verification: Verification) -> tuple[str, str, float]:
    return verification.objective_name, verification.objective_id, verification.target


def _row(verification: Verification, latest: list[VerificationRun]) -> VerificationRow:
    allowed = 100 - verification.target
    observed = [run.insight.observed_impact or 0.0 for run in latest if run.insight]
    top = max([allowed, *observed, 1e-6]) * ROOM
    line = allowed / top
    return VerificationRow(verification, [_bar(run, top, line) for run in latest], line)


def _bar(run: VerificationRun, top: float, line: float) -> InsightBar:
    insight = run.insight
    if run.state == runs.RUNNING:
        return InsightBar(run, "Running", "running", LEAST)
    if insight is None or insight.observed_impact is None:
        return InsightBar(run, "Not known", "unknown", LEAST, "?")
    height = max(LEAST, insight.observed_impact / top)
    if insight.impacted:
        return InsightBar(run, "Impacted", "failed", height, "I")
    return InsightBar(run, "Not impacted", "completed", min(height, max(line, LEAST / 2)))
