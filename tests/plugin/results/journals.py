"""Journals as the host writes them, of runs that ended in each way."""

import copy
from typing import Any

Journal = dict[str, Any]

PROBE: Journal = {"type": "probe", "name": "orders-are-accepted", "tolerance": 201}
KILL: Journal = {"type": "action", "name": "kill-broker"}
COUNT: Journal = {"type": "probe", "name": "count-orders"}
START: Journal = {"type": "action", "name": "start-broker"}
TRACEBACK = [
    "Traceback (most recent call last):\n",
    "chaoslib.exceptions.ActivityFailed: ConnectionError: no broker at port 9092\n",
]


def run_of(activity: Journal, status: str | None = "succeeded", **fields: Any) -> Journal:
    """The journal's entry of an activity; one without a status was interrupted."""
    state = {} if status is None else {"status": status}
    times = {"start": "2026-03-02T09:30:01+00:00", "duration": 0.25}
    return {"activity": activity, "output": None, **times, **state, **fields}


def state(met: bool = True, status: str = "succeeded", output: Any = 201) -> Journal:
    """One test of the hypothesis."""
    fields: Journal = {"exception": TRACEBACK} if status == "failed" else {}
    probe = run_of(PROBE, status, tolerance_met=met, output=output, **fields)
    return {"steady_state_met": met, "probes": [probe]}


def journal_of(**fields: Any) -> Journal:
    """The journal of a run in which all went well, with other `fields`."""
    return {
        "chaoslib-version": "1.45.1",
        "node": "runner-7",
        "experiment": {
            "title": "Orders survive the loss of a broker",
            "steady-state-hypothesis": {"title": "Orders are accepted", "probes": [PROBE]},
            "method": [KILL, COUNT],
            "rollbacks": [START],
        },
        "start": "2026-03-02T09:30:00+00:00",
        "end": "2026-03-02T09:30:30+00:00",
        "duration": 30.0,
        "status": "completed",
        "deviated": False,
        "steady_states": {"before": state(), "during": [], "after": state()},
        "run": [run_of(KILL), run_of(COUNT)],
        "rollbacks": [run_of(START)],
        **fields,
    }


def experiment_of(**fields: Any) -> Journal:
    """The experiment of `journal_of`, with other `fields`."""
    experiment: Journal = copy.deepcopy(journal_of()["experiment"])
    return {**experiment, **fields}


POLICY = {"name": "stop", "reason": "Black Friday"}

JOURNALS: dict[str, Journal] = {
    "passed": journal_of(),
    "deviated": journal_of(
        deviated=True,
        steady_states={"before": state(), "during": [], "after": state(False, output=503)},
    ),
    "baseline-not-met": journal_of(
        steady_states={"before": state(False, output=503), "during": [], "after": None},
        run=[],
        rollbacks=[],
    ),
    "probe-error": journal_of(
        status="failed",
        steady_states={"before": state(False, "failed"), "during": [], "after": None},
        run=[],
        rollbacks=[],
    ),
    "failed activity": journal_of(run=[run_of(KILL, "failed", exception=TRACEBACK), run_of(COUNT)]),
    "failed rollback": journal_of(rollbacks=[run_of(START, "failed", exception=TRACEBACK)]),
    "aborted": journal_of(
        status="aborted", run=[], steady_states={"before": state(), "during": [], "after": None}
    ),
    "interrupted": journal_of(
        status="interrupted",
        run=[run_of(KILL, None)],
        rollbacks=[],
        steady_states={"before": state(), "during": [], "after": None},
        interruption={"kind": "signal", "name": "SIGTERM", "reason": "received SIGTERM"},
    ),
    "refused": journal_of(
        status="interrupted",
        run=[],
        rollbacks=[],
        steady_states={"before": None, "during": [], "after": None},
        extensions=[{"name": "chaosiq", "safeguards": [POLICY]}],
    ),
    "no hypothesis": journal_of(
        experiment=experiment_of(**{"steady-state-hypothesis": {}}),
        steady_states={"before": None, "during": [], "after": None},
    ),
    "dry": journal_of(experiment=experiment_of(dry="activities")),
    "samples": journal_of(
        steady_states={
            "before": state(),
            "during": [state(), state(False, output=503), state()],
            "after": state(),
        },
    ),
}
"""One journal for each way in which a run ends."""
