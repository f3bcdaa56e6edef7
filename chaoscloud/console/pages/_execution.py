"""What the page of one execution shows, made from its record: the same for a run that goes on."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.pages import _looks
from chaoscloud.console.pages._looks import Look
from chaoscloud.console.pages._stop_details import StopDetails, stop_details
from chaoscloud.console.records import events, execution_views
from chaoscloud.console.records.execution_views import ExecutionDetail, StopRequest
from chaoscloud.console.records.executions import list_journals
from chaoscloud.console.records.journal_versions import JournalVersion
from chaoscloud.console.records.safeguard_status import find_authors
from chaoscloud.console.rules.durations import spoken
from chaoscloud.console.rules.live import RunEvent, journal_so_far
from chaoscloud.console.rules.story import Activity, Check, Gap, Story, story_of
from chaoscloud.console.rules.timeline import Known, Timeline, timeline_of

FIRST_SHOWN = 40  # activities of one list at first sight, so that a page stays light
MOST_SHOWN = 2_000  # when all are asked for; the journal has the rest
ALL = "all"  # in the address, asks for them
ROOM = 24_000  # characters that all values on a page share


class Folio(msgspec.Struct, frozen=True, kw_only=True):
    """An execution, told."""

    sheet: ExecutionDetail
    story: Story
    look: Look
    timeline: Timeline | None
    took: float | None  # seconds; so far, for a run that goes on
    notes: list[str]
    journals: list[JournalVersion]  # its versions, the latest first
    stop: StopDetails | None  # what stopped it
    asked: StopRequest | None  # a stop of this run that it has not heard of yet, or not told

    @property
    def running(self) -> bool:
        """Whether there is more to come."""
        return self.sheet.status == "running"

    @property
    def longest(self) -> int:
        """How many characters of each value there is room for."""
        activities = len(self.story.method) + len(self.story.rollbacks)
        return max(160, min(4_000, ROOM // max(1, activities)))

    def checks(self, moment: str) -> list[Check]:
        """The tests of the hypothesis before, during or after the method."""
        return [check for check in self.story.checks if check.moment == moment]


def folio(connection: Connection, sheet: ExecutionDetail, now: datetime) -> Folio:
    """Tell an execution; a running one from its events."""
    journal = _decoded(sheet.journal)
    if sheet.status == "running":
        told = (
            RunEvent(each.type, each.time, _decoded(each.data))
            for each in events.latest(connection, sheet.id)
        )
        journal = journal_so_far(journal, told)
    story = story_of(journal)
    look = _looks.execution(sheet.status, sheet.last_seen_at, now)
    until = sheet.last_seen_at if look is _looks.LOST else now
    asked = execution_views.list_stop_requests(connection, sheet.id)
    stop = stop_details(sheet.stop, story.safeguards)
    if stop:
        names = {policy.name for policy in stop.policies}
        stop = stop.with_authors(find_authors(connection, sheet.team_id, sheet.id, names))
    known = Known(
        _decided(connection, sheet, story, stop),
        stop.interrupted if stop else None,
        sheet.last_seen_at if look is _looks.LOST else None,
    )
    return Folio(
        sheet=sheet,
        story=story,
        look=look,
        timeline=timeline_of(story, until if sheet.status == "running" else None, known),
        took=_took(sheet, until),
        notes=list(_notes(sheet, story, look)),
        journals=list_journals(connection, sheet.id),
        stop=stop,
        asked=_pending(sheet, asked, now),
    )


def _pending(sheet: ExecutionDetail, asked: list[StopRequest], now: datetime) -> StopRequest | None:
    if sheet.status != "running":
        return None
    holding = (each for each in asked if each.removed_at is None)
    return next((e for e in holding if e.expires_at is None or e.expires_at > now), None)


def _decided(
    connection: Connection, sheet: ExecutionDetail, story: Story, stop: StopDetails | None
) -> datetime | None:
    """When somebody decided to stop this run, if that was while it went on."""
    if stop and stop.decided:
        return stop.decided
    if not story.safeguards or sheet.ended_at is None:
        return None
    names, start = story.safeguards, sheet.started_at
    return execution_views.find_decision_time(
        connection, sheet.team_id, names, start, sheet.ended_at
    )


def _took(sheet: ExecutionDetail, until: datetime) -> float | None:
    if sheet.duration is not None:
        return sheet.duration
    end = until if sheet.status == "running" else sheet.ended_at
    return max(0.0, (end - sheet.started_at).total_seconds()) if end else None


def _decoded(document: bytes) -> Any:
    """What was kept was JSON when it came; should it not be any more, the page still opens."""
    try:
        return msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError):
        return None


def _notes(sheet: ExecutionDetail, story: Story, look: Look) -> Iterator[str]:
    """What a reader should not have to find out: each is a sentence."""
    yield from (_unguarded(gap, sheet) for gap in story.gaps)
    left = [activity.name for activity in story.rollbacks if _left_out(activity)]
    possible = {
        "The hypothesis did not hold before the method, so nothing was done.": (
            story.stopped_at_the_gate
        ),
        "The run stopped telling us anything: it was cut off, or it lost the network. "
        "What stands here is what it told until then.": look is _looks.LOST,
        f"Rollbacks that were not played: {', '.join(left)}. "
        "What the method did may still be in place.": bool(left)
        and sheet.status != "running"
        and any(activity.start for activity in story.method),
    }
    yield from (sentence for sentence, holds in possible.items() if holds)


def _unguarded(gap: Gap, sheet: ExecutionDetail) -> str:
    until = gap.until or sheet.ended_at
    took = f" for {spoken((until - gap.since).total_seconds())}" if until else ""
    back = "" if gap.until else " They did not answer again."
    why = f" ({gap.reason})" if gap.reason else ""
    return (
        f"Safeguards could not be asked{took}{why}: nothing could have stopped the run then.{back}"
    )


def _left_out(activity: Activity) -> bool:
    return activity.outcome == "not played"


def shown(told: Folio, asked: Mapping[str, str]) -> dict[str, Any]:
    """What the templates want to know: the folio, and how much of it."""
    every = ALL in asked
    return {
        "folio": told,
        "most": MOST_SHOWN if every else FIRST_SHOWN,
        "query": f"?{ALL}=1" if every else "",
        "tags": tags(told.sheet.tags),
    }


def tags(told: str) -> list[str]:
    """The tags of a row, which keeps them as JSON."""
    try:
        return msgspec.json.decode(told, type=list[str])
    except msgspec.DecodeError:
        return []
