"""Results of a command that ended without a run. Otherwise CI would show those of an earlier one.

There is no run event then. What is seen is how the command ends, and the last error it logged.
"""

import logging
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from chaoscloud.results.cases import build_unstarted_suite
from chaoscloud.results.targets import ResultFiles

__all__ = ["watch_commands"]

COMMANDS = ("run", "verify")

_ELSEWHERE = (
    "its results are not known here: it ran in a Python environment of its own (`runtime.python`), "
    "without chaosiq-cloud"
)

logger = logging.getLogger("chaostoolkit")


class _LastError(logging.Filter):
    """Lets every record pass, and keeps the message of the last error."""

    message = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """See the class."""
        if record.levelno >= logging.ERROR:
            self.message = record.getMessage()
        return True


def watch_commands(files: ResultFiles) -> None:
    """Write what is known of a `chaos run` or `chaos verify` that writes no results itself."""
    click: Any = sys.modules.get("click")  # absent where no command is running
    if click is not None:
        click.Command.invoke = _watch(click.Command.invoke, files)


def _watch(invoke: Callable[..., Any], files: ResultFiles) -> Callable[..., Any]:
    @wraps(invoke)
    def invoke_and_look(command: Any, context: Any) -> Any:
        is_run = context.info_name in COMMANDS and context.parent is context.find_root()
        if not is_run:
            return invoke(command, context)
        before, error = files.look(), _LastError()
        logger.addFilter(error)
        try:
            return invoke(command, context)
        except BaseException as x:
            # A run in a child process, as `runtime.python` asks for, writes its results itself.
            if files.look() == before:
                reason = error.message or _describe(x)
                files.write([build_unstarted_suite("Chaos Toolkit", reason)])
            raise
        finally:
            logger.removeFilter(error)

    return invoke_and_look


def _describe(error: BaseException) -> str:
    if getattr(error, "exit_code", None) == 0:
        return _ELSEWHERE
    return f"{type(error).__name__}: {error}"
