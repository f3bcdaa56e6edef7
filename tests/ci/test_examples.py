"""The examples of the docs for other CI systems, as far as a shell can run them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ci.shell import ROOT, Job, read_component
from tests.together.conftest import Console

PAGE = (ROOT / "docs" / "ci.md").read_text()


@pytest.fixture
def job(tmp_path: Path, console: Console, experiment: dict[str, Any]) -> Job:
    """A checkout with one experiment, and the CI's variables."""
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "experiment.json").write_text(json.dumps(experiment))
    return Job(folder, {"CHAOSIQ_URL": console.url, "CHAOSIQ_TOKEN": console.token})


def section(heading: str) -> str:
    """What stands below a heading of the page."""
    return PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_gitlab_runs_the_component_of_the_example(job: Job, console: Console) -> None:
    """With the inputs that stand there; its artifacts are files that the job writes."""
    [example] = re.findall(r"```yaml\n(.*?)```", section("GitLab"), re.DOTALL)
    [include] = yaml.safe_load(example)["include"]

    [definition] = read_component(include["inputs"]).values()
    codes = [
        job.shell(line, GITLAB_CI="true", CI_COMMIT_REF_NAME="main", **definition["variables"])
        for line in definition["script"]
    ]

    assert codes == [0, 0, 0], job.log
    assert job.installed == "-m pip install --quiet chaosiq-cloud\n"
    [execution] = console.executions()
    [block] = console.journal(execution)["extensions"]
    assert block["context"] == {
        "labels": {"env": "staging"},
        "ci": {"provider": "gitlab", "branch": "main"},
    }
    assert [p for p in definition["artifacts"]["paths"] if not (job.folder / p).exists()] == []


def test_jenkins_runs_the_commands_of_the_example(job: Job, console: Console) -> None:
    """Each `sh` line of the pipeline, one after the other."""
    [example] = re.findall(r"```groovy\n(.*?)```", section("Jenkins"), re.DOTALL)
    variables = dict(re.findall(r"(CHAOSIQ_JUNIT) = '([^']*)'", example))

    codes = [job.shell(line, **variables) for line in re.findall(r"\bsh '([^']*)'", example)]

    assert codes == [0, 0, 0], job.log
    [report] = re.findall(r"junit '([^']*)'", example)
    assert (job.folder / report).exists()
    assert len(console.executions()) == 1


@pytest.mark.parametrize("heading", ["Signing in", "Results that a machine can read"])
def test_shell_examples_run_as_they_stand(job: Job, heading: str) -> None:
    """But for the url and the token, which are the reader's own."""
    [example] = re.findall(r"```bash\n(.*?)```", section(heading), re.DOTALL)
    script = re.sub(r"export CHAOSIQ_(URL|TOKEN)=.*\n", "", example)

    assert job.shell(script) == 0, job.log
    for path in re.findall(r"=(reports/\S+)", example):
        assert (job.folder / path).exists()
