"""How the plugin is brought into a child process of the host, without starting one."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import click
import pytest
from chaoslib.control import controls, load_global_controls
from chaoslib.exceptions import InvalidSource
from chaoslib.settings import loaded_settings

from chaoscloud import __version__
from chaoscloud._own_control import install, names_own_control
from chaoscloud.controls import runtime
from chaoscloud.controls.failures import RunRefused
from chaoscloud.controls.runtime import own_requirement
from chaoscloud.settings import enable_feature, require_safeguards
from chaoscloud.types import Experiment, GuardMode, Settings


@dataclass(frozen=True)
class HostRuntime:
    """What a host reads from `runtime.python`."""

    dependencies: tuple[str, ...]
    isolated: bool = True


class HostRuntimeError(Exception):
    """What a host raises for a runtime that makes no sense."""


def host_module(**changes: Any) -> SimpleNamespace:
    """The module of a host that starts child processes, as 1.21 does, but for `changes`."""
    functions = {
        "PythonRuntimeError": HostRuntimeError,
        "in_runtime_child": lambda: False,
        "get_python_runtime_info": lambda experiment: HostRuntime(("idna",)),
        "build_runtime_command": lambda expected, argv: [
            sys.executable, "-c", "import sys; sys.exit('  ╭ nothing\\n  ╰─▶ is there')", "--",
        ],
    }  # fmt: skip
    return SimpleNamespace(**functions | changes)


@pytest.fixture
def chaos_run() -> Iterator[None]:
    """`chaos run` is the command that runs."""
    group = click.Group("chaos")
    with click.Context(group) as context:
        context.invoked_subcommand = "run"
        yield


@pytest.fixture
def experiment() -> Experiment:
    """An experiment that asks for an isolated environment."""
    return {"title": "Orders", "runtime": {"python": {"isolated": True, "dependencies": ["idna"]}}}


def load(experiment: Experiment, settings: Settings) -> None:
    """Have the host load the experiment, our control with it."""
    token = loaded_settings.set(settings)
    try:
        load_global_controls(settings)
        with controls(level="loader", context="experiment.json") as control:
            control.with_state(experiment)
    finally:
        loaded_settings.reset(token)


def require(settings: Settings) -> None:
    """Do as `chaos enable safeguards --required` does."""
    enable_feature(settings, "safeguards")
    require_safeguards(settings, required=True)


def use_host(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Run under a host whose module for child processes is another one."""
    monkeypatch.setitem(sys.modules, "chaostoolkit.runtime", host_module(**changes))


UNKNOWN_HOSTS = {
    "a function is gone": {"get_python_runtime_info": None},
    "a function takes something else": {"build_runtime_command": list},
    "the command is another one": {
        "build_runtime_command": lambda expected, argv: ["docker", "run"]
    },
    "no dataclass": {"get_python_runtime_info": lambda _: object()},
    "uv fails": {},
    "the program is not there": {"build_runtime_command": lambda target, argv: ["/no/uv", "--"]},
    "the answer is none": {"build_runtime_command": lambda entry, argv: ["echo", "--"]},
}


@pytest.mark.usefixtures("chaos_run")
@pytest.mark.parametrize("changes", UNKNOWN_HOSTS.values(), ids=UNKNOWN_HOSTS)
def test_a_host_that_cannot_be_followed_is_decided_on_by_strength(
    settings: Settings,
    experiment: Experiment,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    changes: dict[str, Any],
) -> None:
    """`required` refuses the run; `on` says in one line that nothing guards it."""
    use_host(monkeypatch, **changes)
    with caplog.at_level(logging.WARNING, "chaostoolkit"):
        load(experiment, settings)
    require(settings)

    with pytest.raises(RunRefused) as refusal:
        load(experiment, settings)

    assert isinstance(refusal.value, InvalidSource)  # what `chaos run` ends with a line for
    [line] = [r.getMessage() for r in caplog.records if "nor guarded" in r.getMessage()]
    assert "cannot have chaosiq-cloud" in line
    assert experiment["runtime"]["python"]["dependencies"] == ["idna"]


@pytest.mark.usefixtures("chaos_run")
def test_each_of_many_runs_is_refused_where_its_environment_cannot_have_the_required_guard(
    settings: Settings,
    experiment: Experiment,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
    runs: int,
) -> None:
    """While it is loaded, so that nothing of it can start."""
    use_host(monkeypatch)
    require(settings)

    for _ in range(runs):
        with pytest.raises(RunRefused, match="nothing would guard this run"):
            load(experiment, settings)

    record_property("figures", f"{runs} runs, 0 loaded")


@pytest.mark.usefixtures("chaos_run")
def test_why_uv_fails_is_one_line(
    settings: Settings,
    experiment: Experiment,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What `uv` draws on a terminal is read as a sentence."""
    use_host(monkeypatch)

    with caplog.at_level(logging.WARNING, "chaostoolkit"):
        load(experiment, settings)

    [line] = [r.getMessage() for r in caplog.records if "nor guarded" in r.getMessage()]
    assert f"{__version__}: nothing is there. The experiment carries on." in line


@pytest.mark.usefixtures("chaos_run")
@pytest.mark.parametrize(
    "changes",
    [
        {"in_runtime_child": lambda: True},
        {"get_python_runtime_info": lambda _: None},
    ],
    ids=["in the child already", "no child is needed"],
)
def test_nothing_is_added_where_no_child_will_start(
    settings: Settings,
    experiment: Experiment,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    changes: dict[str, Any],
) -> None:
    """The run is in this process, which has the plugin."""
    use_host(monkeypatch, **changes)
    require(settings)

    with caplog.at_level(logging.INFO, "chaostoolkit"):
        load(experiment, settings)

    assert caplog.messages == []
    assert experiment["runtime"]["python"]["dependencies"] == ["idna"]


@pytest.mark.usefixtures("chaos_run")
def test_what_the_host_refuses_itself_is_left_to_the_host(
    settings: Settings, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runtime that makes no sense ends `chaos run` with the host's own words."""

    def refuse(_: Experiment) -> None:
        raise HostRuntimeError("runtime.python.isolated must be a boolean")

    use_host(monkeypatch, get_python_runtime_info=refuse)
    require(settings)

    load(experiment, settings)


def test_other_commands_start_no_environment(
    settings: Settings, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`chaos validate` and library use start no child process; `chaos verify` does so by itself."""
    use_host(monkeypatch)
    require(settings)

    load(experiment, settings)


ORIGINS = {
    "an index": (None, f"chaosiq-cloud=={__version__}"),
    "a folder": (
        {"url": "file:///src/chaosiq-cloud", "dir_info": {"editable": True}},
        "chaosiq-cloud @ file:///src/chaosiq-cloud",
    ),
    "a wheel": (
        {"url": "file:///w/chaosiq.whl", "archive_info": {"hashes": {"sha256": "ab12"}}},
        "chaosiq-cloud @ file:///w/chaosiq.whl#sha256=ab12",
    ),
    "a wheel of unknown hash": (
        {"url": "https://example.com/chaosiq.whl", "archive_info": {}},
        "chaosiq-cloud @ https://example.com/chaosiq.whl",
    ),
    "a repository": (
        {
            "url": "https://example.com/chaosiq.git",
            "vcs_info": {"vcs": "git", "requested_revision": "main", "commit_id": "0a1b2c"},
            "subdirectory": "plugin",
        },
        "chaosiq-cloud @ git+https://example.com/chaosiq.git@0a1b2c#subdirectory=plugin",
    ),
}


@pytest.mark.parametrize(("origin", "requirement"), ORIGINS.values(), ids=ORIGINS)
def test_the_child_gets_this_very_distribution(
    monkeypatch: pytest.MonkeyPatch, origin: dict[str, Any] | None, requirement: str
) -> None:
    """From an index by its version, from anywhere else by that address, as PEP 610 records it."""
    text = json.dumps(origin) if origin else None
    distribution = SimpleNamespace(read_text=lambda name: text)
    monkeypatch.setattr(metadata, "distribution", lambda name: distribution)

    assert own_requirement() == requirement


@pytest.mark.usefixtures("chaos_run")
def test_sources_that_were_never_installed_cannot_be_brought_along(
    settings: Settings, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strength decides here, too."""

    def no_distribution(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    use_host(monkeypatch)
    monkeypatch.setattr(metadata, "distribution", no_distribution)
    require(settings)

    with pytest.raises(RunRefused, match="not installed here as a distribution"):
        load(experiment, settings)


def own_control() -> dict[str, Any]:
    """What an experiment has that names our control itself."""
    provider = {"type": "python", "module": "chaoscloud.controls"}
    return {"controls": [{"name": "chaosiq-cloud", "provider": provider}]}


@pytest.mark.parametrize(
    ("document", "is_named"),
    [
        (own_control(), True),
        ({"controls": [{"name": "slack", "provider": {"module": "chaosslack.control"}}]}, False),
        ({"controls": "chaoscloud.controls"}, False),
        ({"controls": [None, {"provider": "chaoscloud.controls"}]}, False),
        ({}, False),
        (["no experiment"], False),
    ],
)
def test_a_control_of_ours_in_an_experiment_is_recognised(document: Any, is_named: bool) -> None:
    """Whatever else stands in its place is for the host to complain about."""
    assert names_own_control(document) is is_named


def read_runtime_as_chaos_run(
    monkeypatch: pytest.MonkeyPatch, experiment: Experiment, settings: Settings
) -> Any:
    """Read `runtime.python` where the host's `run` command does."""
    read = lambda _: HostRuntime(("idna",))  # noqa: E731 - what the host's own function returns
    command = SimpleNamespace(get_python_runtime_info=read, PythonRuntimeError=HostRuntimeError)
    monkeypatch.setitem(sys.modules, "chaostoolkit.commands.run", command)
    install()
    token = loaded_settings.set(settings)
    try:
        return command.get_python_runtime_info(experiment)
    finally:
        loaded_settings.reset(token)


@pytest.mark.usefixtures("chaos_run")
def test_a_control_of_the_experiment_alone_is_decided_on_by_strength(
    settings: Settings,
    experiment: Experiment,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """`required` ends the run with the host's own error, which it makes a line of."""
    use_host(monkeypatch)
    experiment |= own_control()
    read_runtime_as_chaos_run(monkeypatch, experiment, {})
    assert "nor guarded" in caplog.text
    monkeypatch.setattr(runtime, "get_guard_mode", lambda _: GuardMode.REQUIRED)

    with pytest.raises(HostRuntimeError, match="nothing would guard this run"):
        read_runtime_as_chaos_run(monkeypatch, experiment, {})


@pytest.mark.usefixtures("chaos_run")
@pytest.mark.parametrize("has_control", [True, False], ids=["in the settings too", "nowhere"])
def test_other_experiments_are_left_to_the_host(
    settings: Settings,
    experiment: Experiment,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    has_control: bool,
) -> None:
    """The control of the settings has brought the plugin already; without one nobody wants it."""
    use_host(monkeypatch)
    document = experiment | own_control() if has_control else experiment

    read = read_runtime_as_chaos_run(monkeypatch, document, settings if has_control else {})

    assert read == HostRuntime(("idna",))
    assert caplog.text == ""
