"""The journal of a run that goes on, put together from its events.

The toolkit writes its journal at the end. Until then the events say the same: this folds them,
in the order they were received, into a document of the journal's shape, so that a running and a
finished execution are read by the same `story_of`. Like it, this trusts no shape and never raises.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from chaoscloud.console.rules.story import later
from chaoscloud.outcome.values import as_list, as_map, as_seconds, as_text


class ExecutionEvent(msgspec.Struct, frozen=True):
    """One event: its type, its time, and the `data` that came with it, decoded."""

    type: str
    time: datetime
    data: Any


class _Fold:
    """What is known after some events. Open runs wait for the event that finishes them."""

    def __init__(self, journal: Mapping[str, Any]) -> None:
        self.run: list[dict[str, Any]] = []
        self.rollbacks: list[dict[str, Any]] = []
        self.states: dict[str, Any] = {"before": None, "during": [], "after": None}
        self.open: list[dict[str, Any]] = []
        self.check: dict[str, Any] | None = None  # the hypothesis being tested right now
        self.phase = "before"  # before | during | after | rollbacks
        self.deviated = False
        experiment = as_map(journal.get("experiment"))
        hypothesis = as_map(experiment.get("steady-state-hypothesis"))
        self.probes = {as_text(as_map(p).get("name")) for p in as_list(hypothesis.get("probes"))}


def journal_so_far(journal: object, events: Iterable[ExecutionEvent]) -> dict[str, Any]:
    """The journal as it stood at the start, with what the events have added since."""
    start = as_map(journal)
    fold = _Fold(start)
    for event in events:
        step = _STEPS.get(event.type)
        if step:
            step(fold, event)
    return {
        **start,
        "run": fold.run,
        "rollbacks": fold.rollbacks,
        "steady_states": fold.states,
        "deviated": fold.deviated,
    }


def _hypothesis_starts(fold: _Fold, event: ExecutionEvent) -> None:
    fold.check = {"steady_state_met": None, "probes": []}
    if fold.phase == "during":
        fold.states["during"].append(fold.check)
    else:
        fold.states["before" if fold.phase == "before" else "after"] = fold.check


def _hypothesis_ends(fold: _Fold, event: ExecutionEvent) -> None:
    state = as_map(as_map(event.data).get("state"))
    if fold.check is not None and state:
        fold.check |= state
        missed = state.get("steady_state_met") is False
        fold.deviated = fold.deviated or (missed and fold.phase != "before")
    fold.check = None


def _enter(phase: str) -> Callable[[_Fold, ExecutionEvent], None]:
    def enter(fold: _Fold, event: ExecutionEvent) -> None:
        fold.phase = phase

    return enter


def _activity_starts(fold: _Fold, event: ExecutionEvent) -> None:
    activity = as_map(as_map(event.data).get("context"))
    # Sent before its pause is made; the event that finishes it has the exact start.
    pause = as_seconds(as_map(activity.get("pauses")).get("before")) or 0.0
    start = later(event.time, pause).isoformat()
    run: dict[str, Any] = {"activity": activity, "output": None, "start": start}
    _place(fold, activity).append(run)
    fold.open.append(run)


def _activity_ends(fold: _Fold, event: ExecutionEvent) -> None:
    data = as_map(event.data)
    activity, state = as_map(data.get("context")), as_map(data.get("state"))
    run = next((run for run in fold.open if _same(run["activity"], activity)), None)
    if run is None:  # its start was lost on the way
        run = {"activity": activity, "output": None}
        _place(fold, activity).append(run)
    else:
        fold.open.remove(run)
    run |= state or {"end": event.time.isoformat()}


def _place(fold: _Fold, activity: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where a run belongs: background activities of the method go on beside the hypothesis."""
    is_probe = "tolerance" in activity and as_text(activity.get("name")) in fold.probes
    if is_probe and fold.check is not None:
        probes: list[dict[str, Any]] = fold.check["probes"]
        return probes
    return fold.rollbacks if fold.phase == "rollbacks" else fold.run


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in ("name", "type", "background"))


_STEPS: Mapping[str, Callable[[_Fold, ExecutionEvent], None]] = {
    "starting-hypothesis": _hypothesis_starts,
    "hypothesis-finished": _hypothesis_ends,
    "starting-method": _enter("during"),
    "method-finished": _enter("after"),
    "starting-rollback": _enter("rollbacks"),
    "starting-activity": _activity_starts,
    "activity-finished": _activity_ends,
}
