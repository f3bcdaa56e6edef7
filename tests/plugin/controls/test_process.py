"""The control in real `chaos run` processes: exit codes, journals, signals, the log file."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.plugin.loopback import Seen
from tests.plugin.runs import block_of, stable
from tests.plugin.stub_console import HANG_UP, Answer, StubConsole, serving

pytestmark = pytest.mark.loopback

CHAOS = Path(sys.executable).with_name("chaos")
LIMIT = 60  # seconds: a process that takes longer hangs


def command(name: str, code: str) -> dict[str, Any]:
    """An action that runs a line of Python in a process of its own."""
    provider = {"type": "process", "path": sys.executable, "arguments": ["-c", code]}
    return {"type": "action", "name": name, "provider": provider}


@dataclass
class Shell:
    """A folder that is also the home of whoever stands in it."""

    folder: Path

    def sign_in(self, settings: dict[str, Any]) -> None:
        """Have the settings of somebody who signed in."""
        (self.folder / ".chaostoolkit").mkdir()
        path = self.folder / ".chaostoolkit" / "settings.yaml"
        path.write_text(yaml.safe_dump(settings))
        path.chmod(0o600)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `chaos …`."""
        return subprocess.Popen(
            [CHAOS, "--no-version-check", *words],
            cwd=self.folder,
            env=os.environ | {"HOME": str(self.folder), "CHAOSIQ_FLUSH_TIMEOUT": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str, Any]:
        """Exit code, output and journal of `chaos run …`."""
        process = self.start("run", *words)
        output, _ = process.communicate(timeout=LIMIT)
        return process.returncode, output, self.journal

    @property
    def journal(self) -> Any:
        """The journal of the last run."""
        return json.loads((self.folder / "journal.json").read_text())


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Somebody with an experiment of two actions and a rollback, who never signed in."""
    experiment = {
        "title": "Orders survive the loss of a broker",
        "description": "Orders are kept while the broker is away.",
        "method": [command("lose-the-broker", "print(1)"), command("look-around", "print(2)")],
        "rollbacks": [command("bring-the-broker-back", "print(3)")],
    }
    (tmp_path / "orders.json").write_text(json.dumps(experiment))
    return Shell(tmp_path)


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


@pytest.mark.parametrize("trouble", [None, HANG_UP])
def test_the_run_is_what_it_would_be_without_us(
    shell: Shell, console: StubConsole, trouble: Answer | None
) -> None:
    """Same exit code, same journal but for our block, whatever the console does."""
    console.answer = lambda kind, entries: trouble
    plain_code, _, plain = shell.run("orders.json")
    shell.sign_in(console.settings)

    code, output, journal = shell.run("orders.json")

    assert code == plain_code == 0
    assert stable(journal) == stable(plain)
    assert "Traceback" not in output
    assert bool(block_of(journal)["execution_id"]) is (trouble is None)


def test_our_lines_stand_in_the_log_file(shell: Shell, console: StubConsole) -> None:
    """They are the host's lines, in its file and its format."""
    shell.sign_in(console.settings)

    shell.run("orders.json")

    log = (shell.folder / "chaostoolkit.log").read_text()
    assert "Execution available at " in log


def test_no_line_is_lost_where_logzero_is_still_installed(
    shell: Shell, console: StubConsole
) -> None:
    """Not even when another plugin loaded it before the host could put its own in its place."""
    shell.sign_in(console.settings)
    code = "import logzero; from chaostoolkit.__main__ import cli; cli()"

    done = subprocess.run(
        [sys.executable, "-c", code, "--no-version-check", "run", "orders.json"],
        cwd=shell.folder,
        env=os.environ | {"HOME": str(shell.folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )

    log = (shell.folder / "chaostoolkit.log").read_text()
    assert done.returncode == 0, done.stderr
    for line in ("Execution available at ", "Safeguards are active", "sent to the console"):
        assert line in log
        assert line in done.stderr


def test_a_refused_run_fails_and_does_nothing(shell: Shell, console: StubConsole) -> None:
    """Exit code 1, no activity, the sentence for everybody to read."""
    no: Answer = (200, {"allowed": False, "policies": [{"name": "Black Friday"}]})
    console.answer = lambda kind, entries: no if kind == "policies" else None
    shell.sign_in(console.settings)

    code, output, journal = shell.run("orders.json")

    assert code == 1
    sentence = "The following safe guards disallow this execution from continuing: Black Friday"
    assert sentence in " ".join(output.split())  # the host indents its lines
    assert journal["status"] == "interrupted"
    assert journal["run"] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["experiment", "starting-activity", "experiment-finished"])
def test_a_signal_while_the_console_hangs_leaves_a_journal(
    shell: Shell, console: StubConsole, number: int, moment: str
) -> None:
    """At the start, in the middle and at the end: the run is over at once, the journal written."""
    stopped: list[str] = []

    def answer(kind: str, entries: Seen) -> Answer | None:
        now = kind if kind != "event" else console.events[-1]
        if now != moment or stopped:
            return None
        stopped.append(now)
        process.send_signal(number)
        return console.hang()

    console.answer = answer
    shell.sign_in(console.settings)

    process = shell.start("run", "orders.json")
    output, _ = process.communicate(timeout=LIMIT)

    at_the_end = moment == "experiment-finished"
    assert process.returncode == (0 if at_the_end else 1)
    assert shell.journal["status"] == ("completed" if at_the_end else "interrupted")
    assert "Traceback" not in output


def test_dry_runs_are_recorded(shell: Shell, console: StubConsole) -> None:
    """The host's command line leaves an enumeration in the experiment."""
    shell.sign_in(console.settings)

    code, _, journal = shell.run("--dry", "activities", "orders.json")

    assert code == 0
    assert journal["experiment"]["dry"] == "activities"
    assert console.bodies("journal")[0]["journal"]["experiment"]["dry"] == "activities"
