"""How the host loads the commands: by every `chaos` process, so quickly and without fail."""

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest

from chaoscloud import cli

CHAOS = Path(sys.executable).with_name("chaos")

SHORT_HELP = {
    "signin": "Sign-in with your ChaosIQ credentials",
    "org": "Set ChaosIQ organisation",
    "team": "Set ChaosIQ team",
    "publish": "Publish your experiment's journal to ChaosIQ",
    "enable": "Enable a ChaosIQ feature",
    "disable": "Disable a ChaosIQ feature",
    "verify": "Run the verification loaded from SOURCE",
}


def python(home: Path, *args: str | Path) -> subprocess.CompletedProcess[str]:
    """A fresh Python process in a home of its own."""
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, *args],
        cwd=home,
        env={**os.environ, "HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_host_lists_the_seven_commands(tmp_path: Path) -> None:
    """A command that cannot be loaded shows as a warning instead of its help."""
    done = python(tmp_path / "home", CHAOS, "--help")

    listed = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stderr
    assert "could not load plugin" not in listed
    for name, words in SHORT_HELP.items():
        assert f"{name} {words}" in listed


@pytest.mark.parametrize("name", SHORT_HELP)
def test_each_command_explains_itself(tmp_path: Path, name: str) -> None:
    """`chaos COMMAND --help` through the real host."""
    done = python(tmp_path / "home", CHAOS, "--no-version-check", "--no-log-file", name, "--help")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: chaos {name} ")
    assert SHORT_HELP[name] in " ".join(done.stdout.split())


@pytest.mark.parametrize("name", SHORT_HELP)
def test_the_entry_points_name_plain_click_commands(name: str) -> None:
    """Not members of the host's own group, which cannot be imported while it loads its plugins."""
    [matches] = entry_points(group="chaostoolkit.cli_plugins", name=name)

    command = matches.load()

    assert isinstance(command, click.Command)
    assert not isinstance(command, click.Group)
    assert command is getattr(cli, name)


def test_importing_the_commands_loads_nothing_heavy(tmp_path: Path) -> None:
    """No HTTP, no YAML, nothing of the host, and of ours only what declares the commands."""
    code = (
        "import sys, click; before = set(sys.modules)\n"
        "import chaoscloud.cli\n"
        "loaded = sorted(set(sys.modules) - before)\n"
        "print(*[m for m in loaded if m.split('.')[0] not in sys.stdlib_module_names])"
    )
    done = python(tmp_path / "home", "-c", code)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["chaoscloud", "chaoscloud._options", "chaoscloud.cli"]


def test_importing_every_name_of_the_commands_is_no_cycle(tmp_path: Path) -> None:
    """Programs import the names first thing, before anything of the host."""
    names = ", ".join([*cli.__all__, *cli._NAMES_OF_VERIFY])

    done = python(tmp_path / "home", "-W", "error", "-c", f"from chaoscloud.cli import {names}")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("signed_in", [False, True])
def test_a_run_of_somebody_who_is_not_signed_in_says_so(tmp_path: Path, signed_in: bool) -> None:
    """In one line, and not where our control is called and speaks for itself."""
    home = tmp_path / "home"
    (home / ".chaostoolkit").mkdir(parents=True)
    if signed_in:
        control = {"provider": {"type": "python", "module": "chaoscloud.controls"}}
        settings = {"controls": {"chaosiq-cloud": control}}
        (home / ".chaostoolkit" / "settings.yaml").write_text(json.dumps(settings))
    experiment = {"title": "Orders", "description": "Nothing is done.", "method": []}
    (home / "experiment.json").write_text(json.dumps(experiment))

    done = python(home, CHAOS, "--no-version-check", "run", "experiment.json")

    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "You are not signed in" in line]
    assert len(lines) == (0 if signed_in else 1)


def test_other_commands_are_silent_about_it(tmp_path: Path) -> None:
    """Only a run has something to lose."""
    home = tmp_path / "home"
    home.mkdir()
    experiment = {"title": "Orders", "description": "Nothing is done.", "method": []}
    (home / "experiment.json").write_text(json.dumps(experiment))

    done = python(home, CHAOS, "--no-version-check", "validate", "experiment.json")

    assert "signed in" not in done.stdout + done.stderr


WITHOUT_A_HOME = [
    ("signin", "--status"),
    ("org",),
    ("publish",),
    ("enable", "safeguards"),
    ("safeguards", "test"),
]


PLACES = {
    "no home at all": "del os.environ['HOME']; pwd.getpwuid = lambda uid: {}[uid]",
    "no folder": "os.environ['HOME'] = os.devnull",
    "nothing can be written": "os.environ['HOME'] = '/proc/nobody'",
    "a home of somebody else": "sys.addaudithook(refuse)",
}


@pytest.mark.skipif(os.name != "posix", reason="homes are elsewhere")
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("words", WITHOUT_A_HOME, ids=" ".join)
def test_a_command_without_a_usable_home_ends_in_one_line(
    tmp_path: Path, words: tuple[str, ...], place: str
) -> None:
    """As in a container: a user without a name, a home that is not theirs, a read-only root."""
    home = tmp_path / "home"
    (home / ".chaostoolkit").mkdir(parents=True)
    (home / ".chaostoolkit" / "settings.yaml").write_text("{}")
    code = (
        "import os, pwd, sys\n"
        "def refuse(event, arguments):\n"
        "    if event in ('open', 'os.mkdir') and '.chaostoolkit' in str(arguments[0]):\n"
        "        raise PermissionError(13, 'Permission denied', arguments[0])\n"
        f"{place}\n"
        "from chaostoolkit.__main__ import cli\n"
        f"cli({['--no-version-check', '--no-log-file', *words]!r})"
    )
    work = tmp_path / "work"
    work.mkdir()

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=work,
        env={**os.environ, "HOME": str(home)},
        input="ciq_secret\n",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0 or words in (("publish",), ("safeguards",))
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines() or done.stdout.splitlines()) == 1, done.stderr
    assert list(work.iterdir()) == []
