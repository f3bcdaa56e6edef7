"""The demo: real experiments against a real console, on this machine, in a folder of their own.

`make demo` runs it and leaves the console up until Ctrl-C. With ``DEMO_ONCE=1`` it reads back
through the console's API what must be recorded, stops everything and exits 0, or says what is
missing and exits 1. Nothing is written outside the folder `.demo`; HOME is moved there too.
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
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / ".demo"
SCRIPTS = Path(sys.executable).parent  # `chaos` and `chaosiq-console` of this environment


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
        for document in ("experiment.json", "verification.json"):
            shutil.copy(HERE / document, FOLDER)  # a run leaves its `.chaosiq` beside them
        self.url, self.token = stack.enter_context(self._console())
        self.env["SHOP_URL"] = stack.enter_context(self._shop())

    @contextmanager
    def _console(self) -> Iterator[tuple[str, str]]:
        command = [str(SCRIPTS / "chaosiq-console"), "serve", "--data", "console", "--port", "0"]
        with self._running(command, log="console.log") as lines:
            url = _after("Console ready at ", lines)
            yield url, _after("Owner's token (shown once): ", lines)

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

    def type(self, *command: str, answer: str | None = None) -> int:
        """Run a command as a user would, in sight; return its exit code."""
        print(f"\n$ {' '.join(command)}", flush=True)
        script = SCRIPTS / command[0]
        done = subprocess.run(
            [str(script), *command[1:]],
            cwd=FOLDER,
            env=self.env,
            input=answer,
            stdin=None if answer is not None else subprocess.DEVNULL,
            text=True,
            check=False,
        )
        return done.returncode

    def read(self, path: str) -> Any:
        """GET a document from the console's API."""
        request = urllib.request.Request(  # noqa: S310 - our own console, on loopback
            f"{self.url}/api/v1{path}", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)


def play(stage: Stage) -> None:
    """Sign in, then the acts: a worker lost, a run that the stop switch holds back, an outage."""
    say("Act 0. Sign in to the console.")
    signed_in = chaos(
        stage, "signin", "--url", stage.url, "--token-stdin", answer=f"{stage.token}\n"
    )
    expect(signed_in == 0, "the sign-in succeeds")

    say("Act 1. A shop with two workers loses one. Do customers notice?")
    expect(run_experiment(stage) == 0, "the first experiment completes")

    say("Act 2. Somebody pulls the stop switch. The same experiment must not start.")
    reason = "Black Friday: nobody touches the shop"
    expect(operate(stage, "stop", "--reason", reason) == 0, "the stop switch is set")
    expect(run_experiment(stage) == 1, "the second experiment is refused")
    expect(operate(stage, "release") == 0, "the stop switch is lifted")

    say("Act 3. The shop goes down for two seconds. What does that cost its objective?")
    verified = chaos(stage, "verify", "verification.json")
    expect(verified == 0, "the verification completes")

    check(stage)
    if os.environ.get("DEMO_ONCE"):
        say("The executions and the verification are recorded as they should be.")
        return
    say(f"Open {stage.url} and sign in with this token: {stage.token}\nCtrl-C closes the demo.")
    while True:
        signal.pause()


def run_experiment(stage: Stage) -> int:
    """Run the example; its exit code."""
    return chaos(stage, "run", "experiment.json")


def chaos(stage: Stage, *words: str, answer: str | None = None) -> int:
    """Run a command of the Chaos Toolkit; its exit code."""
    return stage.type("chaos", "--no-version-check", *words, answer=answer)


def operate(stage: Stage, *words: str) -> int:
    """Run a command of the console's operator on the demo's data."""
    return stage.type("chaosiq-console", *words, "--data", "console")


def check(stage: Stage) -> None:
    """Read back through the API that both executions stand there as they happened."""
    organization = stage.read("/organizations")[0]
    team = stage.read(f"/organizations/{organization['id']}/teams")[0]
    address = f"/organizations/{organization['id']}/teams/{team['id']}"
    check_executions(stage, address)
    check_verification(stage, address)


def check_executions(stage: Stage, address: str) -> None:
    """The first two acts: one run completed, one refused, of one experiment."""
    executions = stage.read(f"{address}/executions")["items"]
    refused, completed = executions[-2:]
    expect(completed["status"] == "completed", "the first execution is recorded as completed")
    expect(refused["status"] == "refused", "the second execution is recorded as refused")
    expect(
        completed["experiment_id"] == refused["experiment_id"],
        "both executions belong to one experiment",
    )
    events = stage.read(f"{address}/executions/{completed['id']}/events")["items"]
    types = [event["type"] for event in events]
    expect(types[:1] == ["starting-experiment"], "the record begins with the experiment's start")
    expect(types[-1:] == ["experiment-finished"], "the record ends with the experiment's end")


def check_verification(stage: Stage, address: str) -> None:
    """The third act: the outage was measured, and held against the objective."""
    [verification] = stage.read(f"{address}/verifications")["items"]
    [run] = stage.read(f"{address}/verifications/{verification['id']}/runs")["items"]
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
