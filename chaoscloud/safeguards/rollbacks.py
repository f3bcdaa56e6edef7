"""What a stop means for an experiment's rollbacks: by default the host does not play them."""

from collections.abc import Iterable

from chaoscloud.types import Experiment, Journal, Settings

__all__ = ["not_played", "strategy_of", "unplayed_after_a_stop"]

ALWAYS = "always"


def strategy_of(settings: Settings | None) -> str:
    """When the host plays rollbacks: `default`, `always`, `never` or `deviated`."""
    runtime = (settings or {}).get("runtime")
    rollbacks = runtime.get("rollbacks") if isinstance(runtime, dict) else None
    strategy = rollbacks.get("strategy") if isinstance(rollbacks, dict) else None
    return str(strategy or "default")


def unplayed_after_a_stop(experiment: Experiment, strategy: str) -> str | None:
    """The warning for an experiment whose rollbacks a stop would leave unplayed, or None."""
    names = _names(experiment.get("rollbacks"))
    if not names or strategy == ALWAYS:
        return None
    rollbacks = "its rollback" if len(names) == 1 else f"its {len(names)} rollbacks"
    return (
        f"If a safeguard stops this experiment, {rollbacks} will not be played "
        f"(strategy '{strategy}'): run it with `--rollback-strategy always` to have them played."
    )


def not_played(experiment: Experiment, journal: Journal) -> list[str]:
    """The names of the rollbacks that the journal of a stopped run does not hold."""
    played = _names(run.get("activity") for run in journal.get("rollbacks") or ())
    return _names(experiment.get("rollbacks"))[len(played) :]


def _names(activities: object) -> list[str]:
    """What activities are called, references included."""
    found = activities if isinstance(activities, Iterable) else ()
    return [
        str(each.get("name") or each.get("ref") or "(unnamed)")
        for each in found
        if isinstance(each, dict)
    ]
