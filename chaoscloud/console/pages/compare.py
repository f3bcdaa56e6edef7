"""Two executions of one experiment side by side: what differs."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain, zip_longest
from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages import _looks
from chaoscloud.console.pages._diff import Line, changed_lines
from chaoscloud.console.pages._execution import Folio, folio
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.pages.executions import sheet
from chaoscloud.console.records import execution_views
from chaoscloud.console.records.execution_views import ExecutionDetail, ExecutionSummary
from chaoscloud.console.rules.documents import without_ours
from chaoscloud.console.rules.story import Activity, as_map

MOST_CHOICES = 50


class Fact(msgspec.Struct, frozen=True):
    """One thing that both have."""

    name: str
    one: str
    other: str

    @property
    def differs(self) -> bool:
        """Whether it is worth a look."""
        return self.one != self.other


class Pair(msgspec.Struct, frozen=True):
    """An activity of one run beside the same of the other; None where one has it not."""

    name: str
    one: Activity | None
    other: Activity | None


class Choice(msgspec.Struct, frozen=True):
    """A run to compare with."""

    outcome: ExecutionSummary
    look: _looks.Look


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page shows."""

    one: Folio
    other: Folio | None
    choices: list[Choice]
    facts: list[Fact]
    pairs: list[Pair]
    lines: list[Line]


@of_team
async def shown(visit: Visit) -> Response:
    """The comparison with the run that `?with=` names; without one, the choice."""
    found = await visit.db.reading(_compare, visit, visit.request.query_params.get("with", ""))
    return await visit.page("compare.html", tab="Executions", it=found)


def _compare(connection: Connection, visit: Visit, chosen: str) -> Comparison:
    mine = sheet(connection, visit)
    theirs = _other(connection, visit, mine, chosen)
    one = folio(connection, mine, visit.now)
    other = folio(connection, theirs, visit.now) if theirs else None
    runs = execution_views.list_summaries(
        connection, visit.scope.team_id, mine.experiment_id, MOST_CHOICES
    )
    return Comparison(
        one=one,
        other=other,
        choices=[
            Choice(each, _looks.execution(each.status, each.last_seen_at, visit.now))
            for each in runs
            if each.id != mine.id
        ],
        facts=list(_facts(one, other)) if other else [],
        pairs=list(pairs(one, other)) if other else [],
        lines=list(changed_lines(_document(mine), _document(theirs))) if theirs else [],
    )


def _other(
    connection: Connection, visit: Visit, mine: ExecutionDetail, chosen: str
) -> ExecutionDetail | None:
    """The run to compare with; one of another experiment has nothing to be compared."""
    if not chosen:
        return None
    found = execution_views.find_detail(connection, visit.scope.team_id, chosen.replace("\0", ""))
    if found is None or found.experiment_id != mine.experiment_id:
        raise NotFound
    return found


def _facts(one: Folio, other: Folio) -> Iterator[Fact]:
    yield Fact("Status", one.look.word, other.look.word)
    yield Fact("Version", str(one.sheet.experiment_version), str(other.sheet.experiment_version))
    for name, field in (
        ("Run by", "person_name"),
        ("From", "node"),
        ("Platform", "platform"),
        ("Chaos Toolkit library", "chaoslib_version"),
    ):
        yield Fact(name, getattr(one.sheet, field) or "", getattr(other.sheet, field) or "")


def pairs(one: Folio, other: Folio) -> Iterator[Pair]:
    """Activities of one name beside each other, in the order they were first met."""
    played: dict[tuple[str, str], tuple[list[Activity], list[Activity]]] = defaultdict(
        lambda: ([], [])
    )
    for side, told in enumerate((one, other)):
        for activity in chain(told.story.method, told.story.rollbacks):
            played[activity.section, activity.name][side].append(activity)
    for (_, name), (ones, others) in played.items():
        for left, right in zip_longest(ones, others):
            yield Pair(name, left, right)


def _document(told: ExecutionDetail) -> Any:
    """The experiment as its author wrote it."""
    try:
        journal = msgspec.json.decode(told.journal)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return without_ours(as_map(as_map(journal).get("experiment")))
