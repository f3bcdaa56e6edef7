"""How a stop reached a run, as the run reported it: who decided, when, and when the run knew."""

from typing import Any

import msgspec

EVENT = "safeguard-stop"  # the type of the CloudEvent that reports it
STOP_TEST_TAG = "chaosiq-safeguards-test"  # of the experiment of `chaos safeguards test`
_STOP_TEST_MODULES = "chaoscloud.commands."  # where its only activity is
_MOST = 50  # policies


class _Provider(msgspec.Struct):
    module: str


class _StopTestActivity(msgspec.Struct):
    provider: _Provider


class _StopTest(msgspec.Struct):
    """A stop test as the plugin writes it; whatever acts on a system is none."""

    tags: list[str]
    method: list[_StopTestActivity]
    rollbacks: list[Any] = []
    hypothesis: Any = msgspec.field(default=None, name="steady-state-hypothesis")


class _JournalOfStopTest(msgspec.Struct):
    experiment: _StopTest


def is_stop_test(journal: bytes) -> bool:
    """Whether a journal is of `chaos safeguards test`, which only sleeps until it is stopped."""
    try:
        experiment = msgspec.json.decode(journal, type=_JournalOfStopTest).experiment
    except msgspec.MsgspecError:
        return False
    modules = (activity.provider.module for activity in experiment.method)
    return (
        STOP_TEST_TAG in experiment.tags
        and not experiment.hypothesis
        and not experiment.rollbacks
        and all(module.startswith(_STOP_TEST_MODULES) for module in modules)
    )


class Stop(msgspec.Struct, frozen=True):
    """The times are as the run wrote them (ISO 8601); `latency` is in seconds.

    `policies` are those that denied: names, or objects with a name.
    """

    policies: list[Any] = []
    decided_at: str | None = None
    received_at: str | None = None
    interrupted_at: str | None = None
    latency: float | None = None


def stop_of(report: Any) -> Stop | None:
    """The stop in what a run reported; None when there is none that can be read."""
    if not isinstance(report, dict) or not report.keys() & {"decided_at", "received_at", "latency"}:
        return None
    try:
        stop = msgspec.convert(report, type=Stop)
    except msgspec.ValidationError:
        return None
    return msgspec.structs.replace(stop, policies=stop.policies[:_MOST])


def stop_in(data: bytes) -> Stop | None:
    """The same, in the data of an event: there, in its context, or in its state."""
    try:
        whole = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(whole, dict):
        return None
    parts = (whole, whole.get("context"), whole.get("state"))
    return next((stop for part in parts if (stop := stop_of(part))), None)
