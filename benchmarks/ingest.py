"""What the console keeps a second, next to what this machine's disk and web server could.

Measured in turns, in one run: rows committed one by one and by the hundred with nothing but
sqlite3; single events and batches of a hundred sent to a real console; the same to a console that
keeps no event, and to a server that does nothing else. While single events come in, another
process asks whether its run may go on. Ends with 1 when a limit is missed that the project holds
itself to.

    python benchmarks/ingest.py --seconds 1 --rounds 6
"""

import argparse
import http.client
import itertools
import json
import multiprocessing
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import _documents as documents
import _unkept
from _wire import Place, busy, times

LINES = 32  # connections that send single events
BATCHERS = 4  # connections that send batches
BATCH = 100  # events
ROWS = 1.4  # single events kept in the time of a commit
RATES = "api=60000000/minute"  # no client is to be held back here
PAUSE = 0.005  # seconds between two questions whether the run may go on

SINGLE_KIND = "application/cloudevents+json"
BATCH_KIND = "application/cloudevents-batch+json"

_NUMBERS = itertools.count()
_NOW = datetime.now(UTC)
_TYPE, _, _DATA = documents.events(0, _NOW, 4)[3]
_SPAWN = multiprocessing.get_context("spawn")


# --- what is sent ------------------------------------------------------------------------------


def _event(data: Any, id_: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id_,
        "source": "chaosiq-cloud",
        "type": _TYPE,
        "time": _NOW.isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }


def singles(place: Place) -> Callable[[], bytes]:
    """Requests with one event each, its data encoded twice as the plugin's are."""
    body = json.dumps(_event(json.dumps(_DATA), "0" * 16)).encode()
    head, _, tail = place.request("POST", body, SINGLE_KIND).partition(b"0" * 16)
    return lambda: head + b"%016d" % next(_NUMBERS) + tail


def batches(place: Place) -> Callable[[], bytes]:
    """Requests with a hundred events each."""
    numbers = [f"{number:04d}" for number in range(BATCH)]
    body = json.dumps([_event(_DATA, "0" * 16 + each) for each in numbers]).encode()
    request = place.request("POST", body, BATCH_KIND)
    return lambda: request.replace(b'"' + b"0" * 16, b'"%016d' % next(_NUMBERS))


# --- what is measured against ------------------------------------------------------------------

_TABLE = (
    "CREATE TABLE events (seq INTEGER PRIMARY KEY, execution_id TEXT, event_id TEXT, type TEXT,"
    " time TEXT, data BLOB, received_at TEXT, UNIQUE (execution_id, event_id))"
)
_INDEX = "CREATE INDEX by_execution ON events (execution_id, seq)"
_INSERT = (
    "INSERT INTO events (execution_id, event_id, type, time, data, received_at)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)


class Raw:
    """Nothing but sqlite3, told to keep things as the console keeps them."""

    def __init__(self, folder: Path) -> None:
        self._connection = sqlite3.connect(folder / "raw.sqlite3", isolation_level=None)
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", _TABLE, _INDEX):
            self._connection.execute(statement)
        self._data = json.dumps(_DATA).encode()

    def rate(self, rows: int, seconds: float) -> float:
        """Commits a second, of so many rows each."""
        began, commits = time.perf_counter(), 0
        while (now := time.perf_counter()) - began < seconds:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(_INSERT, [self._row() for _ in range(rows)])
            self._connection.execute("COMMIT")
            commits += 1
        return commits / (now - began)

    def _row(self) -> tuple[Any, ...]:
        at = "2026-03-02 09:30:01.500000"
        return ("a run", f"{next(_NUMBERS):016d}", _TYPE, at, self._data, at)


# --- servers -----------------------------------------------------------------------------------


@contextmanager
def console(folder: Path) -> Iterator[Place]:
    """A real console with a run in it."""
    script = Path(sys.executable).parent / "chaosiq-console"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [script, "serve", "--data", folder, "--port", "0"],
            env={
                **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
                "CHAOSIQ_CONSOLE_RATES": RATES,
                "CHAOSIQ_CONSOLE_MIN_FREE": "0",
            },
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("Console ready at ").strip()
        token = process.stdout.readline().rpartition(" ")[2].strip()
        yield started(url, token)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


@contextmanager
def unkept(kind: Callable[..., None], folder: Path) -> Iterator[Place]:
    """A server that keeps no event."""
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=kind, args=(folder, there.send), daemon=True)
    process.start()
    try:
        url, token = here.recv().split()
        yield Place(url, token, "/") if kind is _unkept.bare else started(url, token)
    finally:
        process.terminate()
        process.join(60)


def started(url: str, token: str) -> Place:
    """Begin a run; where its events go."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)

    def asked(method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request(method, path, body and json.dumps(body), headers)
        return json.loads(connection.getresponse().read())

    [organization] = asked("GET", "/api/v1/organizations")
    path = f"/api/v1/organizations/{organization['id']}/teams"
    [team] = asked("GET", path)
    path = f"{path}/{team['id']}/experiments"
    path += "/" + asked("POST", path, {"experiment": documents.experiment(0)})["id"] + "/executions"
    journal = documents.journal(0, _NOW, "running", 0)
    path += "/" + asked("POST", path, {"journal": journal})["id"] + "/events"
    connection.close()
    return Place(url, token, path)


class Patience:
    """A process that asks whether a run may go on, over a connection of its own."""

    def __init__(self, place: Place) -> None:
        self._here, there = _SPAWN.Pipe()
        asked = replace(place, path=place.path.removesuffix("/events") + "/policies")
        _SPAWN.Process(target=asking, args=(asked, there), daemon=True).start()
        self._here.recv()

    def begin(self, seconds: float) -> None:
        """Ask again and again for that long."""
        self._here.send(seconds)

    def end(self) -> list[float]:
        """How long the answers took, in milliseconds."""
        took: list[float] = self._here.recv()
        return took


def asking(place: Place, told: Connection) -> None:
    """What that process does: ask for as long as it is told, and tell how long it took."""
    told.send("ready")
    with suppress(EOFError, OSError):  # until nobody is there any more who wants to know
        while True:
            told.send(times(place, "GET", told.recv(), PAUSE))


# --- the run -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Limit:
    """A measured value and what it must reach; `most` turns it around."""

    name: str
    value: float
    bound: float
    unit: str = "x"
    most: bool = False

    @property
    def met(self) -> bool:
        """Whether it is within the limit."""
        return self.value <= self.bound if self.most else self.value >= self.bound

    @property
    def line(self) -> str:
        """A row of the table."""
        word = "at most" if self.most else "at least"
        mark = "" if self.met else "   MISSED"
        return f"{self.name:58}{self.value:8.2f} {self.unit:3} {word} {self.bound:g}{mark}"


class Measured:
    """Every rate of every round, a list a name; and the times of the answers to a run."""

    def __init__(self) -> None:
        self.rates: dict[str, list[float]] = {}
        self.times: list[float] = []

    def note(self, name: str, rate: float) -> None:
        """Keep a rate."""
        self.rates.setdefault(name, []).append(rate)

    def median(self, name: str) -> float:
        """Of the rounds."""
        return statistics.median(self.rates[name])

    def ratio(self, one: str, other: str) -> float:
        """How many times the other, in the middle of the rounds; each compares its own time."""
        pairs = zip(self.rates[one], self.rates[other], strict=True)
        return statistics.median(a / b for a, b in pairs)

    def limits(self) -> list[Limit]:
        """What the project holds itself to."""
        cuts = statistics.quantiles(self.times, n=100)
        return [
            Limit("single events / commits of one row", self.ratio("single", "raw"), ROWS),
            Limit("single events / the same, not kept", self.ratio("single", "unkept"), 0.6),
            Limit("batches / commits of a hundred rows", self.ratio("batch", "raw hundred"), 0.55),
            Limit("may it go on?, under full ingest: median", cuts[49], 5, "ms", most=True),
            Limit("may it go on?, under full ingest: 99 of 100", cuts[98], 50, "ms", most=True),
        ]


class Bench:
    """Everything that is measured, running."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        for name in ("kept", "unkept", "bare"):
            (folder / name).mkdir()
        self.kept = stack.enter_context(console(folder / "kept"))
        self.unkept = stack.enter_context(unkept(_unkept.forgetful, folder / "unkept"))
        self.bare = stack.enter_context(unkept(_unkept.bare, folder / "bare"))
        self.raw = Raw(folder)
        self.patience = Patience(self.kept)
        for place in (self.kept, self.unkept, self.bare):
            busy(place, LINES, singles(place), 0.5)  # the first answers warm their caches

    def round(self, measured: Measured, seconds: float) -> None:
        """Take every measure once; what is compared stands side by side."""
        measured.note("raw", self.raw.rate(1, seconds))
        self.patience.begin(seconds)
        measured.note("single", busy(self.kept, LINES, singles(self.kept), seconds).rate)
        measured.times += self.patience.end()
        measured.note("unkept", busy(self.unkept, LINES, singles(self.unkept), seconds).rate)
        measured.note("bare", busy(self.bare, LINES, singles(self.bare), seconds).rate)
        measured.note("raw hundred", self.raw.rate(BATCH, seconds))
        measured.note("batch", busy(self.kept, BATCHERS, batches(self.kept), seconds).rate)


def measure(seconds: float, rounds: int) -> Measured:
    """Take every measure in turn, so many times."""
    measured = Measured()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=Path.cwd()))
        bench = Bench(stack, Path(folder))
        for _ in range(rounds):
            bench.round(measured, seconds)
    return measured


NAMES = {
    "raw": "sqlite3, commits of one row",
    "single": f"console, single events over {LINES} connections",
    "unkept": "console that keeps no event, the same",
    "bare": "server that does nothing else, the same",
    "raw hundred": "sqlite3, commits of a hundred rows",
    "batch": f"console, batches of a hundred over {BATCHERS} connections",
}


def main() -> int:
    """Measure, print, and say whether every limit is met."""
    options = _options()
    measured = measure(options.seconds, options.rounds)
    for name, words in NAMES.items():
        print(f"{words:58}{measured.median(name):8,.0f} a second")
    share = measured.ratio("single", "bare")
    print(f"{'single events / a server that does nothing else':58}{share:8.2f} x")
    limits = measured.limits()
    for limit in limits:
        print(limit.line)
    return 0 if all(limit.met for limit in limits) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measure")
    parser.add_argument("--rounds", type=int, default=6)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
