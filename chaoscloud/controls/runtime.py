"""Brings the plugin into the Python environment that an experiment asks for.

From chaostoolkit 1.21 on, an experiment may ask for Python packages, or for a Python version, under
`runtime.python`. The host then runs it once more in a child process, in an environment that `uv`
makes. With `isolated: true`, or a `version`, that environment holds the Chaos Toolkit and the
listed packages only. The host drops a control that it cannot import there, without a word.

So the parent puts this very distribution among the child's dependencies: in memory, while the
experiment is loaded, which is before the host reads them. Whether the child will have it is then
proven by importing it in the very environment that the host is about to ask `uv` for.
"""

import json
import logging
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module, metadata
from typing import Any

from chaoslib.settings import get_loaded_settings

from chaoscloud import __version__
from chaoscloud._host import command_name, start_folder
from chaoscloud.controls.failures import RunRefused, contain_failures
from chaoscloud.settings import get_control, get_guard_mode
from chaoscloud.types import Experiment, GuardMode

__all__ = [
    "DISTRIBUTION",
    "ChildRuntime",
    "HostRefusal",
    "PluginMissing",
    "bring_plugin",
    "own_requirement",
    "prepare_child",
    "provide_plugin",
    "run_in_child",
    "warn_of_other_version",
]

DISTRIBUTION = "chaosiq-cloud"

# 0.16 and earlier had no such package, and none of what it promises.
_PROBE = """
import importlib.util, json, chaoscloud, chaoscloud.controls
if importlib.util.find_spec("chaoscloud.safeguards") is None:
    raise SystemExit(f"chaosiq-cloud {chaoscloud.__version__} is too old to guard a run")
print(json.dumps({"version": chaoscloud.__version__}))
"""

_LONGEST_REASON = 300  # characters

logger = logging.getLogger("chaostoolkit")


class PluginMissing(Exception):
    """The child process would not have the plugin; the message is the reason, a phrase."""


class HostRefusal(PluginMissing):
    """The host itself cannot start the child process, so there is no run to guard."""


@dataclass(frozen=True)
class ChildRuntime:
    """The environment of the child process, as the host describes it, and our version in it."""

    host_runtime: Any
    version: str


def provide_plugin(experiment: Experiment, mode: GuardMode) -> None:
    """Have the child process of `chaos run`, if there will be one, record and guard the run.

    Changes the dependencies in `experiment`, in memory. Where the plugin cannot be brought there:
    raises `RunRefused` when safeguards are required, else says that nothing guards the run.
    """
    if command_name() != "run":
        return
    try:
        child = prepare_child(experiment)
    except HostRefusal as x:
        logger.debug("The host will refuse this experiment: %s", x)
    except PluginMissing as x:
        _decide(str(x), mode)
    else:
        if child is not None:
            warn_of_other_version(child)


@contain_failures
def bring_plugin(experiment: Experiment) -> None:
    """The same for an experiment whose own control is not called before the host starts the child.

    Where the settings have our control, that one has done so.
    """
    settings = get_loaded_settings()
    if get_control(settings) is None:
        provide_plugin(experiment, get_guard_mode(settings))


def warn_of_other_version(child: ChildRuntime) -> None:
    """Say which version of the plugin a child has, where it is not this one."""
    if child.version != __version__:
        logger.warning(
            "%s is %s in the experiment's own Python environment, and %s here.",
            DISTRIBUTION,
            child.version,
            __version__,
        )


def prepare_child(experiment: Experiment) -> ChildRuntime | None:
    """The child process that the host will run `experiment` in, with the plugin brought to it.

    None when the host runs it in this process. Raises `PluginMissing`; the dependencies in
    `experiment` are then as they were.
    """
    host = _host_runtime_module()
    if host is None or host.in_runtime_child():
        return None
    with _known_host(host):
        requested = host.get_python_runtime_info(experiment)
        if requested is None:
            return None
        return _first_with_plugin(host, requested, experiment)


def run_in_child(child: ChildRuntime, *words: str) -> int:
    """Run `chaos WORDS` in the child's environment, as the host would; return its exit code."""
    host = _host_runtime_module()
    with (
        _known_host(host),
        host.supervised_runtime(child.host_runtime, words, start_folder()) as process,
    ):
        return int(process.wait())


def own_requirement() -> str:
    """The requirement that installs this very distribution, as `pip` and `uv` read it.

    What was installed from an index is named with its version; what came from a folder, a file or
    a repository is named with that address, which the installer wrote down (PEP 610).
    """
    try:
        origin = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        raise PluginMissing(f"{DISTRIBUTION} is not installed here as a distribution") from None
    if origin is None:
        return f"{DISTRIBUTION}=={__version__}"
    return f"{DISTRIBUTION} @ {_address(json.loads(origin))}"


def _address(origin: Mapping[str, Any]) -> str:
    """The url of a PEP 610 record with its commit, its hash and its folder."""
    url = str(origin["url"])
    if repository := origin.get("vcs_info"):
        url = f"{repository['vcs']}+{url}@{repository['commit_id']}"
    hashes = (origin.get("archive_info") or {}).get("hashes") or {}
    fragments = [f"sha256={hashes['sha256']}"] if "sha256" in hashes else []
    if folder := origin.get("subdirectory"):
        fragments.append(f"subdirectory={folder}")
    return url + (f"#{'&'.join(fragments)}" if fragments else "")


def _host_runtime_module() -> Any:
    """The host's module for child processes; None before chaostoolkit 1.21, which knows none."""
    try:
        return import_module("chaostoolkit.runtime")
    except ModuleNotFoundError:
        return None


@contextmanager
def _known_host(host: Any) -> Iterator[None]:
    """A host whose functions are not those of 1.21 is one that we cannot follow."""
    try:
        yield
    except (AttributeError, LookupError, OSError, TypeError, ValueError) as x:
        raise PluginMissing(f"this Chaos Toolkit prepares it in a new way ({x})") from x
    except host.PythonRuntimeError as x:
        raise HostRefusal(str(x)) from x


def _first_with_plugin(host: Any, requested: Any, experiment: Experiment) -> ChildRuntime:
    """The environment as it is, or with our requirement: the first of them that has the plugin.

    An isolated one is tried with the requirement first. The experiment may name a version of the
    plugin itself, which then contradicts ours: hence the other try.
    """
    requirement = own_requirement()
    extended = replace(requested, dependencies=(*requested.dependencies, requirement))
    candidates = [extended, requested] if requested.isolated else [requested, extended]
    reasons = []
    for runtime in candidates:
        if runtime is extended:
            logger.info(
                "This experiment has a Python environment of its own: %s %s is added to its "
                "dependencies, so that the run is recorded and guarded there.",
                DISTRIBUTION,
                __version__,
            )
        try:
            version = _version_in(host, runtime)
        except PluginMissing as x:
            reasons.append(str(x))
            continue
        if runtime is extended:
            experiment["runtime"]["python"]["dependencies"] = list(runtime.dependencies)
        return ChildRuntime(runtime, version)
    raise PluginMissing(reasons[candidates.index(extended)])


def _version_in(host: Any, runtime: Any) -> str:
    """The version of the plugin in an environment; `PluginMissing` when it has none that guards."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)  # the host says the same again when it makes the environment
    try:
        command = host.build_runtime_command(runtime, [])
    finally:
        logging.disable(before)
    prefix = command[: command.index("--") + 1]
    probe = subprocess.run(  # noqa: S603 - the host's own command, with another program
        [*prefix, "python", "-c", _PROBE],
        cwd=start_folder(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if probe.returncode != 0:
        raise PluginMissing(_reason_in(probe.stderr))
    return str(json.loads(probe.stdout.splitlines()[-1])["version"])


def _reason_in(errors: str) -> str:
    """What `uv` or Python wrote, as one line without its drawing."""
    if "Traceback" in errors:
        errors = errors.strip().splitlines()[-1]
    words = re.sub(r"[^\w\s!-~]", " ", errors.partition("hint:")[0]).removeprefix("error: ")
    return " ".join(words.split())[:_LONGEST_REASON].rstrip(".") or "uv gives no reason"


def _decide(reason: str, mode: GuardMode) -> None:
    """Refuse the run or say that nothing guards it, as safeguards are required or not."""
    problem = (
        f"its own Python environment (`runtime.python`) cannot have {DISTRIBUTION} "
        f"{__version__}: {reason}."
    )
    if mode is GuardMode.REQUIRED:
        raise RunRefused(
            f"Safeguards are required, and nothing would guard this run: {problem} "
            "Let uv find the package (UV_INDEX, UV_FIND_LINKS), or run the experiment without "
            "`isolated` and `version`."
        )
    logger.warning(
        "This run is neither recorded in the console nor guarded by safeguards: %s "
        "The experiment carries on.",
        problem,
    )
