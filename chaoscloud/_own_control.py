"""Experiments that name our control themselves, under `controls`, where the settings do not.

From 1.21 on the host runs an experiment that has `runtime.python` in a child process. It reads that
before it calls the controls of the experiment, so none of ours is called in time to have the child
get the plugin (see `chaoscloud.controls.runtime`). Hence this is done as the host reads it.
"""

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

__all__ = ["install", "names_own_control"]

CONTROL = "chaoscloud.controls"


def install() -> None:
    """Have `chaos run` bring the plugin into the child process of such an experiment."""
    module: Any = sys.modules.get("chaostoolkit.commands.run")  # absent where no command is running
    read_runtime = getattr(module, "get_python_runtime_info", None)
    if read_runtime is not None and not hasattr(read_runtime, "brings_plugin"):
        module.get_python_runtime_info = _bringing_plugin(read_runtime, module)


def names_own_control(experiment: object) -> bool:
    """Whether an experiment has a control of ours; False for what is no experiment."""
    controls = experiment.get("controls") if isinstance(experiment, Mapping) else None
    return any(map(_is_ours, controls)) if isinstance(controls, list) else False


def _bringing_plugin(read_runtime: Callable[[Any], Any], module: Any) -> Callable[[Any], Any]:
    @wraps(read_runtime)
    def bring_and_read(experiment: Any) -> Any:
        if names_own_control(experiment):
            from chaoscloud.controls.failures import RunRefused
            from chaoscloud.controls.runtime import bring_plugin

            try:
                bring_plugin(experiment)
            except RunRefused as x:  # of which the host makes a line and an exit code
                raise module.PythonRuntimeError(str(x)) from x
        return read_runtime(experiment)

    bring_and_read.brings_plugin = True  # type: ignore[attr-defined]
    return bring_and_read


def _is_ours(control: object) -> bool:
    provider = control.get("provider") if isinstance(control, Mapping) else None
    return isinstance(provider, Mapping) and provider.get("module") == CONTROL
