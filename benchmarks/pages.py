"""What a console's pages cost when much was run, next to a console where hardly anything was.

Two real consoles on this machine, one full and one with a single execution, are asked for the same
pages in turn. Printed for each page: the median and the 95th percentile of the answer's time, how
many times as long the full one takes, and the bytes of a first view over the wire. Ends with 1
when a page is over the limits that the project holds itself to.

    python benchmarks/pages.py --executions 100000 --events 1000000
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

from _population import Population, Sizes, fill

from chaoscloud.console.config import Config
from chaoscloud.console.db import Database

SLOWEST = 100.0  # milliseconds, the 95th percentile of a page
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
class Seen:
    """A page as it came: how long it took in milliseconds, and what came."""

    took: float
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

    def get(self, path: str, *, cookies: bool = False) -> Seen:
        """Open an address of the console."""
        return self._ask("GET", path, cookies=cookies)

    def page(self, path: str) -> Seen:
        """Open a page of the team; ids in braces are the population's."""
        seen = self.get(self.population.team + path.format(**self.population.ids))
        assert seen.status == 200, f"{path}: {seen.status}"
        return seen

    def _ask(self, method: str, path: str, body: str = "", *, cookies: bool = False) -> Seen:
        began = time.perf_counter()
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        self.connection.request(method, path, body, self.headers | form)
        answer = self.connection.getresponse()
        raw = answer.read()
        took = (time.perf_counter() - began) * 1000
        if cookies:
            given = [each.partition(";")[0] for each in answer.headers.get_all("Set-Cookie") or ()]
            self.headers["Cookie"] = "; ".join(each for each in given if not each.endswith('=""'))
        return Seen(took, answer.status, len(raw), _inflated(raw, answer.headers))


def _inflated(raw: bytes, headers: http.client.HTTPMessage) -> str:
    packed = headers.get("Content-Encoding") == "gzip"
    return (gzip.decompress(raw) if packed else raw).decode()


@contextmanager
def serving(data: Path, sizes: Sizes) -> Iterator[Console]:
    """Fill a database of these sizes and serve it until the block ends."""
    data.mkdir()
    began = time.perf_counter()
    with Database.open(Config.from_environ({}, data=str(data)).database_url) as database:
        population = fill(database, sizes)
    took = time.perf_counter() - began
    print(
        f"{sizes.executions:,} executions, {sizes.events:,} events: made in {took:.0f} s",
        flush=True,
    )
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
    def line(self) -> str:
        """A row of the table."""
        median, before = statistics.median(self.full), statistics.median(self.empty)
        return (
            f"{self.name:38}{median:8.1f}{self.p95:8.1f}{before:8.1f}"
            f"{median / before:8.2f}{self.size / 1024:8.1f}"
        )


def measured(name: str, path: str, full: Console, empty: Console, rounds: int) -> Cost:
    """Ask both consoles in turn; the first answers warm their caches and are left out."""
    size = sum(full.get(each).size for each in _beside(full.page(path).body))
    size += full.page(path).size
    empty.page(path)
    pairs = [(full.page(path).took, empty.page(path).took) for _ in range(rounds)]
    return Cost(name, [one for one, _ in pairs], [other for _, other in pairs], size)


def _beside(page: str) -> list[str]:
    """What a browser loads with a page at its first view."""
    return sorted(set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page)))


def main() -> int:
    """Measure, print, and say whether every page is within its limits."""
    options = _options()
    sizes = Sizes.of(options.executions, options.events)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        full = stack.enter_context(serving(folder / "full", sizes))
        empty = stack.enter_context(serving(folder / "empty", Sizes.of(1, 10)))
        print(f"{'milliseconds':38}{'p50':>8}{'p95':>8}{'empty':>8}{'ratio':>8}{'KiB':>8}")
        wrong = []
        for name, path in PAGES.items():
            cost = measured(name, path, full, empty, options.rounds)
            print(cost.line, flush=True)
            if cost.p95 > SLOWEST or cost.size > HEAVIEST:
                wrong.append(name)
    print(f"over the limits: {', '.join(wrong)}" if wrong else "every page is within its limits")
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--executions", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="answers measured of each page")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
