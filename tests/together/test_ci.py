"""A build of CI: everything from the environment, no home, nothing to write to but its folder."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from tests.together.conftest import LIMIT, SCRIPTS, Console, command


class Job:
    """A CI job in a folder of its own: no HOME, nobody at a terminal."""

    def __init__(self, folder: Path, console: Console) -> None:
        self.folder = folder
        folder.mkdir()
        self.env = {
            "PATH": os.environ["PATH"],
            "CHAOSIQ_URL": console.url,
            "CHAOSIQ_TOKEN": console.token,
            "CHAOSIQ_JUNIT": "junit.xml",
            "HOME": "/proc/nobody",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REF_NAME": "main",
            "CHAOSIQ_LABELS": "env=staging",
        }

    def chaos(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `chaos …` to its end."""
        return subprocess.run(
            [SCRIPTS / "chaos", "--no-version-check", "--no-log-file", *words],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )

    def write(self, name: str, document: Any) -> str:
        """Write a document into the folder; its name."""
        (self.folder / name).write_text(json.dumps(document))
        return name


@pytest.fixture
def job(tmp_path: Path, console: Console) -> Job:
    """A job whose variables name the console and its token."""
    return Job(tmp_path / "job", console)


def test_a_run_is_recorded_by_the_environment_alone(
    job: Job, console: Console, experiment: dict[str, Any]
) -> None:
    """With its labels and its build; the next one is of the same experiment."""
    name = job.write("experiment.json", experiment)

    first, second = job.chaos("run", name), job.chaos("run", name)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    executions = console.executions()
    assert [execution["outcome"] for execution in executions] == ["passed", "passed"]
    assert len(console.experiments()) == 1
    [block] = console.journal(executions[0])["extensions"]
    assert block["context"]["labels"] == {"env": "staging"}
    assert block["context"]["ci"] == {"provider": "github", "branch": "main"}
    [suite] = JUnitXml.fromfile(str(job.folder / "junit.xml"))
    properties = {item.name: item.value for item in suite.properties()}
    assert properties["address"].startswith(console.url)


def test_a_run_is_guarded_by_the_environment_alone(
    job: Job, console: Console, experiment: dict[str, Any]
) -> None:
    """A stop in the console keeps it from starting."""
    console.operate("stop", "--reason", "Black Friday")

    done = job.chaos("run", job.write("experiment.json", experiment))

    assert done.returncode == 1
    assert "Black Friday" in done.stderr
    assert not (job.folder / "lost").exists()


def test_a_verification_runs_by_the_environment_alone(
    job: Job, console: Console, experiment: dict[str, Any]
) -> None:
    """And ends with its page."""
    experiment["method"] = [command("lose-the-broker", "pass")]
    timing = {"frequency-of-measurement": 0.2, "duration-of-conditions": 0.3}
    experiment["extensions"] = [{"name": "chaosiq", "verification": {"id": "outage", **timing}}]

    done = job.chaos("verify", job.write("verification.json", experiment))

    assert done.returncode == 0, done.stderr
    assert "Not impacted: the objective held all the time" in done.stdout
    assert f"See {console.url}/" in done.stdout


def test_a_console_that_is_away_costs_a_run_nothing(
    job: Job, console: Console, experiment: dict[str, Any]
) -> None:
    """One warning says that it is neither recorded nor guarded."""
    console.process.terminate()
    console.process.wait(LIMIT)

    done = job.chaos("run", job.write("experiment.json", experiment))

    assert done.returncode == 0, done.stderr
    assert "does not sign this run in" in done.stderr
