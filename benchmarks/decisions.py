"""How soon a run is told whether it may go on, while other things keep the console busy.

A real console with two organizations. One run of Globex asks again and again: while nothing else
happens, while a member of Acme changes one of as many safeguards as there may be in a loop, while
Acme starts 40 runs a second beside 10,000 that never ended, and while events come in over 32
connections. Then 2,000 waiting runs are stopped. All in turns, in one run; each time is also given
as a multiple of the quiet one. Ends with 1 when a limit is missed that the project holds itself to.

    python benchmarks/decisions.py --seconds 5 --rounds 2
"""

import argparse
import http.client
import json
import multiprocessing
import os
import resource
import selectors
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import _documents as documents
from _wire import Line, Place, busy, times
from ingest import LINES, singles
from sqlalchemy import Connection

from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.db.schema import executions
from chaoscloud.console.records import organizations, people, safeguards, teams, tokens
from chaoscloud.console.rules.access import Role

SILENT = 10_000  # executions that never ended
STARTS = 40  # a second
WAITING = 2_000  # runs that are held
PAUSE = 0.005  # seconds between two questions
P99, LONGEST, STOP = 50.0, 250.0, 1_000.0  # milliseconds
FILES = 8_192  # that may be open: each run that waits holds one

_NOW = datetime.now(UTC)
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Tenant:
    """An organization with one team, and somebody's token."""

    organization_id: str
    team_id: str
    token: str
    safeguard_id: str = ""

    @property
    def path(self) -> str:
        """Where the addresses of the team begin."""
        return f"/api/v1/organizations/{self.organization_id}/teams/{self.team_id}"


# --- the console -------------------------------------------------------------------------------


def create_tenant(connection: Connection, name: str) -> Tenant:
    """An organization with a team, whose only member has a token."""
    organization = organizations.add(connection, name, _NOW)
    team = teams.add(connection, organization.id, "Checkout", _NOW)
    person = people.add(connection, f"Member of {name}", _NOW)
    organizations.admit(connection, organization.id, person.id, Role.OWNER)
    teams.join(connection, team.id, person.id)
    _, token = tokens.add(connection, person.id, "laptop", _NOW, organization_id=organization.id)
    return Tenant(organization.id, team.id, token)


def fill_with_safeguards(connection: Connection, tenant: Tenant) -> Tenant:
    """As many as the team and its organization may have, none of which denies anything."""
    settings = json.dumps({"mode": "forbid", "tags": ["nobody", "carries", "these"]})
    for team_id in (None, tenant.team_id):
        for number in range(safeguards.MOST - 1):
            created = safeguards.create(
                connection, tenant.organization_id, team_id, "tags", f"Rule {number}", _NOW,
                settings=settings,
            )  # fmt: skip
    limit = json.dumps({"most": 10_000})
    safeguards.create(
        connection, tenant.organization_id, tenant.team_id, "limit", "Room", _NOW, settings=limit
    )
    return replace(tenant, safeguard_id=created.id)


def add_silent_executions(connection: Connection, like: str) -> None:
    """Copies of an execution, heard of for the last time a day ago."""
    row = dict(
        connection.execute(executions.select().where(executions.c.id == like)).one()._mapping
    )
    seen = _NOW - timedelta(days=1)
    connection.execute(
        executions.insert(),
        [row | {"id": str(uuid.uuid4()), "last_seen_at": seen} for _ in range(SILENT)],
    )


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address of a real console."""
    script = Path(sys.executable).parent / "chaosiq-console"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [script, "serve", "--data", folder, "--port", "0"],
            env={name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("Console ready at ").strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


class Api:
    """Calls of one tenant, one after the other over one connection."""

    def __init__(self, url: str, tenant: Tenant) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)
        self._tenant = tenant

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to one call, decoded."""
        headers = {
            "Authorization": f"Bearer {self._tenant.token}",
            "Content-Type": "application/json",
        }
        address = self._tenant.path + path
        self._connection.request(method, address, body and json.dumps(body), headers)
        response = self._connection.getresponse()
        answer = response.read()
        assert response.status < 300, f"{method} {path}: {response.status} {answer!r}"
        return json.loads(answer or b"null")

    def publish(self) -> str:
        """The path of an experiment."""
        made = self.call("POST", "/experiments", {"experiment": documents.experiment(0)})
        return f"/experiments/{made['id']}"

    def start(self, experiment: str) -> str:
        """The path of a new execution."""
        journal = documents.journal(0, datetime.now(UTC), "running", 0)
        made = self.call("POST", experiment + "/executions", {"journal": journal})
        return f"{experiment}/executions/{made['id']}"


# --- what keeps it busy, each in a process of its own ---------------------------------------------


def change_safeguards(url: str, acme: Tenant, run: str, begun: Event) -> None:
    """Change one safeguard again and again."""
    api, number = Api(url, acme), 0
    while True:
        number += 1
        begun.set()
        api.call("PATCH", f"/safeguards/{acme.safeguard_id}", {"reason": f"Rule {number}"})


def start_runs(url: str, acme: Tenant, run: str, begun: Event) -> None:
    """Start so many runs a second."""
    api, due = Api(url, acme), time.monotonic()
    experiment = run.partition("/executions/")[0]
    while True:
        api.start(experiment)
        begun.set()
        due += 1 / STARTS
        time.sleep(max(0.0, due - time.monotonic()))


def send_events(url: str, acme: Tenant, run: str, begun: Event) -> None:
    """Send events over as many connections as the other benchmark does."""
    place = Place(url, acme.token, f"{acme.path}{run}/events")
    make_event = singles(place)

    def make_request() -> bytes:
        begun.set()
        return make_event()

    busy(place, LINES, make_request, 3600.0)


def stay_quiet(url: str, acme: Tenant, run: str, begun: Event) -> None:
    """Nothing."""
    begun.set()
    time.sleep(3600)


LOADS: dict[str, Callable[[str, Tenant, str, Event], None]] = {
    "quiet": stay_quiet,
    "a safeguard changed in a loop": change_safeguards,
    "40 starts a second beside 10,000 silent runs": start_runs,
    "full ingest": send_events,
}


@contextmanager
def under(load: Callable[..., None], url: str, acme: Tenant, run: str) -> Iterator[None]:
    """While that goes on."""
    begun = _SPAWN.Event()
    process = _SPAWN.Process(target=load, args=(url, acme, run, begun), daemon=True)
    process.start()
    assert begun.wait(60), f"{load.__name__} does not begin"
    time.sleep(1)  # until all of it does
    try:
        yield
        assert process.is_alive(), f"{load.__name__} has failed"
    finally:
        process.terminate()
        process.join(60)


# --- runs that wait ------------------------------------------------------------------------------


def stop_waiting(url: str, tenant: Tenant, run: str) -> tuple[float, float]:
    """Milliseconds from setting a stop until half, and until all, of the waiting runs have it."""
    place = Place(url, tenant.token, f"{tenant.path}{run}/policies")
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    connection.request("GET", place.path, headers={"Authorization": f"Bearer {tenant.token}"})
    tag = str(connection.getresponse().headers["ETag"])
    wait = f"\r\nIf-None-Match: {tag}\r\nPrefer: wait=60\r\n\r\n".encode()
    request = place.request("GET").removesuffix(b"\r\n\r\n") + wait
    with selectors.DefaultSelector() as selector:
        for number in range(WAITING):
            line = Line(place.address)
            line.ask(request)
            selector.register(line.socket, selectors.EVENT_READ, line)
            if number % 50 == 0:
                time.sleep(0.02)
        time.sleep(3)  # until they wait
        began, took = time.perf_counter(), []
        setting = _SPAWN.Process(target=set_stop, args=(url, tenant))
        setting.start()
        while len(took) < WAITING and time.perf_counter() - began < 60:
            for key, _ in selector.select(1.0):
                status = key.data.answer()
                if status is None:
                    continue
                assert status == 200, status
                took.append(time.perf_counter())
                selector.unregister(key.fileobj)
                key.data.socket.close()
        setting.join(60)
    assert len(took) == WAITING, f"{WAITING - len(took)} runs did not hear of the stop"
    # From the first that heard: the process that sets the stop takes a while to begin.
    first = took[0]
    return (statistics.median(took) - first) * 1000, (took[-1] - first) * 1000


def set_stop(url: str, tenant: Tenant) -> None:
    """Stop every run of the team."""
    Api(url, tenant).call("POST", "/safeguards", {"kind": "stop", "name": "F", "reason": "F"})


# --- the run -----------------------------------------------------------------------------------


def measure(url: str, acme: Tenant, globex: Tenant, database: Database, options: Any) -> bool:
    """Take every measure, print it, and say whether every limit is met."""
    acme_api, globex_api = Api(url, acme), Api(url, globex)
    acme_run = acme_api.start(acme_api.publish())
    globex_run = globex_api.start(globex_api.publish())
    like = acme_run.rpartition("/")[2]
    database.write(lambda connection: add_silent_executions(connection, like)).result()
    asked = Place(url, globex.token, f"{globex.path}{globex_run}/policies")
    times(asked, "GET", 0.5, PAUSE)  # the first answers warm the caches
    taken: dict[str, list[float]] = {name: [] for name in LOADS}
    for _ in range(options.rounds):
        for name, load in LOADS.items():
            with under(load, url, acme, acme_run):
                taken[name] += times(asked, "GET", options.seconds, PAUSE)
    met = True
    quiet = percentiles(taken["quiet"])
    for name, values in taken.items():
        p50, p99, longest = measured = percentiles(values)
        ratios = [one / other for one, other in zip(measured, quiet, strict=True)]
        missed = p99 > P99 or longest > LONGEST
        met = met and not missed
        print(
            f"{name:46} p50 {p50:7.2f} ms {ratios[0]:6.1f} x   p99 {p99:7.2f} ms {ratios[1]:6.1f} x"
            f"   max {longest:7.2f} ms {ratios[2]:6.1f} x{'   MISSED' if missed else ''}"
        )
    half, last = stop_waiting(url, globex, globex_run)
    missed = last > STOP
    print(
        f"{f'{WAITING:,} waiting runs hear a stop':46} half {half:6.0f} ms, all {last:6.0f} ms"
        f" after the first, at most {STOP:g}{'   MISSED' if missed else ''}"
    )
    print(f"limits: p99 {P99:g} ms and max {LONGEST:g} ms in each")
    return met and not missed


def percentiles(values: list[float]) -> tuple[float, float, float]:
    """The median, the 99th of a hundred, and the longest."""
    cuts = statistics.quantiles(values, n=100)
    return cuts[49], cuts[98], max(values)


def main() -> int:
    """Measure, print, and say whether every limit is met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="for each load and round")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, most), most))
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        config = Config.from_environ({}, data=str(folder))
        with Database.open(config.database_url) as database:
            acme = database.write(lambda c: create_tenant(c, "Acme")).result()
            globex = database.write(lambda c: create_tenant(c, "Globex")).result()
            acme = database.write(lambda c: fill_with_safeguards(c, acme)).result()
            with serve(folder) as url:
                met = measure(url, acme, globex, database, options)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
