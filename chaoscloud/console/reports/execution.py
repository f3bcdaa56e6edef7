"""One execution as one HTML file: what it came to, what was done when, and what it was made with.

No script, nothing loaded from anywhere, good to print. The SHA-256 of the journal, as the console
holds it, ties the file to the record.
"""

import hashlib
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from chaoscloud import __version__
from chaoscloud.console.records import execution_views
from chaoscloud.console.records.execution_views import ExecutionDetail
from chaoscloud.console.records.notes import NoteWithStatus, list_of_execution
from chaoscloud.console.records.outcomes import read_contexts, read_outcomes
from chaoscloud.console.records.removals import REMOVED
from chaoscloud.console.reports.rendering import environment
from chaoscloud.console.rules.run_context import RunContext
from chaoscloud.console.rules.story import Activity, Check, Story, story_of
from chaoscloud.console.rules.timeline import Timeline, timeline_of
from chaoscloud.outcome import Outcome, find_outcome

__all__ = ["ExecutionReport", "build_execution_report", "render_execution_report"]

MOST_ACTIVITIES = 1_000  # of one section


class Origin(msgspec.Struct, frozen=True):
    """Whose record it is, and where its page is; the address is empty where that is not known."""

    organization: str
    team: str
    address: str = ""


class ExecutionReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that the file shows. `digest` is that of the journal, None when that was removed."""

    record: ExecutionDetail
    origin: Origin
    story: Story
    outcome: Outcome | None  # None while the run goes on
    timeline: Timeline | None
    context: RunContext
    notes: list[NoteWithStatus]
    tags: list[str]
    digest: str | None
    size: int  # bytes of the journal
    made_at: datetime
    console_version: str = __version__

    @property
    def word(self) -> str:
        """How the run ended, in a word or two."""
        if self.outcome is None:
            return "Goes on"
        return self.outcome.outcome.replace("-", " ").capitalize()

    def list_checks(self) -> list[tuple[Check, Activity]]:
        """Each probe of each test of the hypothesis, in order."""
        pairs = [(check, probe) for check in self.story.checks for probe in check.probes]
        return pairs[:MOST_ACTIVITIES]

    def list_sections(self) -> list[tuple[str, list[Activity], int]]:
        """Method and rollbacks, with how many activities are left out."""
        return [
            (name, list(activities[:MOST_ACTIVITIES]), max(0, len(activities) - MOST_ACTIVITIES))
            for name, activities in (
                ("Method", self.story.method),
                ("Rollbacks", self.story.rollbacks),
            )
            if activities
        ]


def build_execution_report(
    connection: Connection, team_id: str, execution_id: str, origin: Origin, now: datetime
) -> ExecutionReport | None:
    """Read what the report of an execution shows; None when the team has none of this id."""
    record = execution_views.find_detail(connection, team_id, execution_id)
    if record is None:
        return None
    is_removed = record.journal == REMOVED
    journal = {"experiment": {"title": record.title}} if is_removed else _decode(record.journal)
    story = story_of(journal)
    outcome = find_outcome(journal)
    if is_removed:
        outcome = read_outcomes(connection, [record.id]).get(record.id)
    return ExecutionReport(
        record=record,
        origin=origin,
        story=story,
        outcome=outcome,
        timeline=timeline_of(story, now if record.status == "running" else None),
        context=read_contexts(connection, [record.id]).get(record.id) or RunContext(),
        notes=list_of_execution(connection, team_id, record.id),
        tags=_decode_tags(record.tags),
        digest=None if is_removed else hashlib.sha256(record.journal).hexdigest(),
        size=len(record.journal),
        made_at=now,
    )


def render_execution_report(report: ExecutionReport) -> str:
    """Return the file."""
    return environment().get_template("report_execution.html").render(report=report)


def _decode(document: bytes) -> Any:
    try:
        return msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError):
        return None


def _decode_tags(text: str) -> list[str]:
    try:
        return msgspec.json.decode(text, type=list[str])
    except msgspec.DecodeError:
        return []
