"""Results of real runs: `chaos` processes of people who signed in nowhere, and runs in programs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from junitparser import Error, JUnitXml, Skipped

from tests.plugin import stub_console
from tests.plugin.runs import activity, block_of, orders, run, stable

ROOT = Path(__file__).parents[3]
CHAOS = [str(Path(sys.executable).with_name("chaos")), "--no-version-check", "--no-log-file"]
LIMIT = 60  # seconds


class Runner:
    """A CI job: a folder with an experiment, and variables that say where results go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "home").mkdir()
        self.env = os.environ | {
            "HOME": str(folder / "home"),
            "PYTHONPATH": str(ROOT),
            "CHAOSIQ_JUNIT": "reports/junit.xml",
            "CHAOSIQ_SUMMARY": "summary.md",
        }

    def chaos(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `chaos …` to its end."""
        return subprocess.run(
            [*CHAOS, *words],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )

    def write(self, experiment: dict[str, Any]) -> str:
        """Write the experiment into the folder; its name."""
        (self.folder / "experiment.json").write_text(json.dumps(experiment))
        return "experiment.json"

    @property
    def suite(self) -> Any:
        """The one suite of the report."""
        [suite] = JUnitXml.fromfile(str(self.folder / "reports" / "junit.xml"))
        return suite

    @property
    def summary(self) -> str:
        """The summary."""
        return (self.folder / "summary.md").read_text()

    @property
    def properties(self) -> dict[str, str]:
        """What the report says of the run as a whole."""
        return {item.name: item.value for item in self.suite.properties()}


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A job that is signed in nowhere."""
    return Runner(tmp_path)


def test_a_run_without_a_console_has_its_results(runner: Runner) -> None:
    """Somebody who never signed in, in a folder that is not there yet."""
    done = runner.chaos("run", runner.write(orders()))

    assert done.returncode == 0, done.stderr
    assert (runner.suite.tests, runner.suite.failures, runner.suite.errors) == (4, 0, 0)
    assert runner.properties["outcome"] == "passed"
    assert runner.summary.startswith("### ✅ Passed: Orders survive the loss of a broker")


def test_results_change_nothing_about_a_run(runner: Runner) -> None:
    """Neither its exit code nor its journal."""
    experiment = orders()
    experiment["steady-state-hypothesis"]["probes"][0]["tolerance"] = "something else"
    name = runner.write(experiment)

    with_results = runner.chaos("run", "--journal-path", "a.json", name)
    runner.env |= {"CHAOSIQ_JUNIT": "", "CHAOSIQ_SUMMARY": ""}
    without = runner.chaos("run", "--journal-path", "b.json", name)

    assert with_results.returncode == without.returncode
    journals = [json.loads((runner.folder / f"{n}.json").read_text()) for n in "ab"]
    assert stable(journals[0]) == stable(journals[1])
    assert journals[0].keys() == journals[1].keys()
    assert runner.suite.failures == 1


def test_a_dry_run_is_skipped(runner: Runner) -> None:
    """All of it, with the kind of dryness as the command named it."""
    runner.chaos("run", "--dry", "activities", runner.write(orders()))

    results = [result for case in runner.suite for result in case.result]
    assert {type(result) for result in results} == {Skipped}
    assert "dry run (activities)" in results[0].message


@pytest.mark.skipif(os.name != "posix", reason="no signals")
@pytest.mark.parametrize("func", ["press_ctrl_c", "terminate"])
def test_an_interrupted_run_is_an_error(runner: Runner, func: str) -> None:
    """By Ctrl-C as by the CI that gives up on it; the journal is there, too."""
    experiment = orders()
    experiment["method"] = [activity(func)]

    runner.chaos("run", runner.write(experiment))

    assert (runner.folder / "journal.json").exists()
    assert runner.properties["outcome"] == "interrupted"
    assert runner.suite.errors > 0


NOT_STARTED = {
    "no file": (("run", "absent.json"), "absent.json"),
    "no experiment": (("run", "broken.json"), "JSONDecodeError"),
    "not valid": (("run", "invalid.json"), "title"),
    "a secret that is missing": (("run", "secret.json"), "BROKER_PASSWORD"),
    "a verification without a sign-in": (("verify", "verification.json"), "chaos signin"),
}


@pytest.mark.parametrize(("words", "reason"), NOT_STARTED.values(), ids=NOT_STARTED)
def test_a_run_that_does_not_start_leaves_no_report_of_yesterday(
    runner: Runner, words: tuple[str, ...], reason: str
) -> None:
    """One error with the reason stands where the last run's report was."""
    runner.chaos("run", runner.write(orders()))
    (runner.folder / "broken.json").write_text("{")
    (runner.folder / "invalid.json").write_text(json.dumps(orders() | {"title": ""}))
    secrets = {"broker": {"password": {"type": "env", "key": "BROKER_PASSWORD"}}}
    (runner.folder / "secret.json").write_text(json.dumps(orders() | {"secrets": secrets}))
    (runner.folder / "verification.json").write_text(json.dumps(orders()))

    done = runner.chaos(*words)

    assert done.returncode == 1
    [case] = runner.suite
    [error] = case.result
    assert isinstance(error, Error)
    assert reason in error.message
    assert "Not started" in runner.summary


def test_other_commands_touch_no_results(runner: Runner) -> None:
    """A failing `chaos validate` after a run is not that run."""
    runner.chaos("run", runner.write(orders()))

    runner.chaos("validate", "absent.json")

    assert runner.properties["outcome"] == "passed"


def test_files_that_cannot_be_written_are_one_line_each(runner: Runner) -> None:
    """The run ends as it would."""
    runner.env |= {"CHAOSIQ_JUNIT": "/proc/none/junit.xml", "CHAOSIQ_SUMMARY": "experiment.json/x"}

    done = runner.chaos("run", runner.write(orders()))

    assert done.returncode == 0
    lines = [line for line in done.stderr.splitlines() if "cannot be written" in line]
    assert len(lines) == 2
    assert "Traceback" not in done.stderr


def test_values_of_secrets_do_not_stand_in_results(runner: Runner) -> None:
    """Reports are kept by CI for everybody to read."""
    experiment = orders() | {
        "secrets": {"broker": {"password": {"type": "env", "key": "BROKER_PASSWORD"}}}
    }
    experiment["method"][0]["provider"] = {
        "type": "python",
        "module": "json",
        "func": "loads",
        "secrets": ["broker"],
        "arguments": {"s": "hunter2-of-the-broker"},
    }
    experiment["method"][0]["name"] = "log in with hunter2-of-the-broker"
    runner.env["BROKER_PASSWORD"] = "hunter2-of-the-broker"

    runner.chaos("run", runner.write(experiment))

    assert "hunter2" not in runner.summary
    assert "hunter2" not in (runner.folder / "reports" / "junit.xml").read_text()
    assert "log in with [redacted]" in runner.summary


@pytest.mark.loopback
def test_the_run_of_a_program_has_its_results_and_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any `chaos` command, through the control that the settings name."""
    monkeypatch.setenv("CHAOSIQ_JUNIT", str(tmp_path / "junit.xml"))

    with stub_console.serving() as console:
        journal = run(orders(), console.settings)
        address = f"{console.served.url}/acme/checkout/executions/monday"

        assert "/acme/checkout/executions/monday" not in json.dumps(console.bodies("journal"))
    [suite] = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert "address" not in block_of(journal)
    assert {item.name: item.value for item in suite.properties()}["address"] == address


@pytest.mark.loopback
def test_a_run_that_safeguards_refuse_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sentence says who said no."""
    monkeypatch.setenv("CHAOSIQ_JUNIT", str(tmp_path / "junit.xml"))

    with stub_console.serving() as console:
        policies = [{"name": "Black Friday"}]
        console.answer = lambda kind, _: (
            (200, {"allowed": False, "policies": policies}) if kind == "policies" else None
        )
        run(orders(), console.settings)

    [suite] = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert suite.errors == 1
    assert {item.name: item.value for item in suite.properties()}["outcome"] == "refused"
