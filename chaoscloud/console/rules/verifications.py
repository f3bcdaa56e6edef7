"""Verification documents: what one says, and how one is made of an objective and a condition."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from chaoscloud.console.rules import documents
from chaoscloud.console.rules.soundness import plain

# For an experiment that is imported without a word on timing, or on what it is held against.
FREQUENCY = 10.0  # seconds, as the next one
DURATION = 60.0
TARGET = 99.0  # percent
WINDOW = 30 * 86_400.0  # seconds

HYPOTHESIS = "steady-state-hypothesis"
# What a condition brings along: its method may refer to any of it.
CONDITION = ("contributions", "configuration", "secrets", "controls", "runtime", "rollbacks")

LONGEST = 36_525 * 86_400.0  # seconds, a hundred years: whatever says more is mistaken

_NotNegative = Annotated[float, msgspec.Meta(ge=0, le=LONGEST)]


class Parts(msgspec.Struct, frozen=True):
    """A duration as documents of before 0.7 have it."""

    days: _NotNegative = 0
    hours: _NotNegative = 0
    minutes: _NotNegative = 0
    seconds: _NotNegative = 0

    @property
    def total(self) -> float:
        """The whole of it, in seconds."""
        return ((self.days * 24 + self.hours) * 60 + self.minutes) * 60 + self.seconds


Seconds = _NotNegative | Parts


class Timing(msgspec.Struct, frozen=True):
    """The pace and the phases of a verification, in seconds."""

    frequency: float = FREQUENCY
    warm_up: float = 0.0
    duration: float = DURATION
    cool_down: float = 0.0


class _Block(msgspec.Struct, frozen=True):
    id: str | None = None
    frequency: Seconds | None = msgspec.field(default=None, name="frequency-of-measurement")
    warm_up: Seconds | None = msgspec.field(default=None, name="warm-up-duration")
    duration: Seconds | None = msgspec.field(default=None, name="duration-of-conditions")
    cool_down: Seconds | None = msgspec.field(default=None, name="cool-down-duration")
    objective: Any = None


class _Objective(msgspec.Struct, frozen=True):
    target: Annotated[float, msgspec.Meta(gt=0, le=100)] = TARGET
    window: Annotated[float, msgspec.Meta(gt=0, le=LONGEST)] = WINDOW


class VerificationContent(msgspec.Struct, frozen=True):
    """A verification as a document tells it."""

    id: str | None
    name: str
    objective_id: str | None
    objective_name: str
    measurement: dict[str, Any]
    timing: Timing
    target: float = TARGET  # percent
    window: float = WINDOW  # seconds


def read_document(document: bytes) -> VerificationContent:
    """Read a whole document: its probes are the measurement, its method the condition.

    Raises `msgspec.ValidationError` when it has no probes, or says something of the wrong type.
    """
    decoded = msgspec.json.decode(document, type=dict[str, Any])
    head = msgspec.json.decode(document, type=documents.Head)
    ours = documents.block_of(head.extensions)
    block = _block(ours)
    objective = _read_objective(block.objective)
    measurement = hypothesis(decoded.get(HYPOTHESIS), head.shown_title, HYPOTHESIS)
    return VerificationContent(
        id=block.id or None,
        name=head.shown_title,
        objective_id=ours.objective_id,
        objective_name=plain(measurement["title"]),
        measurement=measurement,
        timing=_timing(block),
        target=objective.target,
        window=objective.window,
    )


def frequency(extensions: list[msgspec.Raw] | None) -> float | None:
    """The pace, in seconds, that a document's extensions set, if they do."""
    frequency_set = _block(documents.block_of(extensions)).frequency
    return None if frequency_set is None else seconds(frequency_set)


def hypothesis(value: object, title: str, key: str) -> dict[str, Any]:
    """A steady-state hypothesis, from one or from a single probe with its tolerance.

    Raises `msgspec.ValidationError` naming `key` when it is neither.
    """
    if isinstance(value, dict) and "probes" not in value:
        value = {"probes": [value]}
    probes = value.get("probes") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not _are_probes(probes):
        rule = "Expected a probe with a tolerance, or a hypothesis with such probes"
        raise msgspec.ValidationError(f"{rule} - at `$.{key}`")
    own = value.get("title")
    return {**value, "title": own if isinstance(own, str) and own else title}


def compose_document(
    name: str, description: str, measurement: Mapping[str, Any], condition: Mapping[str, Any]
) -> bytes:
    """The document of a verification; the condition is an experiment, or nothing."""
    brought = {key: condition[key] for key in CONDITION if key in condition}
    removed = documents.removed_from(condition)
    if removed:  # the method is no more whole here than where it comes from
        brought["extensions"] = [{"name": documents.OURS, documents.REDACTED: removed}]
    return msgspec.json.encode(
        {
            "version": "1.0.0",
            "title": name,
            "description": description or name,
            **brought,
            HYPOTHESIS: measurement,
            "method": condition.get("method", []),
        }
    )


def block(verification_id: str, timing: Timing, target: float, window: float) -> dict[str, Any]:
    """The `verification` of the `chaosiq` block.

    With the objective that it is held against: `chaos verify` says the impact where the console is
    away, too.
    """
    return {
        "id": verification_id,
        "frequency-of-measurement": _short(timing.frequency),
        "warm-up-duration": _short(timing.warm_up),
        "duration-of-conditions": _short(timing.duration),
        "cool-down-duration": _short(timing.cool_down),
        "objective": {"target": _short(target), "window": _short(window)},
    }


def seconds(duration: float | Parts) -> float:
    """A duration in seconds, however it is written."""
    return duration.total if isinstance(duration, Parts) else duration


def pace(duration: float | Parts, key: str) -> float:
    """A duration that must pass between two samples, so never none."""
    if not seconds(duration):
        raise msgspec.ValidationError(f"Expected more than 0 seconds - at `$.{key}`")
    return seconds(duration)


def _block(ours: documents.Block) -> _Block:
    try:
        return msgspec.json.decode(ours.verification, type=_Block | None) or _Block()
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(
            str(error).replace("`$", "`$.extensions.chaosiq.verification", 1)
        ) from None


def _read_objective(value: object) -> _Objective:
    """What the block says a run is held against; the usual where it says nothing of sense."""
    try:
        return msgspec.convert(value, _Objective)
    except msgspec.ValidationError:
        return _Objective()


def _timing(settings: _Block) -> Timing:
    usual = Timing()
    key = "extensions.chaosiq.verification.frequency-of-measurement"
    return Timing(
        frequency=usual.frequency if settings.frequency is None else pace(settings.frequency, key),
        warm_up=seconds(settings.warm_up or 0.0),
        duration=usual.duration if settings.duration is None else seconds(settings.duration),
        cool_down=seconds(settings.cool_down or 0.0),
    )


def _are_probes(probes: object) -> bool:
    return isinstance(probes, list) and bool(probes) and all(map(_is_probe, probes))


def _is_probe(probe: object) -> bool:
    """A probe that is asked against a tolerance, or a reference to one."""
    return isinstance(probe, dict) and ("ref" in probe or {"tolerance", "provider"} <= probe.keys())


def _short(value: float) -> float | int:
    """`10` rather than `10.0`: people read and edit these documents."""
    return int(value) if value == int(value) else value
