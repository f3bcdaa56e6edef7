"""What the host calls while an experiment runs.

The host finds these functions by name and fills them by signature; what they raise it swallows, all
but `InterruptExecution`. So each hook tells the delivery what happened, then asks the guard, and a
failure of ours ends in one line of the log and in the journal's `chaosiq` block.

`configure_control` opens the run, `cleanup_control` closes it. A hook that is called outside of a
run works on its own, for the execution the `chaosiq` block names.
"""

import logging
from collections.abc import Callable
from contextlib import closing
from typing import Any

from chaoscloud.controls.loading import forget_path, read_workspace, remember_source
from chaoscloud.controls.opening import begin, console_of, resume, unpublished
from chaoscloud.controls.relay import Relay
from chaoscloud.controls.run import Run
from chaoscloud.controls.runtime import provide_plugin
from chaoscloud.types import (
    Configuration,
    Experiment,
    Extensions,
    Organizations,
    Secrets,
    Settings,
)

__all__ = [
    "after_activity_control",
    "after_experiment_control",
    "after_hypothesis_control",
    "after_loading_experiment_control",
    "after_method_control",
    "after_rollback_control",
    "before_activity_control",
    "before_experiment_control",
    "before_hypothesis_control",
    "before_loading_experiment_control",
    "before_method_control",
    "before_rollback_control",
    "cleanup_control",
    "configure_control",
]

logger = logging.getLogger("chaostoolkit")

Hook = Callable[..., None]

_run: Run | None = None


def before_loading_experiment_control(
    context: str,
    settings: Settings | None = None,
    *,
    url: str | None = None,
    verify_tls: bool = True,
    organizations: Organizations | None = None,
    **_others: Any,
) -> None:
    """Read the workspace file beside the experiment; `context` is its path or url."""
    read_workspace(console_of(settings, url, verify_tls, organizations), context)


def after_loading_experiment_control(
    context: str,
    state: Experiment | None = None,
    settings: Settings | None = None,
    *,
    url: str | None = None,
    verify_tls: bool = True,
    organizations: Organizations | None = None,
    **_others: Any,
) -> None:
    """Put into the experiment's block where it came from, or what the console knows it by.

    `state` is the experiment, or None when it could not be loaded.
    """
    if isinstance(state, dict):
        console = console_of(settings, url, verify_tls, organizations)
        remember_source(console, context, state)
        provide_plugin(state, console.guard_mode)


def configure_control(
    experiment: Experiment,
    settings: Settings | None,
    configuration: Configuration | None = None,
    secrets: Secrets | None = None,
    url: str | None = None,
    verify_tls: bool = True,
    organizations: Organizations | None = None,
    event_registry: Any = None,
    **_others: Any,
) -> None:
    """Open the run: publish the experiment, create its execution."""
    global _run
    cleanup_control()  # of a run that died before its end
    console = console_of(settings, url, verify_tls, organizations)
    if not console.wants("publish"):
        _run = unpublished(console)
        logger.warning(
            "Publishing to the console is disabled: this run is neither recorded nor guarded. "
            "Run `chaos enable publish` to change that."
        )
        return
    _run = begin(console, experiment, secrets)
    if _run.problem is None:
        forget_path(experiment)
    if event_registry is not None:
        event_registry.register(Relay(_run))


def cleanup_control() -> None:
    """Close the run."""
    global _run
    run, _run = _run, None
    if run is not None:
        with run.holding_back_stops():
            run.close()


def _after(event_type: str) -> Hook:
    """A hook that tells what came of something, then asks whether the run may go on."""

    def hook(
        context: Any,
        state: Any = None,
        configuration: Configuration | None = None,
        secrets: Secrets | None = None,
        settings: Settings | None = None,
        extensions: Extensions | None = None,
        *,
        url: str | None = None,
        verify_tls: bool = True,
        organizations: Organizations | None = None,
        **_others: Any,
    ) -> None:
        if _run is not None:
            _run.happened(event_type, context, state)
            return
        console = console_of(settings, url, verify_tls, organizations)
        with closing(resume(console, extensions, secrets)) as run:
            run.happened(event_type, context, state)

    hook.__doc__ = f"Tell of {event_type}; see `_after`."
    return hook


def _before(event_type: str) -> Hook:
    """A hook that tells that something starts: the same, but there is no state yet."""
    tell = _after(event_type)

    def hook(
        context: Any,
        configuration: Configuration | None = None,
        secrets: Secrets | None = None,
        settings: Settings | None = None,
        extensions: Extensions | None = None,
        *,
        url: str | None = None,
        verify_tls: bool = True,
        organizations: Organizations | None = None,
        **_others: Any,
    ) -> None:
        console = {"url": url, "verify_tls": verify_tls, "organizations": organizations}
        tell(context, None, configuration, secrets, settings, extensions, **console)

    hook.__doc__ = f"Tell of {event_type}; see `_before`."
    return hook


before_experiment_control = _before("starting-experiment")
before_hypothesis_control = _before("starting-hypothesis")
before_method_control = _before("starting-method")
before_rollback_control = _before("starting-rollback")
before_activity_control = _before("starting-activity")
after_activity_control = _after("activity-finished")
after_rollback_control = _after("rollback-finished")
after_method_control = _after("method-finished")
after_hypothesis_control = _after("hypothesis-finished")
after_experiment_control = _after("experiment-finished")
