"""Two consoles on one PostgreSQL: how long a stop set on one takes to reach runs held by the other.

Questions of runs are held by one console; a stop is set on it, or on the other one, and the time
until they are answered is measured from the moment the stop is sent: it has the commit in it. With
nothing else to do, and while both take events as fast as they come. PostgreSQL is this machine's
own, with its data on disk. Ends with 1 when a limit is missed that the project holds itself to.

    python benchmarks/several.py --samples 50
"""

import argparse
import http.client
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from _documents import experiment, journal
from _wire import Line, Place, busy

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.console.postgresql_server import AVAILABLE, address, create_database, run_server

HELD = 20  # runs that wait on the other console
MEDIAN = 50.0  # milliseconds, with nothing else to do
LOADED_MEDIAN = 150.0  # and under ingest, on a machine that the database shares
_SPAWN = multiprocessing.get_context("spawn")


@contextmanager
def serve(folder: Path, database: str, *, first: bool = False) -> Iterator[tuple[str, str]]:
    """The address of a real console, and the token that the first one prints."""
    folder.mkdir()
    script = Path(sys.executable).parent / "chaosiq-console"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [script, "serve", "--data", folder, "--port", "0"],
            env=os.environ | {"DATABASE_URL": database},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("Console ready at ").strip()
        line = ""
        while first and "ciq_" not in line:
            line = process.stdout.readline()
        yield url, line.partition("): ")[2].strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


class Api:
    """Calls of one team at one console, one after the other over one connection."""

    def __init__(self, url: str, token: str, path: str = "") -> None:
        self.url, self.token, self.path = url, token, path
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The document of an answer."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body)
        self._connection.request(method, f"/api/v1{self.path}{path}", sent, headers)
        answer = self._connection.getresponse()
        raw = answer.read()
        assert answer.status < 300, (answer.status, raw)
        return json.loads(raw) if raw else None

    def place(self, path: str) -> Place:
        """Where to send requests of the lean client."""
        return Place(self.url, self.token, f"/api/v1{self.path}{path}")


def find_team(url: str, token: str) -> Api:
    """The calls of the one team there is."""
    api = Api(url, token)
    organization = api.call("GET", "/organizations")[0]["id"]
    team = api.call("GET", f"/organizations/{organization}/teams")[0]["id"]
    return Api(url, token, f"/organizations/{organization}/teams/{team}")


def start_run(api: Api) -> str:
    """The path of an execution that goes on."""
    document = experiment(1)
    id_ = api.call("POST", "/experiments", {"experiment": document})["id"]
    body = {"journal": {"experiment": document, "status": "running", "start": None}}
    made = api.call("POST", f"/experiments/{id_}/executions", body)
    return f"/experiments/{id_}/executions/{made['id']}"


def hold(api: Api, run: str, number: int) -> list[Line]:
    """Questions of a run that the console holds until its decision changes."""
    place = api.place(run + "/policies")
    connection = http.client.HTTPConnection(urlsplit(api.url).netloc)
    connection.request("GET", place.path, headers={"Authorization": f"Bearer {api.token}"})
    tag = str(connection.getresponse().headers["ETag"])
    wait = f"\r\nIf-None-Match: {tag}\r\nPrefer: wait=60\r\n\r\n".encode()
    lines = []
    for _ in range(number):
        lines.append(Line(place.address))
        lines[-1].ask(place.request("GET").removesuffix(b"\r\n\r\n") + wait)
    return lines


def time_stop(setter: Api, holder: Api, run: str) -> list[float]:
    """Milliseconds until each held question was answered, after a stop was sent."""
    lines = hold(holder, run, HELD)
    time.sleep(0.4)
    place = setter.place("/safeguards")
    line = Line(place.address)
    body = json.dumps({"kind": "stop", "name": "F", "reason": "F"}).encode()
    began, took = time.perf_counter(), []
    line.ask(place.request("POST", body))
    for held in lines:
        while (status := held.answer()) is None:
            pass
        assert status == 200, status
        took.append((time.perf_counter() - began) * 1000)
        held.socket.close()
    while line.answer() is None:
        pass
    line.socket.close()
    for item in setter.call("GET", "/safeguards")["items"]:
        setter.call("DELETE", f"/safeguards/{item['id']}")
    return took


def send_events(place: Place, seconds: float) -> None:
    """Keep a console busy with events, as fast as it takes them."""

    def request() -> bytes:
        event = {
            "specversion": "1.0",
            "id": uuid.uuid4().hex,
            "source": "chaosiq-cloud",
            "type": "activity-finished",
            "time": "2026-03-02T09:30:01+00:00",
            "data": {"context": {"name": "kill a broker"}, "state": {"output": "x" * 200}},
        }
        return place.request("POST", json.dumps(event).encode(), "application/cloudevents+json")

    busy(place, 8, request, seconds)


@contextmanager
def loaded(apis: list[Api], run: str, seconds: float) -> Iterator[None]:
    """Both consoles take events while the block runs."""
    tasks = [
        _SPAWN.Process(target=send_events, args=(api.place(run + "/events"), seconds))
        for api in apis
    ]
    for task in tasks:
        task.start()
    time.sleep(2)
    try:
        yield
    finally:
        for task in tasks:
            task.terminate()
            task.join(60)


def report(name: str, took: list[float], limit: float | None) -> bool:
    """Print the times of one case; whether it holds its limit."""
    ordered = sorted(took)
    median = statistics.median(ordered)
    slow = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    held = limit is None or median <= limit
    words = "" if limit is None else f"  (limit {limit:g} ms{'' if held else ': MISSED'})"
    print(f"{name:<44} median {median:6.1f} ms   99 % {slow:6.1f} ms{words}", flush=True)
    return held


def main() -> int:
    """Measure, and say whether the limits hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=30, help="Stops of each case.")
    options = parser.parse_args()
    if not AVAILABLE:
        print("There is no PostgreSQL on this machine.")
        return 0
    with ExitStack() as stack:
        server = stack.enter_context(run_server(durable=True))
        database = address(server, create_database(server))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url, token = stack.enter_context(serve(folder / "one", database, first=True))
        other_url, _ = stack.enter_context(serve(folder / "other", database))
        one = find_team(url, token)
        other = Api(other_url, token, one.path)
        run = start_run(one)
        sample = range(options.samples)
        held = [
            report(
                "set on the console that holds the runs",
                [ms for _ in sample for ms in time_stop(one, one, run)],
                None,
            ),
            report(
                "set on the other console",
                [ms for _ in sample for ms in time_stop(one, other, run)],
                MEDIAN,
            ),
        ]
        with loaded([one, other], run, options.samples * 3 + 60):
            name = "set on the other console, under full ingest"
            times = [ms for _ in sample for ms in time_stop(one, other, run)]
            held.append(report(name, times, LOADED_MEDIAN))
        one.call("PUT", run, {"journal": journal(1, _utc_now(), "completed", 1.0)})
    return 0 if all(held) else 1


def _utc_now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
