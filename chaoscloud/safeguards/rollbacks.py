"""What a stop means for an experiment's rollbacks: by default the host does not run them."""

from collections.abc import Iterable

from chaoscloud.types import Experiment, Journal, Settings

__all__ = ["describe_rollbacks_after_stop", "list_rollbacks_not_run", "rollback_strategy"]

ALWAYS = "always"


def rollback_strategy(settings: Settings | None) -> str:
    """When the host runs rollbacks: `default`, `always`, `never` or `deviated`."""
    runtime = (settings or {}).get("runtime")
    rollbacks = runtime.get("rollbacks") if isinstance(runtime, dict) else None
    strategy = rollbacks.get("strategy") if isinstance(rollbacks, dict) else None
    return str(strategy or "default")


def describe_rollbacks_after_stop(experiment: Experiment, strategy: str) -> str | None:
    """The warning for an experiment whose rollbacks would not run after a stop, or None."""
    names = _names_of(experiment.get("rollbacks"))
    if not names or strategy == ALWAYS:
        return None
    rollbacks = "its rollback" if len(names) == 1 else f"its {len(names)} rollbacks"
    return (
        f"If a safeguard stops this experiment, {rollbacks} will not be run "
        f"(strategy '{strategy}'): use `--rollback-strategy always` to have them run."
    )


def list_rollbacks_not_run(experiment: Experiment, journal: Journal) -> list[str]:
    """The names of the rollbacks that the journal of a stopped run does not hold."""
    run = _names_of([entry.get("activity") for entry in journal.get("rollbacks") or ()])
    return _names_of(experiment.get("rollbacks"))[len(run) :]


def _names_of(activities: object) -> list[str]:
    """What activities are called, references included."""
    return [
        str(activity.get("name") or activity.get("ref") or "(unnamed)")
        for activity in (activities if isinstance(activities, Iterable) else ())
        if isinstance(activity, dict)
    ]
