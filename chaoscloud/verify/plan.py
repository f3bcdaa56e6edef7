"""What a verification asks for, read out of its document."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chaoscloud.extension import NAME
from chaoscloud.types import Experiment, Extension
from chaoscloud.verify.durations import seconds_of
from chaoscloud.verify.exceptions import InvalidVerification

__all__ = ["Plan", "read_plan"]

FREQUENCY = "frequency-of-measurement"
DURATION = "duration-of-conditions"
WARM_UP = "warm-up-duration"
COOL_DOWN = "cool-down-duration"


@dataclass(frozen=True)
class Plan:
    """One verification's pace and phases, in seconds.

    The steady state is sampled every `frequency` from before the warm-up until after the
    cool-down; between them the conditions are applied, then held for `duration`.
    """

    verification_id: str
    frequency: float
    warm_up: float
    duration: float
    cool_down: float

    def without_waits(self) -> "Plan":
        """The same without its phases' waits, for runs in which nothing happens."""
        return replace(self, warm_up=0, duration=0, cool_down=0)


def read_plan(experiment: Experiment) -> Plan:
    """The plan of a document. Raises `InvalidVerification` for what is missing, or no sense."""
    verification = _require(_extension_of(experiment), "verification", "a verification block")
    identifier = _require(verification, "id", "an id")
    for key in (FREQUENCY, DURATION):
        _require(verification, key, f"a {key} block")
    return Plan(
        verification_id=str(identifier),
        frequency=_frequency(verification),
        warm_up=_seconds(verification, WARM_UP),
        duration=_seconds(verification, DURATION),
        cool_down=_seconds(verification, COOL_DOWN),
    )


def _extension_of(experiment: Experiment) -> Extension:
    extensions = experiment.get("extensions")
    if not isinstance(extensions, list):
        raise InvalidVerification("a verification must have an extensions block")
    ours = [e for e in extensions if isinstance(e, dict) and e.get("name") == NAME]
    if len(ours) != 1:
        raise InvalidVerification("a verification must have a single chaosiq extension block")
    return ours[0]


def _require(block: Any, key: str, named: str) -> Any:
    value = block.get(key) if isinstance(block, Mapping) else None
    if value is None or value == "":
        raise InvalidVerification(f"a verification must have {named}")
    return value


def _frequency(verification: Mapping[str, Any]) -> float:
    frequency = _seconds(verification, FREQUENCY)
    if frequency == 0:
        raise InvalidVerification(f"{FREQUENCY} must be more than 0 seconds")
    return frequency


def _seconds(verification: Mapping[str, Any], key: str) -> float:
    value = verification.get(key)
    if value is None:
        return 0
    try:
        return seconds_of(value)
    except ValueError as x:
        raise InvalidVerification(f"{key} must be a number of seconds: {x}") from x
