"""What the `chaos` command that is running knows, read from its click context.

The host hands controls only what stands in the settings file. Where that file is, which command
runs and where it was started stand in the context of the command alone.
"""

import os
import sys
from typing import Any

__all__ = ["arguments", "command_name", "settings_path", "start_folder"]


def command_name() -> str | None:
    """The command below `chaos`, for instance `run`; None where no command is running."""
    context = _root_context()
    return context.invoked_subcommand if context is not None else None


def settings_path() -> str | None:
    """What `chaos --settings` says; None where no command is running."""
    context = _root_context()
    known = context.obj if context is not None else None
    path = known.get("settings_path") if isinstance(known, dict) else None
    return str(path) if path else None


def arguments() -> tuple[str, ...]:
    """What follows `chaos` on the command line; nothing before 1.21, which does not say."""
    context = _root_context()
    meta = context.meta if context is not None else {}
    return tuple(meta.get("chaostoolkit.runtime.arguments") or ())


def start_folder() -> str:
    """The folder `chaos` was started in, before `--change-dir` took it elsewhere."""
    context = _root_context()
    meta = context.meta if context is not None else {}
    return str(meta.get("chaostoolkit.runtime.invocation_cwd") or os.getcwd())


def _root_context() -> Any:
    click = sys.modules.get("click")  # absent where no command is running
    context = click.get_current_context(silent=True) if click is not None else None
    return context.find_root() if context is not None else None
