"""Every line of the README that one can type, typed as it stands."""

import shlex
import subprocess
from importlib.metadata import metadata
from pathlib import Path

from tests.together.reader import ROOT, Typed, check_printed, read_steps, shell


def check_requirement(requirement: str) -> None:
    """What the README installs is this distribution, with extras that it has."""
    name, _, extras = requirement.rstrip("]").partition("[")
    assert name in (".", "chaosiq-cloud")
    assert not extras or extras in (metadata("chaosiq-cloud").get_all("Provides-Extra") or [])


def test_every_line_of_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    """In a new home, in order; what installs or runs this very suite is only looked at."""
    lines = [step for step in read_steps(ROOT / "README.md") if isinstance(step, Typed)]

    with shell(tmp_path / "home") as user:
        for line in lines:
            words = shlex.split(line.command)
            if words[:2] == ["pip", "install"]:
                check_requirement(words[2])
            elif words[0] == "make":
                subprocess.run(
                    ["make", "--dry-run", *words[1:]], cwd=ROOT, check=True, capture_output=True
                )
            else:
                check_printed(line, user.type(line))

    programs = {line.command.split()[0] for line in lines}
    assert {"pip", "make", "chaos", "chaosiq-console"} <= programs
    assert (tmp_path / "home" / "journal.json").exists()
