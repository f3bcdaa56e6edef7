"""Executions as rows of a list: how each ended, or what it is doing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.pages import _looks
from chaoscloud.console.pages._execution import decode_tags
from chaoscloud.console.records import events, execution_views, runs
from chaoscloud.console.records.events import StoredEvent
from chaoscloud.console.records.execution_views import ExecutionRow
from chaoscloud.console.records.runs import RunLink
from chaoscloud.outcome.values import as_map, as_text

MOST_TAGS = 3  # of a row; its page has them all


class Row(msgspec.Struct, frozen=True):
    """An execution as a list shows it."""

    execution: ExecutionRow
    look: _looks.Look
    tags: list[str]
    current: str  # what a run that goes on is doing
    took: float | None  # seconds; so far, for a run that goes on
    verification_run: RunLink | None

    @property
    def text(self) -> str:
        """What it is doing, or how it ended; nothing of one that simply passed."""
        if self.current or self.look.css != "completed":
            return self.current or self.execution.sentence or ""
        return ""


def read_rows(connection: Connection, team_id: str, ids: Sequence[str], now: datetime) -> list[Row]:
    """These executions of a team, in this order."""
    executions = execution_views.read_rows(connection, team_id, ids)
    running = [execution.id for execution in executions if execution.status == "running"]
    latest = events.latest_of_each(connection, running) if running else {}
    links = runs.find_of_executions(connection, team_id, ids)
    return [_row(item, latest.get(item.id), links.get(item.id), now) for item in executions]


def _row(
    execution: ExecutionRow, last: StoredEvent | None, link: RunLink | None, now: datetime
) -> Row:
    look = _looks.execution(execution, now)
    took, current = execution.duration, ""
    if look is _looks.RUNNING:
        took = max(0.0, (now - execution.started_at).total_seconds())
        current = _describe_event(last)
    return Row(execution, look, decode_tags(execution.tags), current, took, link)


PHASES = {
    "starting-hypothesis": "Testing the hypothesis",
    "hypothesis-finished": "Tested the hypothesis",
    "starting-method": "Starting the method",
    "method-finished": "Finished the method",
    "starting-rollback": "Rolling back",
    "rollback-finished": "Rolled back",
    "starting-experiment": "Starting",
    "experiment-finished": "Ending",
}


def _describe_event(last: StoredEvent | None) -> str:
    """What a run is doing, from its last event."""
    if last is None:
        return "Starting"
    if last.type in PHASES:
        return PHASES[last.type]
    context = as_map(as_map(_decode(last.data)).get("context"))
    verb = "Finished" if last.type == "activity-finished" else "Running"
    return f"{verb} {as_text(context.get('name')) or 'an activity'}"


def _decode(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return None
