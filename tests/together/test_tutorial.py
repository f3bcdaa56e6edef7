"""Every line of the tutorial, typed as it stands, and every file of it, saved."""

from pathlib import Path

import pytest

from tests.together.reader import ROOT, Saved, check_printed, read_steps, shell


@pytest.mark.timeout(600)  # it is a quarter of an hour for people, and a dozen processes
def test_every_line_of_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    """In a new home, in order; only the installation is left out, since it made this suite."""
    steps = read_steps(ROOT / "docs/tutorial.md")

    with shell(tmp_path / "home") as user:
        for step in steps:
            if isinstance(step, Saved):
                user.save(step)
            elif not step.command.startswith("pip install"):
                check_printed(step, user.type(step))

    commands = [step.command for step in steps if not isinstance(step, Saved)]
    assert len(commands) > 10
    assert commands[-1] == "chaos verify verification.json"
