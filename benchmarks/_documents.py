"""The documents a benchmark's database is filled with: of the shapes the plugin sends."""

from datetime import datetime, timedelta
from typing import Any

SERVICES = ("orders", "payments", "search", "basket", "stock", "mail", "login", "invoices")
LOSSES = ("a broker", "a worker", "a replica", "the cache", "a zone", "a disk", "its network")

Document = dict[str, Any]


def title(number: int) -> str:
    """What experiment `number` is called."""
    service, loss = SERVICES[number % len(SERVICES)], LOSSES[number % len(LOSSES)]
    return f"{service.capitalize()} go on after the loss of {loss} ({number + 1})"


def tags(number: int) -> list[str]:
    """What experiment `number` is tagged with."""
    return ["resilience", SERVICES[number % len(SERVICES)]]


def _probe(service: str) -> Document:
    url = f"https://{service}.example.com/health"
    provider = {"type": "http", "timeout": 3, "url": url}
    return {"type": "probe", "name": f"{service}-answer", "tolerance": 200, "provider": provider}


def _action(name: str, function: str) -> Document:
    arguments = {"name": "worker-1", "namespace": "shop", "grace_period": 5}
    provider = {"type": "python", "module": "k8s", "func": function, "arguments": arguments}
    return {"type": "action", "name": name, "provider": provider}


def hypothesis(number: int) -> Document:
    """The steady state of experiment `number`."""
    service = SERVICES[number % len(SERVICES)]
    return {"title": f"{service.capitalize()} answer", "probes": [_probe(service)]}


def experiment(number: int, version: int = 1) -> Document:
    """Experiment `number`; versions differ by a word."""
    return {
        "title": title(number),
        "description": f"Customers should not notice. This is version {version}.",
        "tags": tags(number),
        "configuration": {"namespace": {"type": "env", "key": "NAMESPACE", "default": "shop"}},
        "steady-state-hypothesis": hypothesis(number),
        "method": [
            _action("lose-a-worker", "delete_pods") | {"pauses": {"after": 5}},
            _probe(SERVICES[number % len(SERVICES)]),
        ],
        "rollbacks": [_action("bring-the-worker-back", "scale_deployment")],
    }


def _played(activity: Document, began: datetime, seconds: float) -> Document:
    headers = {"Content-Type": "application/json", "Server": "envoy", "Date": "Mon, 02 Mar 2026"}
    return {
        "activity": activity,
        "output": {"status": 200, "headers": headers, "body": {"served_by": "worker-2"}},
        "start": began.isoformat(),
        "status": "succeeded",
        "end": (began + timedelta(seconds=seconds)).isoformat(),
        "duration": seconds,
    }


def state(number: int, at: datetime, *, met: bool = True) -> Document:
    """One look at the steady state of experiment `number`."""
    [probe] = hypothesis(number)["probes"]
    return {
        "steady_state_met": met,
        "probes": [_played(probe, at, 0.04) | {"tolerance_met": met}],
    }


def journal(number: int, began: datetime, status: str, seconds: float) -> Document:
    """The journal of a run of experiment `number`, finished unless it is running."""
    document = experiment(number)
    start = {
        "chaoslib-version": "1.45.1",
        "platform": "Linux-6.1.0-x86_64-with-glibc2.36",
        "node": f"runner-{number % 7}",
        "experiment": document,
        "start": began.isoformat(),
        "status": None if status == "running" else status,
        "deviated": status == "deviated",
    }
    if status == "running":
        return start | {"run": [], "rollbacks": [], "steady_states": {}}
    lost, looked = document["method"]
    ended = began + timedelta(seconds=seconds)
    before, after = state(number, began), state(number, ended, met=status == "completed")
    return start | {
        "steady_states": {"before": before, "after": after, "during": []},
        "run": [_played(lost, began, 0.2), _played(looked, began + timedelta(seconds=6), 0.05)],
        "rollbacks": [_played(document["rollbacks"][0], ended, 0.3)],
        "end": ended.isoformat(),
        "duration": seconds,
    }


def events(number: int, began: datetime, count: int) -> list[tuple[str, datetime, Document]]:
    """The first `count` events of a run: a type, a time and the data."""
    document = experiment(number)
    contexts: list[tuple[str, Document]] = [("starting-experiment", document)]
    contexts.append(("starting-hypothesis", document["steady-state-hypothesis"]))
    while len(contexts) < count:
        activity = document["method"][len(contexts) // 2 % 2]
        contexts += [("starting-activity", activity), ("activity-finished", activity)]
    return [
        (kind, began + timedelta(seconds=index), {"context": context, "state": None})
        for index, (kind, context) in enumerate(contexts[:count])
    ]
