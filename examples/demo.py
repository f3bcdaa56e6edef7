"""The demo: real experiments against a real console, on this machine, in a folder of their own.

`make demo` runs it, and leaves the console up, with a run that goes on, until Ctrl-C. With
``DEMO_ONCE=1`` it reads back through the console's API what must be recorded, stops everything and
exits 0, or says what is missing and exits 1. Nothing is written outside the folder `.demo`; HOME is
moved there too.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from history import write_history

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / ".demo"
SCRIPTS = Path(sys.executable).parent  # `chaos` and `chaosiq-console` of this environment
TEAM = "Shop"
# What of a command's output is shown, unless it fails where it should not.
TELLING = ("Execution available", "Experiment ended", "Black Friday", "Impacted", "See http")


class DemoFailed(Exception):
    """Something the demo promises did not happen; the message says what."""


def main() -> int:
    """Play the acts, then wait for Ctrl-C or, once, check what was recorded."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    try:
        with ExitStack() as stack:
            play(Stage(stack))
    except DemoFailed as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("Closed. What it wrote is in .demo; `make clean` removes it.")
    return 0


class Stage:
    """The console, the shop and the environment in which the demo's commands run."""

    def __init__(self, stack: ExitStack) -> None:
        self.env = _without_ours(os.environ) | {
            "HOME": str(FOLDER / "home"),
            "PYTHONPATH": str(HERE),
            "SHOP_FOLDER": str(FOLDER / "shop"),
        }
        for folder in ("home", "shop"):
            (FOLDER / folder).mkdir()
        for document in ("experiment.json", "verification.json", "long.json"):
            shutil.copy(HERE / document, FOLDER)  # a run leaves its `.chaosiq` beside them
        self.url, self.token, self.link = stack.enter_context(self._console())
        self.env["SHOP_URL"] = stack.enter_context(self._shop())

    @contextmanager
    def _console(self) -> Iterator[tuple[str, str, str]]:
        command = [str(SCRIPTS / "chaosiq-console"), "serve", "--data", "console", "--port", "0"]
        with self._running(command, log="console.log") as lines:
            url = _after("Console ready at ", lines)
            token = _after("Owner's token (shown once): ", lines)
            yield url, token, _after("In a browser (once, within 10 minutes): ", lines)

    @contextmanager
    def _shop(self) -> Iterator[str]:
        command = [sys.executable, str(HERE / "shop.py"), "serve", "shop", "0"]
        with self._running(command, log="shop.log") as lines:
            yield _after("The shop is open at ", lines)

    @contextmanager
    def _running(self, command: list[str], *, log: str) -> Iterator[Iterator[str]]:
        """Run the command in the background; yield the lines it prints, and stop it at the end."""
        with (FOLDER / log).open("w") as errors:
            process = subprocess.Popen(
                command,
                cwd=FOLDER,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,  # Ctrl-C is for the demo; it stops the others in order
            )
            assert process.stdout is not None
            try:
                yield iter(process.stdout)
            finally:
                process.terminate()
                process.wait(timeout=15)
                process.stdout.close()

    def type(self, *command: str, answer: str = "", expected: int = 0) -> None:
        """Run a command as a user would, and show what its output comes to.

        Raises `DemoFailed`, with all of the output, for another exit code than the expected one.
        """
        print(f"$ {' '.join(command)}", flush=True)
        done = subprocess.run(
            [str(SCRIPTS / command[0]), *command[1:]],
            cwd=FOLDER,
            env=self.env,
            input=answer,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != expected:
            raise DemoFailed(f"exit code {done.returncode}, not {expected}:\n{done.stdout}")
        lines = [line.rpartition("] ")[2].strip() for line in done.stdout.splitlines()]
        for line in dict.fromkeys(lines):
            if any(word in line for word in TELLING) and not line.startswith("The record"):
                print(f"  {line}", flush=True)

    @contextmanager
    def run_on(self, document: str) -> Iterator[None]:
        """Run an experiment beside what follows, and interrupt it at the end."""
        command = [str(SCRIPTS / "chaos"), "--no-version-check", "run", document]
        with self._running(command, log="long.log"):
            yield

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the console's API; its answer. `path` is below the address of the team."""
        request = urllib.request.Request(  # noqa: S310 - our own console, on loopback
            f"{self.url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)

    def find_team(self) -> str:
        """The address of the team, below that of the API."""
        organization = self.call("GET", "/organizations")[0]["id"]
        teams = f"/organizations/{organization}/teams"
        return f"{teams}/{self.call('GET', teams)[0]['id']}"


def play(stage: Stage) -> None:
    """Sign in, then the acts: a worker lost, a run that a stop holds back, an outage."""
    say(f"Open {stage.link}\nIt signs your browser in, once; the demo goes on meanwhile.")
    operate(stage, "team", "rename", "My team", TEAM)
    chaos(stage, "signin", "--url", stage.url, "--token-stdin", answer=f"{stage.token}\n")
    team = stage.find_team()
    count = write_history(
        lambda method, path, body: stage.call(method, team + path, body), datetime.now(UTC)
    )
    say(f"Act 0. A month of {count} runs is there to look at.")

    say("Act 1. A shop with two workers loses one. Do customers notice?")
    chaos(stage, "run", "experiment.json")

    say("Act 2. Somebody sets a stop. The same experiment must not start.")
    operate(stage, "stop", "--reason", "Black Friday: nobody touches the shop")
    chaos(stage, "run", "experiment.json", expected=1)
    operate(stage, "release")

    say("Act 3. The shop goes down for two seconds. What does that cost its objective?")
    chaos(stage, "verify", "verification.json")

    check(stage, team)
    if os.environ.get("DEMO_ONCE"):
        say("The executions and the verification are recorded as they should be.")
        return
    with stage.run_on("long.json"):
        say("A run goes on now: watch it in the console, and press stop. Ctrl-C closes the demo.")
        print(f"At {stage.url} sign in again with this token: {stage.token}", flush=True)
        while True:
            signal.pause()


def chaos(stage: Stage, *words: str, answer: str = "", expected: int = 0) -> None:
    """Run a command of the Chaos Toolkit."""
    stage.type("chaos", "--no-version-check", *words, answer=answer, expected=expected)


def operate(stage: Stage, *words: str) -> None:
    """Run a command of the console's operator on the demo's data."""
    stage.type("chaosiq-console", *words, "--data", "console")


def check(stage: Stage, team: str) -> None:
    """Read back through the API that everything stands there as it happened."""
    check_executions(stage, team)
    check_verification(stage, team)


def check_executions(stage: Stage, team: str) -> None:
    """The first two acts: one run completed, one refused, of one experiment."""
    experiments = stage.call("GET", f"{team}/experiments?limit=200")["items"]
    [own] = [item["id"] for item in experiments if "loss of a worker" in item["title"]]
    refused, completed = stage.call("GET", f"{team}/executions?experiment={own}")["items"]
    expect(completed["status"] == "completed", "the first execution is recorded as completed")
    expect(refused["status"] == "refused", "the second execution is recorded as refused")
    events = stage.call("GET", f"{team}/executions/{completed['id']}/events")["items"]
    types = [event["type"] for event in events]
    expect(types[:1] == ["starting-experiment"], "the record begins with the experiment's start")
    expect(types[-1:] == ["experiment-finished"], "the record ends with the experiment's end")


def check_verification(stage: Stage, team: str) -> None:
    """The third act: the outage was measured, and held against the objective."""
    [verification] = stage.call("GET", f"{team}/verifications")["items"]
    [run] = stage.call("GET", f"{team}/verifications/{verification['id']}/runs")["items"]
    expect(run["state"] == "finished", "the verification's run is recorded as finished")
    expect(run["results"]["deviated_samples"] > 0, "samples of the outage deviated")
    expect(run["insight"]["impacted"] is True, "the outage cost more than the objective allows")


def expect(happened: bool, what: str) -> None:
    """Go on only if it happened."""
    if not happened:
        raise DemoFailed(f"expected that {what}")


def say(words: str) -> None:
    """Speak to the audience."""
    print(f"\n\033[1m{words}\033[0m" if sys.stdout.isatty() else f"\n{words}", flush=True)


def _without_ours(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what would lead the demo to a console of the user's own."""
    strays = ("CHAOSIQ_", "DATABASE_URL", "XDG_")
    return {name: value for name, value in environ.items() if not name.startswith(strays)}


def _after(prefix: str, lines: Iterator[str]) -> str:
    for line in lines:
        if line.startswith(prefix):
            return line.removeprefix(prefix).strip()
    raise DemoFailed(f"a process ended before it said '{prefix.strip()}'; see .demo/*.log")


if __name__ == "__main__":
    sys.exit(main())
