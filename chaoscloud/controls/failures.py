"""What becomes of our own mistakes in the functions that the host calls.

The host swallows whatever a control raises, all but `InterruptExecution`, and drops a control whose
`configure_control` raises for the whole run: a mistake of ours would take the guard away without a
word. So each of those functions is wrapped. What goes wrong inside is logged, and then the guard
mode decides: with `on` the experiment carries on, with `required` it does not.

This module imports nothing of ours until something has gone wrong: an installation that is broken
is one of the things that can.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, TypeVar

from chaoslib.exceptions import ExperimentExitedException, InterruptExecution, InvalidSource

__all__ = ["RunRefused", "contain_failures", "failures"]

Function = TypeVar("Function", bound=Callable[..., Any])

logger = logging.getLogger("chaostoolkit")

# Where the host lets `InterruptExecution` through, and stops the run. While rollbacks run it would
# leave them half run, and after the experiment there is nothing left to stop.
STOPPING_HOOKS = {
    "after_loading_experiment_control",
    "bring_plugin",
    "before_experiment_control",
    "before_hypothesis_control",
    "after_hypothesis_control",
    "before_method_control",
    "after_method_control",
    "before_activity_control",
    "after_activity_control",
}


# From here on nothing is stopped any more, whatever else goes wrong.
LAST_HOOKS = {
    "start_rollbacks",
    "before_rollback_control",
    "after_experiment_control",
    "cleanup_control",
    "finish",
}


class RunRefused(InterruptExecution, InvalidSource):  # type: ignore[misc]  # untyped host
    """The run must not start or go on: safeguards are required, and nothing guards it.

    `InterruptExecution` is the one exception of a control that the host lets through;
    `InvalidSource` is the one that `chaos run` ends with a line for while it loads an experiment.
    """


def _describe(error: Exception) -> str:
    """What went wrong, as a phrase: what is raised on purpose says it itself."""
    with suppress(ImportError):
        from chaoscloud.exceptions import ChaosIQException

        if isinstance(error, ChaosIQException):
            return str(error).rstrip(".")
    return f"a mistake of the plugin ({type(error).__name__}: {error})"


class Failures:
    """The mistakes of ours in the run under way, and whether they keep it from going on."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.refusal: str | None = None
        self.is_stoppable: Callable[[], bool] = lambda: True

    def forget(self) -> None:
        """Another run begins."""
        self.reasons, self.refusal, self.is_stoppable = [], None, lambda: True

    def refuse_if_pending(self, function_name: str) -> None:
        """Raise what an earlier function could not raise, where the host lets it through."""
        if function_name in LAST_HOOKS:
            self.is_stoppable = lambda: False
        if self.refusal is not None and function_name in STOPPING_HOOKS and self._may_stop():
            raise RunRefused(self.refusal)

    def add(self, function_name: str, error: Exception, settings: Any) -> None:
        """Log what went wrong; raise `RunRefused`, now or later, where safeguards are required."""
        logger.debug("The chaosiq-cloud plugin failed in %s", function_name, exc_info=error)
        reason = _describe(error)
        is_new = reason not in self.reasons
        if is_new:
            self.reasons.append(reason)
        if _is_required(settings) and self._may_stop():
            self.refusal = f"Safeguards are required, and this run is not guarded: {reason}"
            self.refuse_if_pending(function_name)
        elif is_new:
            logger.warning(
                "This run is not guarded by safeguards: %s. The experiment carries on.", reason
            )

    def note_in(self, journal: Any) -> None:
        """Leave in the journal why the run was not guarded, and that this ended it."""
        if not self.reasons or not isinstance(journal, dict):
            return
        from chaoscloud.extension import ensure_extension

        ensure_extension(journal)["not_guarded"] = {"reason": "; ".join(self.reasons)}
        if self.refusal is not None:  # as the host's own report has it
            name = "Safeguards are required"
            interruption = {"kind": "safeguard", "name": name, "reason": self.refusal}
            journal.setdefault("interruption", interruption)

    def _may_stop(self) -> bool:
        try:
            return self.is_stoppable()
        except Exception:
            logger.debug("Whether the run may be stopped is not known", exc_info=True)
            return True


failures = Failures()
"""Of the innermost run of this process."""


def contain_failures(function: Function) -> Function:
    """Wrap a function that the host calls; see this module."""
    name = function.__name__

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        failures.refuse_if_pending(name)
        try:
            return function(*args, **kwargs)
        except (InterruptExecution, ExperimentExitedException):
            raise  # a safeguard's no, or a signal
        except Exception as x:  # noqa: BLE001 - whatever it is
            failures.add(name, x, kwargs.get("settings"))
        finally:
            if name == "after_experiment_control":
                failures.note_in(kwargs.get("state"))

    return call  # type: ignore[return-value]  # it has the signature of what it wraps


def _is_required(settings: Any) -> bool:
    """Whether this run must not go on unguarded; yes where even that cannot be read."""
    try:
        from chaoslib.settings import get_loaded_settings

        from chaoscloud.settings import get_guard_mode
        from chaoscloud.types import GuardMode

        known = get_loaded_settings() if settings is None else settings
        return get_guard_mode(known) is GuardMode.REQUIRED
    except Exception:
        logger.debug("The guard mode cannot be read", exc_info=True)
        return True
