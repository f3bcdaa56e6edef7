"""The GitHub action, its steps run as GitHub runs them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from junitparser import JUnitXml

from tests.ci.shell import ROOT, Job, run_action
from tests.together.conftest import command


@pytest.fixture
def job(tmp_path: Path, experiment: dict[str, Any]) -> Job:
    """A checkout with one experiment."""
    (tmp_path / "experiment.json").write_text(json.dumps(experiment))
    return Job(tmp_path)


def spoil(job: Job, **changes: Any) -> None:
    """Change the experiment of a job."""
    path = job.folder / "experiment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_run_without_a_console_is_shown_by_the_build(job: Job) -> None:
    """The summary, the report and the outputs; nothing is marked."""
    code = run_action(job, {"experiment": "experiment.json", "packages": "chaostoolkit-kubernetes"})

    assert code == 0, job.log
    assert job.installed == f"-m pip install --quiet {ROOT} chaostoolkit-kubernetes\n"
    assert job.outputs["report"] == {
        "outcome": "passed",
        "conclusive": "true",
        "sentence": "the steady state held before and after the method",
        "address": "",
    }
    assert (job.folder / "step-summary.md").read_text().startswith("### ✅ Passed: ")
    assert JUnitXml.fromfile(str(job.folder / "chaos-junit.xml")) is not None
    assert "::error" not in job.log
    assert "::warning" not in job.log


def test_a_deviation_fails_the_job_and_marks_the_file(job: Job) -> None:
    """With the sentence; what stands in a title cannot become a command of its own."""
    probe = command("orders-are-kept", "import os, sys; sys.exit(os.path.exists('lost'))")
    hypothesis = {"title": "kept", "probes": [probe | {"type": "probe", "tolerance": 0}]}
    spoil(job, **{"steady-state-hypothesis": hypothesis, "title": "100 %, orders:\n::stop::"})

    code = run_action(job, {"experiment": "experiment.json"})

    assert code == 1
    assert (
        "::error file=experiment.json,title=deviated%3A 100 %25%2C orders%3A %3A%3Astop%3A%3A::"
        "orders-are-kept after the method: expected 0, got 1"
    ) in job.log.replace("%0A", " ")
    assert job.outputs["report"]["outcome"] == "deviated"


def test_the_gate_fails_a_job_whose_run_passed(job: Job) -> None:
    """The host's exit code is 0, which is why there is one."""
    path = job.folder / "experiment.json"
    document = json.loads(path.read_text())
    del document["steady-state-hypothesis"]
    path.write_text(json.dumps(document))

    code = run_action(job, {"experiment": "experiment.json", "fail-on": "inconclusive"})

    assert code == 1
    assert "::error title=fail-on::the run is inconclusive (no-steady-state-hypothesis)" in job.log
    assert "::warning file=experiment.json,title=passed" in job.log


def test_a_run_that_does_not_start_says_why(job: Job) -> None:
    """No journal and no report of an earlier step are taken for its own."""
    run_action(job, {"experiment": "experiment.json"})

    code = run_action(job, {"experiment": "absent.json"})

    assert code == 1
    assert job.outputs["report"]["outcome"] == "not-started"
    assert "absent.json" in job.outputs["report"]["sentence"]
    assert not (job.folder / "journal.json").exists()


def test_a_gate_of_unknown_words_lets_nothing_through(job: Job) -> None:
    """A typing mistake is no gate that is open."""
    assert run_action(job, {"experiment": "experiment.json", "fail-on": "deviate"}) == 1
    assert "'deviate' is none of deviated, inconclusive, warnings" in job.log


def test_outputs_and_inputs_are_those_of_the_docs() -> None:
    """The page lists them, and its example uses no other."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    text = (ROOT / "docs" / "ci.md").read_text()
    section = text[text.index("## GitHub Actions") : text.index("## GitLab")]

    [example] = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    steps = yaml.safe_load(example)["jobs"]["chaos"]["steps"]
    [ours] = [step for step in steps if step.get("uses", "").startswith("chaosiq/")]
    assert set(ours["with"]) <= set(action["inputs"])
    names = {*action["inputs"], *action["outputs"]}
    assert {name for name in names if f"`{name}`" not in section} == set()
    used = set(re.findall(r"steps\.chaos\.outputs\.(\w+)", example))
    assert used <= set(action["outputs"])
