"""A console with something of everything in it, told through the API as the plugin tells it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from tests.console.documents import ended, event, experiment, journal
from tests.together.conftest import LIMIT, Console

Words = Callable[[str], str]
Document = dict[str, Any]

RESULTS = {
    "successful_samples": 2,
    "deviated_samples": 1,
    "not_run_samples": 0,
    "total_number_of_samples": 3,
    "total_duration": 30.0,
}
SAFEGUARDS: dict[str, Document] = {
    "stop": {},
    "windows": {
        "mode": "allow",
        "time_zone": "Europe/Paris",
        "windows": [{"days": ["mon", "tue"], "from": "09:00", "to": "17:00"}],
    },
    "tags": {"mode": "forbid", "tags": ["production"]},
    "limit": {"most": 2},
    "webhook": {"url": "https://gate.invalid/chaos", "when_unanswered": "deny"},
    "alert": {},
}
MOMENTS = {"start": "2026-03-02T09:30:01+00:00", "end": "2026-03-02T09:30:03+00:00"}


@dataclass
class Story:
    """Where the things are that were told, below the console's address."""

    team: str  # of the team's pages
    finished: str
    running: str
    safeguards: tuple[str, ...]  # one of each kind

    @property
    def starts(self) -> tuple[str, ...]:
        """Pages of which more than one of a kind is to be seen, and where all others begin."""
        return (self.finished, self.running, *self.safeguards, "/", "/settings/teams")


class Teller:
    """Tells a console of runs; `words` is done to every text a person could have written."""

    def __init__(self, console: Console, words: Words = str) -> None:
        self.console, self.words = console, words
        self.base = f"{console.url}/api/v1{console.team}"
        self.headers = {"Authorization": f"Bearer {console.token}"}

    def send(self, method: str, path: str, body: object, **headers: str) -> Any:
        """Call the API; what it answered."""
        answer = requests.request(
            method, self.base + path, json=body, headers=self.headers | headers, timeout=LIMIT
        )
        assert answer.ok, f"{path}: {answer.text}"
        return answer.json() if answer.content else None

    def published(self, document: Document) -> str:
        """Publish an experiment; its path."""
        created = self.send("POST", "/experiments", {"experiment": document})
        return f"/experiments/{created['id']}"

    def started(self, of: str, document: Document) -> str:
        """Start a run of an experiment; its path."""
        created = self.send("POST", f"{of}/executions", {"journal": document})
        return f"{of}/executions/{created['id']}"

    def told(self, execution: str, *events: Document) -> None:
        """Send events of a run."""
        for item in events:
            kind = "application/cloudevents+json"
            self.send("POST", f"{execution}/events", item, **{"Content-Type": kind})

    def set_safeguard(self, kind: str, settings: Document) -> str:
        """Set a safeguard, for experiments that nobody runs here; its id."""
        fields = {"name": self.words(f"Our {kind}"), "reason": self.words("Somebody must be there")}
        body: Document = {"kind": kind, "settings": settings, **fields}
        body["tags"] = [self.words("elsewhere")]
        body["enabled"] = kind != "webhook"  # nobody is to be called
        return str(self.send("POST", "/safeguards", body)["id"])

    def verified(self, of: str, run_of: str) -> str:
        """Make an objective and a verification of it, and finish one run; the verification's id."""
        measurement = experiment()["steady-state-hypothesis"]
        objective = {
            "name": self.words("Orders are accepted"),
            "description": self.words("What customers notice first"),
            "target": 99.0,
            "window": 86_400,
            "measurement": measurement,
        }
        objective_id = self.send("POST", "/objectives", objective)["id"]
        verification = {
            "name": self.words("Orders are accepted without a broker"),
            "objective_id": objective_id,
            "experiment_id": of.split("/")[2],
            "frequency": 10,
            "duration": 30,
        }
        objective_id = self.send("POST", "/verifications", verification)["id"]
        self._ran(f"/verifications/{objective_id}/runs", run_of)
        return str(objective_id)

    def _ran(self, runs: str, execution: str) -> None:
        _, _, of, _, done = execution.split("/")
        content = {
            "journal": journal(),
            "status": "started",
            "experiment_id": of,
            "execution_id": done,
        }
        run = f"{runs}/{self.send('POST', runs, content)['id']}"
        probe = {"name": "latency", "tolerance": [0, 100]}
        for number in (1, 2, 3):
            state = {
                "steady_state_met": number < 3,
                "probes": [{"activity": probe, "output": 40 * number}],
            }
            entry = {"category": "verification-sample", "payload": {"state": state}}
            self.send("POST", f"{run}/events", entry)
        finished = {"journal": ended(), "status": self.words("completed"), "results": RESULTS}
        self.send("POST", f"{run}/finished", finished)


def whole_journal(*, deviated: bool = False) -> Document:
    """The journal of a run with a part of every kind in it."""
    document = experiment(
        configuration={"brokers": 3, "where": {"type": "env", "key": "REGION"}},
        secrets={"kafka": {"password": {"type": "env", "key": "KAFKA_PASSWORD"}}},
        rollbacks=[{"type": "action", "name": "start it again", "provider": {"type": "process"}}],
    )
    [probe], [action] = document["steady-state-hypothesis"]["probes"], document["method"]
    played = {"status": "succeeded", "duration": 2.0, **MOMENTS}
    check = {"activity": probe, "output": {"status": 201}, "tolerance_met": True, **played}
    missed = {**check, "output": {"status": 500}, "tolerance_met": False}
    broken = {"activity": action, **played, "status": "failed", "exception": ["Traceback", "Gone"]}
    return ended(
        experiment=document,
        steady_states={
            "before": {"steady_state_met": True, "probes": [check]},
            "during": [{"steady_state_met": False, "probes": [missed]}],
            "after": {"steady_state_met": False, "probes": [missed]},
        },
        run=[{"activity": action, "output": "killed", **played}, broken],
        rollbacks=[{"activity": document["rollbacks"][0], "output": None, **played}],
        deviated=deviated,
    )


def everything(console: Console, words: Words = str) -> Story:
    """Tell one of each: runs that ended and one that goes on, versions, a verification, a stop."""
    teller = Teller(console, words)
    pages = "/my-organization/my-team"
    of = teller.published(experiment())
    runs = [teller.started(of, journal()) for _ in range(3)]
    teller.send("PUT", runs[0], {"journal": whole_journal()})
    teller.send("PUT", runs[0], {"journal": whole_journal(deviated=True)})  # its second version
    teller.send("PUT", runs[1], {"journal": whole_journal()})
    teller.told(runs[2], event())
    teller.published(experiment(description=words("All three brokers are needed.")))
    teller.verified(of, runs[0])
    safeguards = [
        f"{pages}/safeguards/{teller.set_safeguard(kind, settings)}"
        for kind, settings in SAFEGUARDS.items()
    ]
    console.operate("person", "add", words("Bob"), "--team", "My team")
    console.operate("stop", "--reason", words("Release day"), "--for", "2h")
    addresses = [f"{pages}/executions/{run.rsplit('/', 1)[-1]}" for run in runs]
    return Story(pages, addresses[0], addresses[2], tuple(safeguards))
