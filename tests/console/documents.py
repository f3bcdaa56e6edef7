"""Documents as the Chaos Toolkit writes them, for the console's tests."""

from typing import Any

TITLE = "Orders survive the loss of a broker"


def experiment(title: str = TITLE, **more: Any) -> dict[str, Any]:
    """An experiment: orders are taken while a broker is killed."""
    return {
        "version": "1.0.0",
        "title": title,
        "description": "Two brokers of three are enough.",
        "tags": ["kafka", "orders"],
        "steady-state-hypothesis": {
            "title": "Orders are accepted",
            "probes": [
                {
                    "type": "probe",
                    "name": "an order is accepted",
                    "tolerance": 201,
                    "provider": {"type": "http", "url": "http://orders.local/orders"},
                }
            ],
        },
        "method": [
            {
                "type": "action",
                "name": "kill a broker",
                "provider": {"type": "process", "path": "pkill", "arguments": "-f broker-1"},
            }
        ],
        "rollbacks": [],
        **more,
    }


def chaosiq(**block: Any) -> dict[str, Any]:
    """The key of a document that holds our extension block."""
    return {"extensions": [{"name": "chaosiq", **block}]}


def journal(status: str = "running", **more: Any) -> dict[str, Any]:
    """A journal; of a run that has just started unless said otherwise."""
    return {
        "chaoslib-version": "1.45.1",
        "platform": "Linux-6.1-x86_64",
        "node": "build-7",
        "experiment": experiment(),
        "start": "2026-03-02T09:29:58.250000+00:00",
        "status": status,
        "deviated": False,
        "steady_states": {"before": None, "after": None, "during": []},
        "run": [],
        "rollbacks": [],
        **more,
    }


def ended(status: str = "completed", **more: Any) -> dict[str, Any]:
    """The journal of a run that has ended."""
    activity = {"activity": experiment()["method"][0], "status": "succeeded", "duration": 0.4}
    return journal(
        status,
        **{
            "end": "2026-03-02T09:31:10.750000+00:00",
            "duration": 72.5,
            "run": [activity],
            **more,
        },
    )


def event(event_id: str = "e-1", type_: str = "starting-activity", **more: Any) -> dict[str, Any]:
    """A CloudEvent of a run, as the plugin sends it."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "chaosiq-cloud",
        "type": type_,
        "time": "2026-03-02T09:30:01.5+00:00",
        "datacontenttype": "application/json",
        "data": {"context": {"name": "kill a broker"}, "state": None},
        **more,
    }
