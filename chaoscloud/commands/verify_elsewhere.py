"""`chaos verify` of a document with a Python environment of its own (`runtime.python`)."""

import logging

from chaoscloud import __version__
from chaoscloud._host import arguments
from chaoscloud.controls.runtime import (
    HostRefusal,
    PluginMissing,
    prepare_child,
    run_in_child,
    warn_of_other_version,
)
from chaoscloud.types import Experiment
from chaoscloud.verify.exceptions import VerificationException

__all__ = ["verify_elsewhere"]

logger = logging.getLogger("chaostoolkit")


def verify_elsewhere(verification: Experiment) -> int | None:
    """Run this very command in that environment; return its exit code.

    None where the verification is to run in this process: the document asks for no environment, or
    this process is the one in it, or the host knows none (before 1.21). Raises
    `VerificationException` where the environment cannot have the plugin: nothing could run a
    verification there.
    """
    try:
        child = prepare_child(verification)
        if child is None:
            _warn_of_older_host(verification)
            return None
        warn_of_other_version(child)
        return run_in_child(child, *arguments())
    except HostRefusal as x:
        raise VerificationException(f"This verification cannot run: {x}") from x
    except PluginMissing as x:
        raise VerificationException(
            "This verification cannot run: its own Python environment (`runtime.python`) cannot "
            f"have chaosiq-cloud {__version__}: {x}. Let uv find the package (UV_INDEX, "
            "UV_FIND_LINKS)."
        ) from x


def _warn_of_older_host(verification: Experiment) -> None:
    if not arguments() and (verification.get("runtime") or {}).get("python"):
        logger.warning(
            "This Chaos Toolkit, from before 1.21, runs nothing in another Python environment: "
            "`runtime.python` is not looked at."
        )
