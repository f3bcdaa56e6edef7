"""Two executions of one experiment side by side: what is different, and what is the same."""

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
from chaoscloud.console.pages._execution import ExecutionPage, build_page
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.pages.executions import find_record
from chaoscloud.console.records import execution_views
from chaoscloud.console.records.execution_views import ExecutionDetail, ExecutionSummary
from chaoscloud.console.rules.documents import without_ours
from chaoscloud.console.rules.story import Activity, Check
from chaoscloud.outcome.durations import format_duration
from chaoscloud.outcome.values import as_map

MOST_CHOICES = 50
MOST_PAIRS = 500
NOTABLE = 0.2  # a duration that grew or shrank by less than this share is about the same
NOTABLE_SECONDS = 1.0  # and so is one that did by less than this


class Fact(msgspec.Struct, frozen=True):
    """One thing that both have."""

    name: str
    one: str
    other: str
    about_equal: bool = False  # as durations are: never the same, and not worth a look

    @property
    def differs(self) -> bool:
        """Whether it is worth a look."""
        return self.one != self.other and not self.about_equal


class Pair(msgspec.Struct, frozen=True):
    """An activity of one run beside the same of the other; None where one does not have it."""

    name: str
    one: Activity | None
    other: Activity | None
    phase: str = ""  # of the hypothesis: before, during or after

    @property
    def differs(self) -> bool:
        """Whether they went differently; a probe's values count too."""
        one, other = self.one, self.other
        if one is None or other is None:
            return True
        if self.phase and one.output != other.output:
            return True
        return one.outcome != other.outcome or not _is_about_equal(one.duration, other.duration)


class Choice(msgspec.Struct, frozen=True):
    """A run to compare with."""

    execution: ExecutionSummary
    look: _looks.Look


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page shows. `is_default` is whether nobody chose the other run.

    Without `has_journals` one of the two has lost its journal, and only facts can be compared.
    """

    one: ExecutionPage
    other: ExecutionPage | None
    is_default: bool
    choices: list[Choice]
    has_journals: bool
    facts: list[Fact]
    probes: list[Pair]
    activities: list[Pair]
    lines: list[Line]


@of_team
async def show(visit: Visit) -> Response:
    """The comparison with the run that `?with=` names, else with the last one that passed."""
    comparison = await visit.db.reading(_compare, visit, visit.request.query_params.get("with", ""))
    return await visit.page("compare.html", tab="Executions", comparison=comparison)


def _compare(connection: Connection, visit: Visit, chosen: str) -> Comparison:
    record = find_record(connection, visit)
    one = build_page(connection, record, visit.now)
    if not chosen and one.last_passed:
        other_record = _find_other(connection, visit, record, one.last_passed.id)
    else:
        other_record = _find_other(connection, visit, record, chosen)
    other = build_page(connection, other_record, visit.now) if other_record else None
    summaries = execution_views.list_summaries(
        connection, visit.scope.team_id, record.experiment_id, MOST_CHOICES
    )
    choices = [
        Choice(summary, _looks.execution(summary, visit.now))
        for summary in summaries
        if summary.id != record.id
    ]
    if one.last_passed and one.last_passed.id not in {item.execution.id for item in choices}:
        choices.append(Choice(one.last_passed, _looks.execution(one.last_passed, visit.now)))
    has_journals = bool(other and one.has_journal and other.has_journal)
    documents: tuple[Any, Any] = ({}, {})
    if other_record and has_journals:
        documents = (_document(record), _document(other_record))
    return Comparison(
        one=one,
        other=other,
        is_default=not chosen,
        choices=choices,
        has_journals=has_journals,
        facts=list(_facts(one, other)) if other else [],
        probes=list(_pair_probes(one, other)) if other and has_journals else [],
        activities=list(_pair_activities(one, other)) if other and has_journals else [],
        lines=list(changed_lines(*documents)),
    )


def _find_other(
    connection: Connection, visit: Visit, record: ExecutionDetail, chosen: str
) -> ExecutionDetail | None:
    """The run to compare with; one of another experiment has nothing to be compared."""
    if not chosen:
        return None
    execution_id = chosen.replace("\0", "")
    other = execution_views.find_detail(connection, visit.scope.team_id, execution_id)
    if other is None or other.experiment_id != record.experiment_id:
        raise NotFound
    return other


def _facts(one: ExecutionPage, other: ExecutionPage) -> Iterator[Fact]:
    yield Fact("Outcome", one.look.word, other.look.word)
    yield Fact("In one sentence", one.sentence, other.sentence)
    yield Fact("Dry run", "Yes" if one.dry else "No", "Yes" if other.dry else "No")
    is_about_equal = _is_about_equal(one.took, other.took)
    yield Fact("Took", format_duration(one.took), format_duration(other.took), is_about_equal)
    version, other_version = one.record.experiment_version, other.record.experiment_version
    yield Fact("Version of the experiment", str(version), str(other_version))
    for name, field in (
        ("Run by", "person_name"),
        ("From", "node"),
        ("Platform", "platform"),
        ("Chaos Toolkit library", "chaoslib_version"),
    ):
        yield Fact(name, getattr(one.record, field) or "", getattr(other.record, field) or "")


def _is_about_equal(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one == other
    return abs(one - other) <= max(NOTABLE_SECONDS, NOTABLE * max(one, other))


def _pair_probes(one: ExecutionPage, other: ExecutionPage) -> Iterator[Pair]:
    """The probes of the hypothesis before, during and after the method, with what they gave.

    Of many tests during the method, the first that did not hold counts, else the last one.
    """
    for phase in ("before", "during", "after"):
        left, right = (_representative(page.checks(phase)) for page in (one, other))
        names = dict.fromkeys(probe.name for probe in (*left, *right))
        for name in names:
            yield Pair(name, _find_named(left, name), _find_named(right, name), phase)


def _representative(checks: list[Check]) -> tuple[Activity, ...]:
    if not checks:
        return ()
    return next((check for check in checks if check.met is False), checks[-1]).probes


def _find_named(probes: tuple[Activity, ...], name: str) -> Activity | None:
    return next((probe for probe in probes if probe.name == name), None)


def _pair_activities(one: ExecutionPage, other: ExecutionPage) -> Iterator[Pair]:
    """Activities of one name beside each other, in the order in which they first come."""
    by_name: dict[tuple[str, str], tuple[list[Activity], list[Activity]]] = defaultdict(
        lambda: ([], [])
    )
    for side, page in enumerate((one, other)):
        for activity in chain(page.story.method, page.story.rollbacks):
            by_name[activity.section, activity.name][side].append(activity)
    for (_, name), (ones, others) in by_name.items():
        for left, right in zip_longest(ones, others):
            yield Pair(name, left, right)


def _document(record: ExecutionDetail) -> Any:
    """The experiment as its author wrote it."""
    try:
        journal = msgspec.json.decode(record.journal)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return without_ours(as_map(as_map(journal).get("experiment")))
