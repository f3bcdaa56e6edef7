"""How long a stop takes to reach a run: from the console's decision to the end of an activity.

Real `chaos run` processes sleep for a minute in an activity, a real console is asked to stop them
one by one, and their journals say how long it took. With the console's questions held until the
verdict changes, and with a server that knows nothing of that; nearby, and 100 ms away. Ends with 1
when a limit is missed that the project holds itself to.

    python benchmarks/stop_latency.py --samples 30
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from _far import far_away

SCRIPTS = Path(sys.executable).parent
AT_ONCE = 3  # runs beside each other
LIMIT = 90.0  # seconds: what takes longer hangs


@dataclass(frozen=True)
class Case:
    """A distance, a kind of server, and limits in seconds: the median, the 99th percentile."""

    round_trip: float
    old: bool
    median: float
    slowest: float

    def __str__(self) -> str:
        kind = "asked every second" if self.old else "held questions"
        return f"{kind:<19} {self.round_trip * 1000:4.0f} ms"


CASES = [
    Case(0.0, old=False, median=0.2, slowest=0.5),
    Case(0.1, old=False, median=0.2, slowest=0.5),
    Case(0.0, old=True, median=1.5, slowest=1.5),
    Case(0.1, old=True, median=1.5, slowest=1.5),
]


@dataclass(frozen=True)
class Console:
    """A console that serves."""

    url: str
    token: str

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """Call below `/api/v1`, and return the document of the answer."""
        answer = requests.request(
            method,
            f"{self.url}/api/v1{path}",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
            **options,
        )
        answer.raise_for_status()
        return answer.json()

    def team(self) -> str:
        """Where its one team is."""
        organization = self.ask("GET", "/organizations")[0]["id"]
        team = self.ask("GET", f"/organizations/{organization}/teams")[0]["id"]
        return f"/organizations/{organization}/teams/{team}"


def environment(home: Path) -> dict[str, str]:
    """A home of its own, and nothing of the user's."""
    stray = ("CHAOSIQ_", "DATABASE_URL", "XDG_")
    return {k: v for k, v in os.environ.items() if not k.startswith(stray)} | {"HOME": str(home)}


@contextmanager
def serving(data: Path) -> Iterator[Console]:
    """A fresh console, until the block ends."""
    process = subprocess.Popen(
        [SCRIPTS / "chaosiq-console", "serve", "--data", data, "--port", "0"],
        env=environment(data),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().rpartition(" ")[2].strip()
        token = process.stdout.readline().rpartition(" ")[2].strip()
        yield Console(url, token)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT)


def experiment(name: str) -> dict[str, Any]:
    """One that sleeps for a minute, and leaves a file when it begins to."""
    code = "import time; open('asleep', 'w').close(); time.sleep(60)"
    provider = {"type": "process", "path": sys.executable, "arguments": ["-c", code]}
    return {
        "title": name,
        "description": "Sleeps until it is stopped.",
        "method": [{"type": "action", "name": "sleep", "provider": provider}],
    }


def chaos(home: Path, *words: str) -> subprocess.Popen[str]:
    """Start `chaos …` in a home."""
    return subprocess.Popen(
        [SCRIPTS / "chaos", "--no-version-check", *words],
        cwd=home,
        env=environment(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def sleeper(folder: Path, number: int, url: str, token: str) -> tuple[Path, subprocess.Popen[str]]:
    """A run that sleeps, of a user who signed in."""
    home = folder / f"{number}"
    home.mkdir()
    signing = chaos(home, "signin", "--url", url, "--token-stdin")
    signing.communicate(f"{token}\n", timeout=LIMIT)
    (home / "experiment.json").write_text(json.dumps(experiment(f"run {home}")))
    return home, chaos(home, "run", "experiment.json")


def measure_stop(console: Console, team: str, home: Path, process: subprocess.Popen[str]) -> float:
    """Stop a run that sleeps; the seconds it took by its journal."""
    items = console.ask("GET", f"{team}/executions", params={"limit": 100})["items"]
    [execution] = [item["id"] for item in items if item["title"] == f"run {home}"]
    console.ask("POST", f"{team}/executions/{execution}/stop", json={"reason": "a benchmark"})
    process.communicate(timeout=LIMIT)
    journal = json.loads((home / "journal.json").read_text())
    [block] = [block for block in journal["extensions"] if block["name"] == "chaosiq"]
    return float(block["stop"]["latency"])


def measure(console: Console, url: str, folder: Path, samples: int) -> list[float]:
    """The latency of so many stops, in seconds."""
    team = console.team()
    latencies: list[float] = []
    while len(latencies) < samples:
        numbers = range(len(latencies), min(samples, len(latencies) + AT_ONCE))
        runs = [sleeper(folder, number, url, console.token) for number in numbers]
        for home, process in runs:
            while not (home / "asleep").exists():
                time.sleep(0.02)
            time.sleep(0.5 + random.random())  # noqa: S311 - any moment between two questions
            latencies.append(measure_stop(console, team, home, process))
    return latencies


def percentile(seconds: list[float], share: float) -> float:
    """The smallest that so large a share does not exceed."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, round(share * len(ordered)))]


def report(case: Case, seconds: list[float]) -> bool:
    """Print a line; whether the limits are kept."""
    median, slowest = statistics.median(seconds), percentile(seconds, 0.99)
    is_within = median < case.median and slowest < case.slowest
    print(
        f"{case}  n={len(seconds)}  median {median:6.3f} s ({median / case.median:4.2f} of the "
        f"limit)  99 % {slowest:6.3f} s ({slowest / case.slowest:4.2f})  "
        f"{'kept' if is_within else 'MISSED'}",
        flush=True,
    )
    return is_within


def main() -> int:
    """Measure every case."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=30, help="stops in each case")
    samples = parser.parse_args().samples
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for number, case in enumerate(CASES):
            folder = Path(scratch) / str(number)
            (folder / "console").mkdir(parents=True)
            with serving(folder / "console") as console:
                address = (urlsplit(console.url).hostname or "", urlsplit(console.url).port or 80)
                with far_away(address, case.round_trip, case.old) as url:
                    results.append(report(case, measure(console, url, folder, samples)))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
