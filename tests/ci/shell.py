"""Runs the shell of CI definitions as a CI would, with the variables it gives."""

import os
import re
import stat
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
LIMIT = 120  # seconds
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")

# A `python` that installs nothing: what a job would install is installed for the tests already.
SHIM = """#!/bin/sh
if [ "$1 $2 $3" = "-m pip install" ]; then echo "$@" >> "$INSTALLED"; exit 0; fi
exec {python} "$@"
"""


@dataclass
class Job:
    """A build in a folder of its own; `outputs` are those of its steps, by their ids."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    log: str = ""

    def __post_init__(self) -> None:
        tools = self.folder / "tools"
        tools.mkdir()
        shim = tools / "python"
        shim.write_text(SHIM.format(python=sys.executable))
        shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
        scripts = Path(sys.executable).parent
        self.env = {
            "PATH": f"{tools}{os.pathsep}{scripts}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "INSTALLED": str(tools / "installed"),
            **self.env,
        }

    @property
    def installed(self) -> str:
        """What was to be installed."""
        return (self.folder / "tools" / "installed").read_text()

    def shell(self, script: str, **env: str) -> int:
        """Run a script as GitHub's `shell: bash` does; its exit code."""
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        self.log += done.stdout
        return done.returncode


def run_action(job: Job, inputs: dict[str, str]) -> int:
    """Run the steps of our composite action; the exit code of the first one that fails, or 0."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    values = {name: str(given.get("default", "")) for name, given in action["inputs"].items()}
    assert set(inputs) <= set(values)
    values |= inputs
    for step in action["runs"]["steps"]:
        assert "${{" not in step["run"]  # an input is a variable, never a piece of a script
        output = job.folder / "tools" / "output"
        output.write_text("")
        env = {k: _evaluate(str(v), values, job) for k, v in step.get("env", {}).items()}
        code = job.shell(
            step["run"],
            **env,
            GITHUB_ACTIONS="true",
            GITHUB_ACTION_PATH=str(ROOT),
            GITHUB_OUTPUT=str(output),
            GITHUB_STEP_SUMMARY=str(job.folder / "step-summary.md"),
        )
        job.outputs[step.get("id", "")] = _read_outputs(output.read_text())
        if code:
            return code
    return 0


def _evaluate(text: str, inputs: dict[str, str], job: Job) -> str:
    def replace(match: re.Match[str]) -> str:
        expression = match[1]
        if expression == "inputs.command != 'verify' && inputs.fail-on || ''":
            return inputs["fail-on"] if inputs["command"] != "verify" else ""
        kind, _, name = expression.partition(".")
        if kind == "inputs":
            return inputs[name]
        if expression == "runner.temp":
            return str(job.folder / "tools")
        step, name = re.fullmatch(r"steps\.(\w+)\.outputs\.(\w+)", expression).groups()  # type: ignore[union-attr]
        return job.outputs[step][name]

    return EXPRESSION.sub(replace, text)


def _read_outputs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, sign, delimiter = line.partition("<<")
        if not sign:
            name, _, value = line.partition("=")
            pairs[name] = value
            continue
        values = []
        for value in lines:
            if value == delimiter:
                break
            values.append(value)
        pairs[name] = "\n".join(values)
    return pairs


def read_component(inputs: dict[str, str]) -> dict[str, Any]:
    """The jobs of our GitLab component, with these inputs."""
    text = (ROOT / "templates" / "chaos.yml").read_text()
    spec, jobs = text.split("\n---\n")
    known = yaml.safe_load(spec)["spec"]["inputs"]
    assert set(inputs) <= set(known)
    values = {name: str(given.get("default", "")) for name, given in known.items()} | inputs
    for name, value in values.items():
        jobs = jobs.replace(f"$[[ inputs.{name} ]]", value)
    assert "$[[" not in jobs
    document: dict[str, Any] = yaml.safe_load(jobs)
    return document
