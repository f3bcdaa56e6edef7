"""What the page of one execution shows, made from its record: the same for a run that goes on."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.pages import _looks
from chaoscloud.console.pages._looks import Look
from chaoscloud.console.pages._stop_details import StopDetails, stop_details
from chaoscloud.console.records import events, execution_views, outcomes, runs
from chaoscloud.console.records.alert_periods import list_during
from chaoscloud.console.records.execution_views import (
    ExecutionDetail,
    ExecutionSummary,
    StopRequest,
)
from chaoscloud.console.records.executions import list_journals
from chaoscloud.console.records.journal_versions import JournalVersion
from chaoscloud.console.records.notes import NoteWithStatus, list_of_execution
from chaoscloud.console.records.outcomes import read_contexts
from chaoscloud.console.records.removals import REMOVED, ContentRemoval, read_removal
from chaoscloud.console.records.runs import RunLink
from chaoscloud.console.records.safeguard_status import find_authors
from chaoscloud.console.records.teams import find_organization_id
from chaoscloud.console.records.traces import find_trace
from chaoscloud.console.rules.live import ExecutionEvent, journal_so_far
from chaoscloud.console.rules.run_context import RunContext
from chaoscloud.console.rules.story import Activity, Check, Gap, Story, story_of
from chaoscloud.console.rules.timeline import KnownAlert, KnownMoments, Timeline, timeline_of
from chaoscloud.outcome import Caveat, Outcome, find_outcome
from chaoscloud.outcome.durations import format_duration
from chaoscloud.outcome.values import as_map

FIRST_SHOWN = 40  # activities of one list at first sight, so that a page stays light
MOST_SHOWN = 2_000  # when all are asked for; the journal has the rest
ALL = "all"  # in the address, asks for them
ROOM = 24_000  # characters that all values on a page share

LEFT_BEHIND = ("rollback-failed", "rollbacks-not-played")  # codes of warnings


class _Ending(NamedTuple):
    """How the execution of a record ended, as looks want to know it."""

    status: str
    outcome: str | None
    conclusive: bool | None
    last_seen_at: datetime


class Item(msgspec.Struct, frozen=True):
    """An activity of a list that is shown, with its place in the whole list."""

    number: int
    activity: Activity

    @property
    def is_open(self) -> bool:
        """Whether it is shown opened."""
        return self.activity.outcome == "failed"


class ExecutionPage(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page of an execution shows."""

    record: ExecutionDetail
    story: Story
    outcome: Outcome | None  # None while it goes on
    dry: bool
    look: Look
    timeline: Timeline | None
    took: float | None  # seconds; so far, for a run that goes on
    notes: list[str]
    journals: list[JournalVersion]  # its versions, the latest first
    stop: StopDetails | None  # what stopped it
    context: RunContext
    written_notes: list[NoteWithStatus]
    stop_request: StopRequest | None  # a stop of this run that it has not heard of yet
    verification_run: RunLink | None
    last_passed: ExecutionSummary | None  # to compare with
    trace_id: str | None  # of the trace that it belongs to, hex
    removal: ContentRemoval  # what retention has removed of it

    @property
    def has_journal(self) -> bool:
        """Whether its journal is there to read."""
        return self.record.journal != REMOVED

    @property
    def running(self) -> bool:
        """Whether there is more to come."""
        return self.record.status == "running"

    @property
    def sentence(self) -> str:
        """How it ended, with a full stop, and a capital letter unless it begins with a name."""
        if self.outcome is None:
            return ""
        text = self.outcome.sentence
        if self.outcome.outcome not in ("deviated", "baseline-not-met"):
            text = text[:1].upper() + text[1:]
        return text if text.endswith((".", "…")) else f"{text}."

    @property
    def left_behind(self) -> list[Caveat]:
        """The warnings that what the method did may still be there: only where it had begun."""
        if self.outcome is None or self.dry or not self.story.method_began:
            return []
        return [caveat for caveat in self.outcome.warnings if caveat.code in LEFT_BEHIND]

    @property
    def caveats(self) -> list[Caveat]:
        """The other warnings."""
        warnings = self.outcome.warnings if self.outcome else ()
        return [caveat for caveat in warnings if caveat.code not in LEFT_BEHIND]

    @property
    def longest(self) -> int:
        """How many characters of each value there is room for."""
        activities = len(self.story.method) + len(self.story.rollbacks)
        return max(160, min(4_000, ROOM // max(1, activities)))

    def checks(self, phase: str) -> list[Check]:
        """The tests of the hypothesis before, during or after the method."""
        return [check for check in self.story.checks if check.moment == phase]

    def items(self, activities: tuple[Activity, ...], most: int) -> list[Item]:
        """The first activities, and every one that failed, however many come before it."""
        return [
            Item(number, activity)
            for number, activity in enumerate(activities[:MOST_SHOWN], 1)
            if number <= most or activity.outcome in ("failed", "outside tolerance")
        ]


def build_page(connection: Connection, record: ExecutionDetail, now: datetime) -> ExecutionPage:
    """Read what belongs to an execution; what a running one did, from its events."""
    removal = read_removal(connection, record.id)
    is_removed = record.journal == REMOVED
    journal = _stand_in(record) if is_removed else _decode(record.journal)
    is_running = record.status == "running"
    if is_running:
        latest = (
            ExecutionEvent(event.type, event.time, _decode(event.data))
            for event in events.latest(connection, record.id)
        )
        journal = journal_so_far(journal, latest)
    story = story_of(journal)
    outcome = _find_outcome(connection, record, journal)
    look = _find_look(record, outcome, now)
    until = record.last_seen_at if look is _looks.LOST else now
    stop = _find_stop(connection, record, story)
    known = KnownMoments(
        _find_decision(connection, record, story, stop),
        stop.interrupted if stop else None,
        record.last_seen_at if look is _looks.LOST else None,
        _find_alerts(connection, record, until),
    )
    return ExecutionPage(
        record=record,
        story=story,
        outcome=outcome,
        dry=bool(outcome.dry if outcome else as_map(as_map(journal).get("experiment")).get("dry")),
        look=look,
        timeline=timeline_of(story, until if is_running else None, known),
        took=_find_duration(record, until),
        notes=[*_notes(record, story, look), *_describe_removal(record, removal)],
        journals=list_journals(connection, record.id),
        stop=stop,
        context=read_contexts(connection, [record.id]).get(record.id) or RunContext(),
        written_notes=list_of_execution(connection, record.team_id, record.id),
        stop_request=_find_pending(connection, record, now),
        verification_run=runs.find_of_executions(connection, record.team_id, [record.id]).get(
            record.id
        ),
        last_passed=execution_views.find_last_passed(connection, record.team_id, record),
        trace_id=find_trace(connection, record.id),
        removal=removal,
    )


def _find_alerts(
    connection: Connection, record: ExecutionDetail, until: datetime
) -> tuple[KnownAlert, ...]:
    """The alerts that fired while it went on."""
    organization_id = find_organization_id(connection, record.team_id)
    periods = list_during(
        connection,
        organization_id,
        record.team_id,
        decode_tags(record.tags),
        record.started_at,
        record.ended_at or until,
    )
    return tuple(KnownAlert(*msgspec.structs.astuple(period)) for period in periods)


def _stand_in(record: ExecutionDetail) -> dict[str, Any]:
    """What is known of a journal that was removed: its experiment's title."""
    return {"experiment": {"title": record.title}}


def _find_outcome(connection: Connection, record: ExecutionDetail, journal: Any) -> Outcome | None:
    """How it ended, from the journal; when that was removed, as it was computed then."""
    if record.status == "running":
        return None
    if record.journal == REMOVED:
        return outcomes.read_outcomes(connection, [record.id]).get(record.id)
    return find_outcome(journal)


def _find_look(record: ExecutionDetail, outcome: Outcome | None, now: datetime) -> Look:
    name = outcome.outcome if outcome else None
    conclusive = outcome.conclusive if outcome else None
    return _looks.execution(_Ending(record.status, name, conclusive, record.last_seen_at), now)


def _find_stop(connection: Connection, record: ExecutionDetail, story: Story) -> StopDetails | None:
    stop = stop_details(record.stop, story.safeguards)
    if stop is None:
        return None
    names = {policy.name for policy in stop.policies}
    return stop.with_authors(find_authors(connection, record.team_id, record.id, names))


def _find_pending(
    connection: Connection, record: ExecutionDetail, now: datetime
) -> StopRequest | None:
    if record.status != "running":
        return None
    for request in execution_views.list_stop_requests(connection, record.id):
        expires_at = request.expires_at
        if request.removed_at is None and (expires_at is None or expires_at > now):
            return request
    return None


def _find_decision(
    connection: Connection, record: ExecutionDetail, story: Story, stop: StopDetails | None
) -> datetime | None:
    """When somebody decided to stop this run, if that was while it went on."""
    if stop and stop.decided:
        return stop.decided
    if not story.safeguards or record.ended_at is None:
        return None
    return execution_views.find_decision_time(
        connection, record.team_id, story.safeguards, record.started_at, record.ended_at
    )


def _find_duration(record: ExecutionDetail, until: datetime) -> float | None:
    if record.duration is not None:
        return record.duration
    end = until if record.status == "running" else record.ended_at
    return max(0.0, (end - record.started_at).total_seconds()) if end else None


def _decode(document: bytes) -> Any:
    """Decode what was JSON when it came; should it not be any more, the page still opens."""
    try:
        return msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError):
        return None


def _notes(record: ExecutionDetail, story: Story, look: Look) -> Iterator[str]:
    """What a reader should not have to find out: each is a sentence."""
    yield from (_describe_gap(gap, record) for gap in story.gaps)
    if look is _looks.LOST:
        yield (
            "The run sends nothing any more: it was cut off, or it lost the network. "
            "What stands here is what it sent until then."
        )


def _describe_removal(record: ExecutionDetail, removal: ContentRemoval) -> Iterator[str]:
    """What retention has removed, and what is there nevertheless."""
    journal_at, events_at = removal.journal_removed_at, removal.events_removed_at
    if record.journal == REMOVED and journal_at is not None:
        yield (
            f"The journal was removed on {journal_at:%Y-%m-%d}, because the organization keeps"
            " journals for a time only: what each activity did is not known any more. How the run"
            " ended stays."
        )
    if events_at is not None:
        yield (
            f"The events that it sent while it ran were removed on {events_at:%Y-%m-%d}, because"
            " the organization keeps events for a time only."
        )


def _describe_gap(gap: Gap, record: ExecutionDetail) -> str:
    until = gap.until or record.ended_at
    took = f" for {format_duration((until - gap.since).total_seconds())}" if until else ""
    back = "" if gap.until else " They did not answer again."
    why = f" ({gap.reason})" if gap.reason else ""
    return (
        f"Safeguards could not be asked{took}{why}: nothing could have stopped the run then.{back}"
    )


def template_values(page: ExecutionPage, query: Mapping[str, str]) -> dict[str, Any]:
    """What the templates need: the page, and how much of it."""
    show_all = ALL in query
    return {
        "wrong": "",
        "reason": "",
        "draft": {},
        "page": page,
        "most": MOST_SHOWN if show_all else FIRST_SHOWN,
        "query": f"?{ALL}=1" if show_all else "",
        "tags": decode_tags(page.record.tags),
    }


def decode_tags(text: str) -> list[str]:
    """The tags of a row, which has them as JSON."""
    try:
        return msgspec.json.decode(text, type=list[str])
    except msgspec.DecodeError:
        return []
