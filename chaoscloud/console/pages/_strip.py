"""The strip of an experiment's last runs: a bar for each, oldest first."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from math import sqrt

import msgspec

from chaoscloud.console.pages import _looks
from chaoscloud.console.pages._looks import Look
from chaoscloud.console.records.execution_lists import SILENCE
from chaoscloud.console.records.execution_views import ExecutionSummary
from chaoscloud.console.rules.experiment_states import RecentRun


class Bar(msgspec.Struct, frozen=True):
    """One bar of a strip: the longer the run, the taller, up to 1 (the root keeps short ones)."""

    execution: ExecutionSummary
    look: Look
    height: float


def draw_strip(summaries: Sequence[ExecutionSummary], now: datetime) -> list[Bar]:
    """The bars of these executions, which come newest first."""
    longest = max((max(0.0, item.duration or 0.0) for item in summaries), default=0.0)
    return [
        Bar(
            item,
            _looks.execution(item, now),
            max(0.2, sqrt(max(0.0, item.duration or 0.0) / longest)) if longest else 1.0,
        )
        for item in reversed(summaries)
    ]


def summarize(
    runs: Iterable[RecentRun], now: datetime, lost_ids: Collection[str]
) -> list[ExecutionSummary]:
    """Recent runs as executions of a strip; of those that go on, some are lost."""
    return [
        ExecutionSummary(
            run.id,
            "running" if run.outcome is None else "",
            run.started_at,
            run.duration,
            now - 2 * SILENCE if run.id in lost_ids else now,
            run.outcome,
            run.conclusive,
            run.dry,
        )
        for run in runs
    ]
