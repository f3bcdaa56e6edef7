"""Runs that the newest host starts again in a Python environment of their own (`runtime.python`).

All of it is real: `uv`, wheels, `chaos` processes, a console; and all of it is on this machine.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaoscloud import __version__
from tests.together.conftest import LIMIT, Console, clean_environment
from tests.together.wheels import build_own_wheel, pack_requirements

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.skipif(
        find_spec("chaostoolkit.runtime") is None,
        reason="before 1.21 the Chaos Toolkit starts no run in another environment",
    ),
    pytest.mark.skipif(find_spec("uv") is None, reason="uv is not installed beside this Python"),
]

OTHER_VERSION = "1.99.0"
ISOLATED: dict[str, Any] = {"isolated": True, "dependencies": ["idna"]}
VERSION: dict[str, Any] = {"version": f"{sys.version_info.major}.{sys.version_info.minor}"}


@dataclass(frozen=True)
class Wheels:
    """Folders with wheels for `uv`, and its cache; `other` has another version of this project."""

    host: Path
    own: Path
    other: Path
    cache: Path


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """Wheels of the host and what it requires, of this project, and of another version of it."""
    root = tmp_path_factory.mktemp("wheels")
    created = Wheels(root / "host", root / "own", root / "other", root / "cache")
    for folder in (created.host, created.own, created.other):
        folder.mkdir()
    pack_requirements(created.host)
    build_own_wheel(created.own, root / "build")
    build_own_wheel(created.other, root / "build-other", OTHER_VERSION)
    return created


@dataclass
class Installation:
    """The plugin and the host in a virtual environment, as a user has them."""

    folder: Path
    home: Path
    env: dict[str, str]

    def let_uv_find(self, *folders: Path) -> None:
        """Choose where `uv` looks for packages."""
        self.env["UV_FIND_LINKS"] = ",".join(map(str, folders))

    def install(self, *requirements: str) -> None:
        """Install packages beside the others."""
        python = self.folder / "bin" / "python"
        uv = ["uv", "pip", "install", "--quiet", "--python", str(python)]
        subprocess.run([*uv, *requirements], env=self.env, check=True, timeout=LIMIT)

    def chaos(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run `chaos …` to its end."""
        return subprocess.run(
            [self.folder / "bin" / "chaos", "--no-version-check", *words],
            cwd=self.home,
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )

    def run(self, **python: Any) -> subprocess.CompletedProcess[str]:
        """Run an experiment with this `runtime.python`."""
        return self.chaos("run", self.keep_experiment(**python))

    def keep_experiment(self, more: Mapping[str, Any] | None = None, /, **python: Any) -> str:
        """Write an experiment with this `runtime.python` into the home; return its name."""
        provider = {"type": "process", "path": "touch", "arguments": "ran"}
        experiment = {
            "title": "Orders survive a new Python",
            "description": "Runs where it says.",
            "runtime": {"python": python},
            "method": [{"type": "action", "name": "touch", "provider": provider}],
        }
        (self.home / "experiment.json").write_text(json.dumps(experiment | dict(more or {})))
        return "experiment.json"

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.home / ".chaostoolkit" / "settings.yaml"

    @property
    def has_run(self) -> bool:
        """Whether the experiment's activity was started."""
        return (self.home / "ran").exists()


@pytest.fixture
def bare_installation(tmp_path: Path, wheels: Wheels) -> Installation:
    """A virtual environment with nothing in it yet."""
    home = tmp_path / "home"
    home.mkdir()
    uv = Path(sys.executable).parent
    env = clean_environment(home)
    del env["PYTHONPATH"]
    env |= {
        "PATH": f"{uv}{os.pathsep}{env['PATH']}",
        "UV_CACHE_DIR": str(wheels.cache),
        "UV_NO_INDEX": "1",
        "UV_OFFLINE": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }
    folder = tmp_path / "venv"
    subprocess.run(
        ["uv", "venv", "--quiet", "--python", sys.executable, folder],
        env=env,
        check=True,
        timeout=LIMIT,
    )
    created = Installation(folder, home, env)
    created.let_uv_find(wheels.host, wheels.own)
    return created


@pytest.fixture
def installation(bare_installation: Installation, console: Console) -> Installation:
    """The plugin as it comes from an index, beside the host, signed in to the console."""
    bare_installation.install("chaostoolkit", f"chaosiq-cloud=={__version__}")
    sign_in(bare_installation, console)
    return bare_installation


def sign_in(installation: Installation, console: Console) -> None:
    """Sign in as the console's owner."""
    words = ("signin", "--url", console.url, "--token-stdin")
    done = installation.chaos(*words, stdin=f"{console.token}\n")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "python",
    [ISOLATED, VERSION, {"dependencies": ["idna"]}],
    ids=["isolated", "version", "dependencies"],
)
def test_a_run_elsewhere_is_recorded_and_guarded(
    installation: Installation, console: Console, python: dict[str, Any]
) -> None:
    """The console has the run and the user's own document; under a stop, none starts."""
    free = installation.run(**python)
    assert free.returncode == 0, free.stderr
    (installation.home / "ran").unlink()  # it is there: the activity was started
    [execution] = console.executions()
    assert execution["status"] == "completed"
    assert console.journal(execution)["experiment"]["runtime"]["python"] == python
    console.operate("stop", "--reason", "Black Friday")

    stopped = installation.run(**python)

    assert stopped.returncode == 1
    assert "Black Friday" in stopped.stderr
    assert not installation.has_run
    is_isolated = "isolated" in python or "version" in python
    assert (f"chaosiq-cloud {__version__} is added" in free.stderr) is is_isolated


def test_a_plugin_that_cannot_be_installed_leaves_the_run_alone_and_says_so(
    installation: Installation, wheels: Wheels
) -> None:
    """By default the experiment goes on; one line says that nothing guards it, and why."""
    installation.let_uv_find(wheels.host)

    done = installation.run(**ISOLATED)

    assert done.returncode == 0, done.stderr
    assert installation.has_run
    [line] = [line for line in done.stderr.splitlines() if "nor guarded" in line]
    assert f"cannot have chaosiq-cloud {__version__}" in line
    assert "unsatisfiable" in line


def test_a_required_guard_that_cannot_be_installed_refuses_the_run(
    installation: Installation, wheels: Wheels
) -> None:
    """`required` means that: exit code 1, one line, no activity, and no traceback."""
    installation.let_uv_find(wheels.host)
    installation.chaos("enable", "safeguards", "--required")

    done = installation.run(**ISOLATED)

    assert done.returncode == 1
    assert not installation.has_run
    assert "Safeguards are required, and nothing would guard this run" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_was_installed_from_a_file_is_brought_from_that_file(
    bare_installation: Installation, console: Console, wheels: Wheels
) -> None:
    """No index has to know this version: where it came from is written beside it (PEP 610)."""
    [wheel] = wheels.own.iterdir()
    bare_installation.install("chaostoolkit", str(wheel))
    bare_installation.let_uv_find(wheels.host)
    sign_in(bare_installation, console)

    done = bare_installation.run(**ISOLATED)

    assert done.returncode == 0, done.stderr
    assert [execution["status"] for execution in console.executions()] == ["completed"]


def test_another_version_in_the_child_is_named(
    installation: Installation, console: Console, wheels: Wheels
) -> None:
    """An experiment may ask for a version of the plugin itself: it gets it, and one line."""
    installation.let_uv_find(wheels.host, wheels.own, wheels.other)

    done = installation.run(isolated=True, dependencies=[f"chaosiq-cloud=={OTHER_VERSION}"])

    assert done.returncode == 0, done.stderr
    assert f"chaosiq-cloud is {OTHER_VERSION} in the experiment's own" in done.stderr
    assert len(console.executions()) == 1


def test_the_stop_test_runs_where_the_experiment_would(
    installation: Installation, console: Console
) -> None:
    """It proves the stop in the very environment, and leaves nothing in the console."""
    name = installation.keep_experiment(**ISOLATED)

    done = installation.chaos("safeguards", "test", "--experiment", name)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"environment of its own: chaosiq-cloud {__version__}" in done.stdout
    assert "The stop works" in done.stdout
    assert not installation.has_run
    assert console.executions() == []


def test_a_stop_test_elsewhere_fails_where_the_plugin_cannot_be(
    installation: Installation, wheels: Wheels
) -> None:
    """That a stop works here proves nothing about a run that would not have the plugin."""
    name = installation.keep_experiment(**ISOLATED)
    installation.let_uv_find(wheels.host)

    done = installation.chaos("safeguards", "test", "--experiment", name)

    assert done.returncode == 1
    assert "could not be stopped" in done.stderr
    assert "The stop works" not in done.stdout


def verification() -> dict[str, Any]:
    """What makes a verification of an experiment."""
    kept = {"type": "process", "path": "true"}
    probe = {"type": "probe", "name": "kept", "tolerance": 0, "provider": kept}
    timing = {"frequency-of-measurement": 0.1, "duration-of-conditions": 0.2}
    return {
        "steady-state-hypothesis": {"title": "Orders are kept", "probes": [probe]},
        "extensions": [{"name": "chaosiq", "verification": {"id": "new-python", **timing}}],
    }


@pytest.mark.parametrize("python", [ISOLATED, VERSION], ids=["isolated", "version"])
def test_a_verification_elsewhere_is_recorded_and_guarded(
    installation: Installation, console: Console, python: dict[str, Any]
) -> None:
    """As a run is: in the environment it asks for, and under a stop it does not start."""
    name = installation.keep_experiment(verification(), **python)
    free = installation.chaos("verify", name)
    assert free.returncode == 0, free.stderr
    (installation.home / "ran").unlink()  # it is there: the activity was started
    [execution] = console.executions()
    assert execution["status"] == "completed"
    assert f"chaosiq-cloud {__version__} is added" in free.stderr
    console.operate("stop", "--reason", "Black Friday")

    stopped = installation.chaos("verify", name)

    assert stopped.returncode == 1
    assert "Black Friday" in stopped.stderr
    assert not installation.has_run


def test_a_verification_is_refused_where_the_plugin_cannot_be(
    installation: Installation, console: Console, wheels: Wheels
) -> None:
    """Nothing could run it there: exit code 1, one line, and no record."""
    installation.let_uv_find(wheels.host)

    done = installation.chaos("verify", installation.keep_experiment(verification(), **ISOLATED))

    assert done.returncode == 1
    assert "This verification cannot run: its own Python environment" in done.stderr
    assert "Traceback" not in done.stderr
    assert not installation.has_run
    assert console.executions() == []


def move_control_into_experiment(installation: Installation) -> dict[str, Any]:
    """Take our control out of the settings; return what an experiment needs to have it itself."""
    settings = yaml.safe_load(installation.settings.read_text())
    provider = settings.pop("controls")["chaosiq-cloud"]["provider"]
    installation.settings.write_text(yaml.safe_dump(settings))
    return {"controls": [{"name": "chaosiq-cloud", "provider": provider}]}


def test_a_control_of_the_experiment_alone_is_brought_along(
    installation: Installation, console: Console
) -> None:
    """The host does not call it before it starts the child; the run is guarded all the same."""
    name = installation.keep_experiment(move_control_into_experiment(installation), **ISOLATED)
    free = installation.chaos("run", name)
    assert free.returncode == 0, free.stderr
    (installation.home / "ran").unlink()
    assert [execution["status"] for execution in console.executions()] == ["completed"]
    console.operate("stop", "--reason", "Black Friday")

    stopped = installation.chaos("run", name)

    assert stopped.returncode == 1
    assert "Black Friday" in stopped.stderr
    assert not installation.has_run


def test_a_control_of_the_experiment_alone_that_cannot_be_brought_along_is_named(
    installation: Installation, wheels: Wheels
) -> None:
    """One line says that nothing guards the run."""
    name = installation.keep_experiment(move_control_into_experiment(installation), **ISOLATED)
    installation.let_uv_find(wheels.host)

    done = installation.chaos("run", name)

    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stderr.splitlines() if "nor guarded" in line]) == 1


@pytest.mark.timeout(900)  # for `--runs 200`
@pytest.mark.parametrize("python", [ISOLATED, VERSION], ids=["isolated", "version"])
def test_no_activity_starts_elsewhere_under_a_stop_in_many_runs(
    installation: Installation,
    console: Console,
    record_property: Callable[[str, object], None],
    runs: int,
    python: dict[str, Any],
) -> None:
    """In real processes, one after the other."""
    console.operate("stop", "--reason", "Black Friday")
    started = 0

    for _ in range(runs):
        done = installation.run(**python)
        assert done.returncode == 1
        assert "Black Friday" in done.stderr
        started += installation.has_run

    record_property("figures", f"{runs} runs, {started} activities started")
    assert started == 0
