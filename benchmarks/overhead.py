"""What the plugin costs a run: seconds, round trips, requests, connections and bytes.

Experiments of 1, 10 and 100 activities are run by the host with and without the plugin, in turn in
one process, against a real console that is 0, 20 and 100 ms away, and against one that hangs. Then
`chaos run` runs activities with large outputs, with and without. Ends with 1 when a limit is missed
that the project holds itself to.

    python benchmarks/overhead.py --samples 3
"""

import argparse
import functools
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import chaoslib.settings
from _counted import Count, counted, hanging
from _far import far_away
from chaoslib.control import load_global_controls
from chaoslib.experiment import run_experiment
from stop_latency import Console, percentile, serving

import chaoscloud.controls

WORK = 0.008  # seconds that each activity takes
ROUND_TRIPS = (0.0, 0.02, 0.1)
ACTIVITIES = (1, 10, 100)

MOST_ROUND_TRIPS = 6  # at 100 ms and 100 activities, the first connection and the end included
MOST_REQUESTS = 9  # likewise
MOST_CONNECTIONS = 3
MOST_SECONDS_OF_A_HANGING_ONE = 6.0
SLOWEST_HOOK = 0.005  # seconds, at the 99th percentile
MOST_BYTES = 2.0  # times the journal

LARGE_OUTPUTS = {"50 MB of lines": ("lines", 50_000_000), "3 MB of lines": ("lines", 3_000_000)}
LARGE_OUTPUTS["3 MB of NULs"] = ("nuls", 3_000_000)
MOST_SECONDS_OF_A_LARGE_ONE = (1.5, 1.0)  # times the run without us, and seconds
MOST_BYTES_OF_A_LARGE_ONE = 1.2  # times the journal


@dataclass
class Cost:
    """What runs of one kind cost, sample by sample; `hooks` are the seconds that each took."""

    seconds: list[float] = field(default_factory=list)
    counts: list[tuple[int, int, float]] = field(default_factory=list)
    hooks: list[float] = field(default_factory=list)

    @property
    def added(self) -> float:
        """Seconds added, the median."""
        return statistics.median(self.seconds)

    def worst(self, which: int) -> float:
        """The largest number of requests, connections, or bytes in journals."""
        return max(count[which] for count in self.counts)


def work(seconds: float) -> str:
    """What an activity does."""
    time.sleep(seconds)
    return "done"


def lines(size: int) -> str:
    """What a log of so many characters is like."""
    line = "2026-03-02 09:30:00 INFO order 4711 is accepted by broker kafka-2 in 12 ms\n"
    return (line * (size // len(line) + 1))[:size]


def nuls(size: int) -> str:
    """What a dump of an empty disk is like."""
    return "\0" * size


def experiment(activities: int) -> dict[str, Any]:
    """So many activities, and nothing else."""
    arguments = {"seconds": WORK}
    provider = {"type": "python", "module": "overhead", "func": "work", "arguments": arguments}
    return {
        "title": "Orders survive the loss of a broker",
        "description": "Orders are kept while the broker is away.",
        "method": [
            {"type": "action", "name": f"work {number}", "provider": provider}
            for number in range(activities)
        ],
        "rollbacks": [],
    }


def settings_for(url: str, console: Console) -> dict[str, Any]:
    """Signed in to the console, by way of `url`."""
    organization = console.ask("GET", "/organizations")[0] | {"default": True}
    teams = console.ask("GET", f"/organizations/{organization['id']}/teams")
    organization["teams"] = [teams[0] | {"default": True}]
    arguments = {"url": url, "verify_tls": True, "organizations": [organization]}
    provider = {"type": "python", "module": "chaoscloud.controls", "arguments": arguments}
    return {
        "auths": {urlsplit(url).netloc: {"type": "bearer", "value": console.token}},
        "controls": {"chaosiq-cloud": {"provider": provider}},
    }


def run(settings: dict[str, Any], activities: int) -> tuple[float, Any]:
    """Run as `chaos run` does; the seconds it took, and the journal."""
    document = experiment(activities)
    token = chaoslib.settings.loaded_settings.set(settings)
    try:
        load_global_controls(settings)
        began = time.perf_counter()
        journal = run_experiment(document, settings=settings)
        return time.perf_counter() - began, journal
    finally:
        chaoslib.settings.loaded_settings.reset(token)


@contextmanager
def timed_hooks() -> Iterator[list[float]]:
    """How long each hook takes that the host calls, but for the start and the end of the run."""
    took: list[float] = []

    def timed(hook: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(hook)
        def clocked(*args: Any, **kwargs: Any) -> None:
            began = time.perf_counter()
            try:
                hook(*args, **kwargs)
            finally:
                took.append(time.perf_counter() - began)

        return clocked

    names = [f"{when}_activity_control" for when in ("before", "after")]
    originals = {name: getattr(chaoscloud.controls, name) for name in names}
    for name, hook in originals.items():
        setattr(chaoscloud.controls, name, timed(hook))
    try:
        yield took
    finally:
        for name, hook in originals.items():
            setattr(chaoscloud.controls, name, hook)


class Host:
    """A process that runs experiments, and in which nothing else goes on."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--runner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, settings: dict[str, Any], activities: int) -> Any:
        """The `seconds` it took, how long the `hooks` took, and the `size` of the journal."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([settings, activities]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def run_for_others() -> None:
    """What such a process does: a line of JSON in, an experiment, a line of JSON out."""
    logging.getLogger("chaostoolkit").setLevel(logging.CRITICAL)
    for line in sys.stdin:
        with timed_hooks() as hooks:
            seconds, journal = run(*json.loads(line))
        size = len(json.dumps(journal, default=str))
        print(json.dumps({"seconds": seconds, "hooks": hooks, "size": size}), flush=True)


def cost_of(
    host: Host, settings: dict[str, Any], activities: int, count: Count, samples: int
) -> Cost:
    """Run with and without the plugin, in turn."""
    cost = Cost()
    for _ in range(samples):
        plain = host.run({}, activities)
        count.clear()
        told = host.run(settings, activities)
        time.sleep(0.2)  # connections that close are none of the next run's
        cost.seconds.append(told["seconds"] - plain["seconds"])
        cost.counts.append((count.requests, count.connections, count.sent / told["size"]))
        cost.hooks += told["hooks"]
    return cost


def report(name: str, activities: int, round_trip: float, cost: Cost) -> list[str]:
    """Print a line; the limits that were missed."""
    slowest = percentile(cost.hooks, 0.99)
    trips = f"{cost.added / round_trip:6.1f}" if round_trip else "     -"
    print(
        f"{name:<8} {activities:>3} activities  +{cost.added:6.3f} s  {trips} round trips  "
        f"{cost.worst(0):>4.0f} requests  {cost.worst(1):>2.0f} connections  "
        f"{cost.worst(2):5.2f} of the journal  hooks 99 % {slowest * 1000:5.2f} ms",
        flush=True,
    )
    limits = {
        "round trips": round_trip < 0.1 or cost.added / round_trip <= MOST_ROUND_TRIPS,
        "requests": round_trip < 0.1 or cost.worst(0) <= MOST_REQUESTS,
        "connections": cost.worst(1) <= MOST_CONNECTIONS,
        "seconds": name != "hanging" or cost.added <= MOST_SECONDS_OF_A_HANGING_ONE,
        "bytes": activities < 100 or cost.worst(2) <= MOST_BYTES,
    }
    missed = [limit for limit, kept in limits.items() if not kept]
    return [f"{name}, {activities} activities: {limit}" for limit in missed]


def measured(host: Host, console: Console, samples: int) -> Iterator[tuple[Cost, list[str]]]:
    """Every case; the limits that each missed."""
    address = (urlsplit(console.url).hostname or "", urlsplit(console.url).port or 80)
    for round_trip in ROUND_TRIPS:
        with ExitStack() as stack:
            far = stack.enter_context(far_away(address, round_trip, old=False))
            place = (urlsplit(far).hostname or "", urlsplit(far).port or 80)
            url, count = stack.enter_context(counted(place))
            settings = settings_for(url, console)
            for activities in ACTIVITIES:
                cost = cost_of(host, settings, activities, count, samples)
                yield cost, report(f"{round_trip * 1000:.0f} ms", activities, round_trip, cost)
    with hanging() as (url, count):
        for activities in ACTIVITIES:
            cost = cost_of(host, settings_for(url, console), activities, count, 1)
            yield cost, report("hanging", activities, 0.0, cost)


def chaos(folder: Path, home: Path, func: str, size: int) -> float:
    """`chaos run` of one activity with this output, in `folder`; the seconds it took."""
    provider = {"type": "python", "module": "overhead", "func": func, "arguments": {"size": size}}
    document = experiment(1) | {"method": [{"type": "probe", "name": func, "provider": provider}]}
    (folder / "large.json").write_text(json.dumps(document))
    environment = os.environ | {"HOME": str(home), "PYTHONPATH": str(Path(__file__).parent)}
    began = time.perf_counter()
    subprocess.run(
        [Path(sys.executable).with_name("chaos"), "--no-version-check", "run", "large.json"],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - began


def measure_large(console: Console, folder: Path, samples: int) -> Iterator[str]:
    """Run activities with large outputs; the limits that were missed."""
    place = (urlsplit(console.url).hostname or "", urlsplit(console.url).port or 80)
    bare, signed_in = folder / "bare", folder / "signed-in"
    with counted(place) as (url, count):
        for home in (bare, signed_in):
            (home / ".chaostoolkit").mkdir(parents=True)
        path = signed_in / ".chaostoolkit" / "settings.yaml"
        path.write_text(json.dumps(settings_for(url, console)))  # JSON is YAML, too
        path.chmod(0o600)
        added: dict[str, float] = {}
        for name, output in LARGE_OUTPUTS.items():
            plain, recorded = [], []
            for _ in range(samples):
                plain.append(chaos(folder, bare, *output))
                count.clear()
                recorded.append(chaos(folder, signed_in, *output))
            size = (folder / "journal.json").stat().st_size
            without, seconds = statistics.median(plain), statistics.median(recorded)
            added[name] = seconds - without
            print(
                f"{name:<15} {without:5.2f} s without, {seconds:5.2f} s with us, "
                f"{count.sent / size:4.2f} of the journal sent",
                flush=True,
            )
            factor, more = MOST_SECONDS_OF_A_LARGE_ONE
            if seconds > factor * without + more:
                yield f"{name}: seconds"
            if count.sent > MOST_BYTES_OF_A_LARGE_ONE * size:
                yield f"{name}: bytes"
        if added["3 MB of NULs"] > added["3 MB of lines"] + 0.2:  # as much as runs differ
            yield "3 MB of NULs: slower than other text"


def main() -> int:
    """Measure every case."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=3, help="runs of each kind in each case")
    parser.add_argument("--runner", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.runner:
        run_for_others()
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["HOME"] = scratch
        os.environ.pop("CHAOSIQ_FLUSH_TIMEOUT", None)
        data = Path(scratch, "console")
        data.mkdir()
        with serving(data) as console, closing(Host()) as host:
            host.run(settings_for(console.url, console), 1)  # what is imported once is not counted
            found = list(measured(host, console, given.samples))
            large = list(measure_large(console, Path(scratch), given.samples))
    missed = [limit for _, limits in found for limit in limits] + large
    slowest = percentile([seconds for cost, _ in found for seconds in cost.hooks], 0.99)
    print(f"all hooks: 99 % took less than {slowest * 1000:.2f} ms")
    missed += ["hooks"] * (slowest >= SLOWEST_HOOK)
    print("\n".join(["missed:", *missed]) if missed else "every limit is kept")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
