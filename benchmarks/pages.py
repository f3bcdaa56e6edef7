"""What a console's pages cost when much was run, next to a console where hardly anything was.

Two real consoles on this machine, one full and one with a single execution, are asked for the same
pages in turn. Printed for each page: the median and the 95th percentile of the answer's time, how
many times as long the full one takes, and the bytes of a first view over the wire. Ends with 1
when a page is over the limits that the project holds itself to.

    python benchmarks/pages.py --executions 100000 --events 1000000 --data /var/tmp/pages

With `--data` the two databases stay in that folder, and the next measurement of these sizes uses
them again. `--only WORD` measures the pages that have this word in their name.
"""

import argparse
import gzip
import http.client
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import msgspec
from _population import Population, Sizes, fill, keep_running

from chaoscloud.console.config import Config
from chaoscloud.console.db import Database

SLOWEST = 100.0  # milliseconds, the 95th percentile of a page
STEEPEST = 2.0  # times as long as of a console where hardly anything was run
HEAVIEST = 60 * 1024  # bytes of a first view: the page, its style, its script and its icon
ROUNDS = 40

PAGES = {
    "overview": "",
    "executions": "/executions",
    "executions, completed": "/executions?status=completed",
    "executions, refused": "/executions?status=refused",
    "executions, running": "/executions?status=running",
    "executions, lost": "/executions?status=lost",
    "executions, went wrong": "/executions?outcome=went-wrong",
    "executions, several outcomes": "/executions?outcome=deviated&outcome=refused&status=running",
    "executions, a search": "/executions?q=stock",
    "executions, a search for nothing": "/executions?q=zebra",
    "executions, the longest": "/executions?sort=longest",
    "executions, a tag": "/executions?tag=stock",
    "executions, no such tag": "/executions?tag=none",
    "executions, a person": "/executions?person={person}",
    "executions, a person, refused": "/executions?person={person}&status=refused",
    "executions, a person who ran nothing": "/executions?person={newcomer}",
    "executions, completed, no such tag": "/executions?status=completed&tag=none",
    "executions, an experiment": "/executions?experiment={experiment}",
    "executions, far back": "/executions?after={far}",
    "executions, refused ones of a tag": "/executions?tag=stock&status=refused",
    "an execution": "/executions/{execution}",
    "an execution, running": "/executions/{running}",
    "experiments": "/experiments",
    "experiments, a search": "/experiments?q=stock",
    "experiments, stale": "/experiments?state=stale",
    "an experiment": "/experiments/{experiment}",
    "objectives": "/objectives",
    "an objective": "/objectives/{objective}",
    "verifications": "/verifications",
    "a verification": "/verifications/{verification}",
    "a verification's run": "/verifications/{verification}/runs/{run}",
    "safeguards": "/safeguards",
    "people": "/people",
    "a person": "/people/{person}",
    "audit log": "/audit",
    "audit log, safeguards": "/audit?kind=safeguards",
    "audit log, tokens": "/audit?kind=tokens",
}


@dataclass(frozen=True)
class Page:
    """A page as it came: how long that took, and what came."""

    milliseconds: float
    status: int
    size: int  # bytes of the answer's body, as they came over the wire
    body: str


class Console:
    """A serving console and a browser's connection to it."""

    def __init__(self, url: str, population: Population) -> None:
        self.population = population
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self.headers = {"Accept-Encoding": "gzip", "Sec-Fetch-Site": "none"}
        self._sign_in()

    def _sign_in(self) -> None:
        form = self.get("/signin", cookies=True)
        [token] = re.findall(r'name="csrf" value="([0-9a-f]+)"', form.body)
        fields = urlencode({"csrf": token, "token": self.population.token, "next": "/"})
        self._ask("POST", "/signin", fields, cookies=True)

    def get(self, path: str, *, cookies: bool = False) -> Page:
        """Open an address of the console."""
        return self._ask("GET", path, cookies=cookies)

    def page(self, path: str) -> Page:
        """Open a page of the team; ids in braces are the population's."""
        page = self.get(self.population.team + path.format(**self.population.ids))
        assert page.status == 200, f"{path}: {page.status}"
        return page

    def _ask(self, method: str, path: str, body: str = "", *, cookies: bool = False) -> Page:
        began = time.perf_counter()
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        self.connection.request(method, path, body, self.headers | form)
        response = self.connection.getresponse()
        raw = response.read()
        milliseconds = (time.perf_counter() - began) * 1000
        if cookies:
            fields = response.headers.get_all("Set-Cookie") or ()
            pairs = [field.partition(";")[0] for field in fields]
            self.headers["Cookie"] = "; ".join(pair for pair in pairs if not pair.endswith('=""'))
        return Page(milliseconds, response.status, len(raw), _unpack(raw, response.headers))


def _unpack(raw: bytes, headers: http.client.HTTPMessage) -> str:
    packed = headers.get("Content-Encoding") == "gzip"
    return (gzip.decompress(raw) if packed else raw).decode()


@contextmanager
def serving(data: Path, sizes: Sizes) -> Iterator[Console]:
    """Serve a database of these sizes until the block ends; fill it first, unless it is there."""
    population = _fill(data, sizes)
    script = Path(sys.executable).parent / "chaosiq-console"
    with (data / "console.log").open("w") as log:
        process = subprocess.Popen(
            [script, "serve", "--data", data, "--port", "0"],
            env={name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("Console ready at ").strip()
        yield Console(url, population)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def _fill(data: Path, sizes: Sizes) -> Population:
    data.mkdir(parents=True, exist_ok=True)
    description = data / f"population-{sizes.executions}-{sizes.events}.json"
    with Database.open(Config.from_environ({}, data=str(data)).database_url) as database:
        if description.exists():
            keep_running(database)
            return msgspec.json.decode(description.read_bytes(), type=Population)
        began = time.perf_counter()
        population = fill(database, sizes)
    seconds = time.perf_counter() - began
    print(
        f"{sizes.executions:,} executions, {sizes.events:,} events: made in {seconds:.0f} s",
        flush=True,
    )
    description.write_bytes(msgspec.json.encode(population))
    return population


@dataclass(frozen=True)
class Cost:
    """What one page came to, of the full console and of the empty one."""

    name: str
    full: list[float]
    empty: list[float]
    size: int

    @property
    def p95(self) -> float:
        """Of the full console, in milliseconds."""
        return statistics.quantiles(self.full, n=20)[-1]

    @property
    def growth(self) -> float:
        """How many times as long as of the empty console, by the medians."""
        return statistics.median(self.full) / statistics.median(self.empty)

    @property
    def is_within_limits(self) -> bool:
        """Whether the page is fast and light enough, however much was run."""
        return self.p95 <= SLOWEST and self.size <= HEAVIEST and self.growth <= STEEPEST

    @property
    def line(self) -> str:
        """A row of the table."""
        return (
            f"{self.name:38}{statistics.median(self.full):8.1f}{self.p95:8.1f}"
            f"{statistics.median(self.empty):8.1f}{self.growth:8.2f}{self.size / 1024:8.1f}"
        )


def measure(name: str, path: str, full: Console, empty: Console, rounds: int) -> Cost:
    """Ask both consoles in turn; the first answers warm their caches and are left out."""
    size = sum(full.get(address).size for address in _list_files(full.page(path).body))
    size += full.page(path).size
    empty.page(path)
    pairs = [(full.page(path).milliseconds, empty.page(path).milliseconds) for _ in range(rounds)]
    return Cost(name, [one for one, _ in pairs], [other for _, other in pairs], size)


def _list_files(page: str) -> list[str]:
    """What a browser loads with a page at its first view."""
    return sorted(set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page)))


def main() -> int:
    """Measure, print, and say whether every page is within its limits."""
    options = _options()
    sizes = Sizes.of(options.executions, options.events)
    with ExitStack() as stack:
        folder = options.data or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        full = stack.enter_context(serving(folder / "full", sizes))
        empty = stack.enter_context(serving(folder / "empty", Sizes.of(1, 10)))
        print(f"{'milliseconds':38}{'p50':>8}{'p95':>8}{'empty':>8}{'ratio':>8}{'KiB':>8}")
        exceeding = []
        for name, path in PAGES.items():
            if options.only not in name:
                continue
            cost = measure(name, path, full, empty, options.rounds)
            print(cost.line, flush=True)
            if not cost.is_within_limits:
                exceeding.append(name)
    if exceeding:
        print(f"over the limits: {', '.join(exceeding)}")
        return 1
    print("every page is within its limits")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--executions", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="answers measured of each page")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="keep the databases there")
    parser.add_argument("--only", default="", metavar="WORD", help="pages with this in their name")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
