"""One line in a `chaos run` of somebody who is not signed in.

The host calls only the controls that stand in the settings, so before a sign-in it does not call
ours. It does import our commands, for every `chaos` command. From there the start of a run can be
noticed only by what the host logs about it.
"""

import logging
import sys
from pathlib import PurePath

from chaoscloud._host import command_name

__all__ = ["is_start_of_run", "remind_of_signing_in"]


def is_start_of_run(record: logging.LogRecord) -> bool:
    """Whether this is a line that the host logs as it runs an experiment."""
    path = PurePath(record.pathname)
    return record.levelno >= logging.INFO and path.parts[-2:] == ("chaoslib", "run.py")


def remind_of_signing_in(logger: logging.Logger) -> None:
    """Say that nobody is signed in, if a `chaos run` starts without our control."""
    # Where the settings, or the experiment, name our control, the host has imported it by now.
    if command_name() == "run" and "chaoscloud.controls" not in sys.modules:
        logger.warning(
            "You are not signed in to a ChaosIQ console: this run is neither recorded there nor "
            "guarded by safeguards. Run `chaos signin`."
        )
