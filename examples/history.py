"""A month of runs, for a console that has none: what a team would have recorded by now.

`write_history` sends them through the console's API, as the plugin would have. The dates are of the
last thirty days; everything else is the same each time.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

Call = Callable[[str, str, Any], Any]  # method, path below the team's address, body

DAYS = 30
DOCUMENTS = {  # title: its tags, what is done, how often it is run, and how often that goes wrong
    "Payments go through while the database fails over": (
        ["service:payments", "database"],
        "promote the replica",
        1,
        0.15,
    ),
    "The catalogue is served from its cache when search is down": (
        ["service:catalogue", "search"],
        "stop the search nodes",
        2,
        0.35,
    ),
    "Customers stay signed in when a zone is lost": (
        ["service:accounts", "network"],
        "cut the zone off",
        7,
        0.0,
    ),
}
PEOPLE = ("ada", "grace", "linus")


def write_history(call: Call, now: datetime) -> int:
    """Record a month of runs; how many it were."""
    chance = random.Random(30)  # noqa: S311 - nothing secret, only varied
    count, last_deviated = 0, ""
    for title, (tags, action, every, risk) in DOCUMENTS.items():
        document = _make_experiment(title, tags, action)
        experiment_id = call("POST", "/experiments", {"experiment": document})["id"]
        for day in range(DAYS, 0, -every):
            start = now - timedelta(days=day, minutes=chance.randrange(240))
            deviated = chance.random() < risk
            path = f"/experiments/{experiment_id}/executions"
            journal = _make_journal(document, start, chance, deviated)
            execution_id = call("POST", path, {"journal": journal})["id"]
            last_deviated = execution_id if deviated else last_deviated
            count += 1
    text = "Search answered late after it was back: warm its cache first."
    call("POST", f"/executions/{last_deviated}/notes", {"text": text, "finding": True})
    return count


def _make_experiment(title: str, tags: list[str], action: str) -> dict[str, Any]:
    probe = {
        "type": "probe",
        "name": "customers are served",
        "tolerance": 200,
        "provider": {"type": "http", "url": "http://shop.example/health"},
    }
    provider = {"type": "process", "path": "shopctl", "arguments": action.replace(" ", "-")}
    undo = {"type": "process", "path": "shopctl", "arguments": "recover"}
    return {
        "title": title,
        "description": "Tried every few days, by hand and from CI.",
        "tags": tags,
        "steady-state-hypothesis": {"title": "Customers are served", "probes": [probe]},
        "method": [{"type": "action", "name": action, "provider": provider}],
        "rollbacks": [{"type": "action", "name": "bring it back", "provider": undo}],
    }


def _make_journal(
    document: dict[str, Any], start: datetime, chance: random.Random, deviated: bool
) -> dict[str, Any]:
    """The journal of a run that took half a minute to three minutes."""
    took = chance.uniform(30, 180)
    [probe], [action] = document["steady-state-hypothesis"]["probes"], document["method"]

    def run(activity: dict[str, Any], at: float, seconds: float, output: Any) -> dict[str, Any]:
        begin = start + timedelta(seconds=at)
        end = begin + timedelta(seconds=seconds)
        times = {"start": begin.isoformat(), "end": end.isoformat(), "duration": seconds}
        return {"activity": activity, "output": output, "status": "succeeded", **times}

    def check(at: float, met: bool) -> dict[str, Any]:
        seen = run(probe, at, chance.uniform(0.1, 0.6), {"status": 200 if met else 503})
        return {"steady_state_met": met, "probes": [{**seen, "tolerance_met": met}]}

    actor = chance.choice(PEOPLE)
    build = f"https://ci.example/builds/{chance.randrange(900, 1900)}"
    context = {
        "labels": {"env": chance.choice(["staging", "production"])},
        "ci": {"provider": "buildkite", "url": build, "branch": "main", "actor": actor},
    }
    return {
        "chaoslib-version": "1.45.1",
        "platform": "Linux-6.1-x86_64",
        "node": f"runner-{chance.randrange(1, 4)}",
        "experiment": document,
        "start": start.isoformat(),
        "end": (start + timedelta(seconds=took)).isoformat(),
        "duration": took,
        "status": "completed",
        "deviated": deviated,
        "steady_states": {
            "before": check(0.2, met=True),
            "during": [],
            "after": check(took - 6, met=not deviated),
        },
        "run": [run(action, 1.5, took - 9, "done")],
        "rollbacks": [run(document["rollbacks"][0], took - 4, 3.5, "done")],
        "extensions": [{"name": "chaosiq", "context": context}],
    }
