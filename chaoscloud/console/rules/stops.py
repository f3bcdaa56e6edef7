"""How a stop reached a run, as the run told it: who decided, when, and when it was heard of."""

from typing import Any

import msgspec

EVENT = "safeguard-stop"  # the type of the CloudEvent that tells it
_MOST = 50  # policies


class Stop(msgspec.Struct, frozen=True):
    """The times are as the run wrote them (ISO 8601); `latency` is in seconds.

    `policies` are those that said no: names, or objects with a name.
    """

    policies: list[Any] = []
    decided_at: str | None = None
    received_at: str | None = None
    interrupted_at: str | None = None
    latency: float | None = None


def stop_of(told: Any) -> Stop | None:
    """The stop in what a run told; None when there is none to be understood."""
    if not isinstance(told, dict) or not told.keys() & {"decided_at", "received_at", "latency"}:
        return None
    try:
        stop = msgspec.convert(told, type=Stop)
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
    found = (stop_of(each) for each in (whole, whole.get("context"), whole.get("state")))
    return next((each for each in found if each), None)
