"""What the host calls while an experiment runs.

The host finds these functions by name and fills them by signature; what they raise it swallows, all
but `InterruptExecution`. So each hook records what happened, then asks the guard, and a failure of
ours is contained (see `chaoscloud.controls.failures`). The rest of the plugin is imported inside of
the functions: an installation that is broken is such a failure, too.

`configure_control` opens the run, `cleanup_control` closes it. A hook that is called outside of a
run works on its own, for the execution that the `chaosiq` block names.
"""

import os
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from chaoscloud.controls.failures import contain_failures, failures
from chaoscloud.types import (
    Configuration,
    Experiment,
    Extensions,
    Organizations,
    Secrets,
    Settings,
)

if TYPE_CHECKING:
    from chaoscloud.controls.open_runs import OpenRuns
    from chaoscloud.controls.run import Run

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

Hook = Callable[..., None]

_open_runs: "OpenRuns | None" = None


def get_open_runs() -> "OpenRuns":
    """The runs under way in this process."""
    from chaoscloud.controls.open_runs import OpenRuns

    global _open_runs
    if _open_runs is None:
        _open_runs = OpenRuns()
    return _open_runs


@contain_failures
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
    failures.forget()
    from chaoscloud.controls.console import console_of
    from chaoscloud.controls.loading import read_workspace

    read_workspace(console_of(settings, url, verify_tls, organizations), context)


@contain_failures
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
    from chaoscloud.controls.console import console_of
    from chaoscloud.controls.loading import remember_source
    from chaoscloud.controls.runtime import provide_plugin

    if isinstance(state, dict):
        console = console_of(settings, url, verify_tls, organizations)
        provide_plugin(state, console.guard_mode)
        remember_source(console, context, state)


@contain_failures
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
    """Open the run: guard it, publish the experiment, create its execution."""
    failures.forget()
    from chaoscloud.controls.run import Run

    run = Run()
    failures.is_stoppable = lambda: run.is_stoppable
    # What a signal raises here the host would swallow, and take the control away.
    with run.holding_back_stops():
        from chaoscloud.controls.console import console_of
        from chaoscloud.controls.loading import forget_path
        from chaoscloud.controls.opening import begin, leave_unpublished
        from chaoscloud.controls.relay import Relay

        runs = get_open_runs()
        for dead in runs.pop_dead(experiment):
            dead.close()
        console = console_of(settings, url, verify_tls, organizations)
        if runs.find_shared(experiment, console.tenant) is not None:
            return
        runs.push(run, experiment, console.tenant)
        run.signals.install()
        if event_registry is not None:
            event_registry.register(Relay(run, _close))
            run.ends_later = True
            _write_results_of(event_registry)
        if not console.wants("publish"):
            leave_unpublished(run, console)
            return
        begin(run, console, experiment, secrets)
        if run.problem is None:
            forget_path(experiment)


def _write_results_of(event_registry: Any) -> None:
    """Have results written of a run that is none of a `chaos` command, if somebody wants them."""
    if os.environ.get("CHAOSIQ_JUNIT") or os.environ.get("CHAOSIQ_SUMMARY"):
        from chaoscloud.results.recorder import register_recorder

        register_recorder(event_registry)


@contain_failures
def cleanup_control() -> None:
    """Close the run."""
    run = get_open_runs().pop()
    if run is not None:
        with run.holding_back_stops():
            _close(run)


def _close(run: "Run") -> None:
    get_open_runs().remove(run)
    run.close()
    failures.forget()


def _after(event_type: str, name: str) -> Hook:
    """A hook that records what came of something, then asks whether the run may go on."""

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
        experiment: Experiment | None = None,
        **_others: Any,
    ) -> None:
        from chaoscloud.controls.console import console_of
        from chaoscloud.controls.opening import resume

        console = (settings, url, verify_tls, organizations)
        tenant = lambda: console_of(*console).tenant  # noqa: E731 - seldom needed
        run = get_open_runs().find(experiment, extensions, tenant)
        if run is not None:
            run.handle(event_type, context, state)
            return
        with closing(resume(console_of(*console), extensions, secrets)) as run:
            run.handle(event_type, context, state)

    hook.__doc__ = f"Record {event_type}; see `_after`."
    hook.__name__ = name
    return contain_failures(hook)


def _before(event_type: str, name: str) -> Hook:
    """A hook that records that something starts: the same, but there is no state yet."""
    record = _after(event_type, name)

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
        experiment: Experiment | None = None,
        **_others: Any,
    ) -> None:
        record(
            context,
            None,
            configuration,
            secrets,
            settings=settings,
            extensions=extensions,
            url=url,
            verify_tls=verify_tls,
            organizations=organizations,
            experiment=experiment,
        )

    hook.__doc__ = f"Record {event_type}; see `_before`."
    hook.__name__ = name
    return hook


before_experiment_control = _before("starting-experiment", "before_experiment_control")
before_hypothesis_control = _before("starting-hypothesis", "before_hypothesis_control")
before_method_control = _before("starting-method", "before_method_control")
before_rollback_control = _before("starting-rollback", "before_rollback_control")
before_activity_control = _before("starting-activity", "before_activity_control")
after_activity_control = _after("activity-finished", "after_activity_control")
after_rollback_control = _after("rollback-finished", "after_rollback_control")
after_method_control = _after("method-finished", "after_method_control")
after_hypothesis_control = _after("hypothesis-finished", "after_hypothesis_control")
after_experiment_control = _after("experiment-finished", "after_experiment_control")
