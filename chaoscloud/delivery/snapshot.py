"""What happened, as it stands now: a copy without secrets, ready to be kept as JSON text."""

import traceback
from datetime import datetime
from typing import Any
from uuid import uuid4

from chaoscloud.api.calls import Cleaner
from chaoscloud.api.execution import get_tz
from chaoscloud.redaction import to_json

__all__ = ["cloud_event", "copied", "event_data"]

REDACTED = "redacted"
"""The name of an event's attribute that says how many things were taken out of its data."""


def cloud_event(event_type: str, number: int, redacted: int) -> dict[str, Any]:
    """What is said of the n-th event of a run beside its data: a CloudEvent that happens now.

    `sequence` is the official extension of that name: who stores events can see that one is missing
    (https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/sequence.md).
    """
    event = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "chaosiq-cloud",
        "type": event_type,
        "time": datetime.now(get_tz()).isoformat(),
        "datacontenttype": "application/json",
        "sequence": f"{number:08d}",
    }
    return event | ({REDACTED: redacted} if redacted else {})


def event_data(context: Any, state: Any, redactor: Cleaner) -> tuple[str, int]:
    """What an event is about, as JSON text, and how many things were taken out of it.

    What cannot be written as JSON gives way to the reason. When no copy without secrets can be
    made, nothing of it is left.
    """
    try:
        return _written({"context": context, "state": state}, redactor)
    except (TypeError, ValueError) as x:
        error = {"type": "json-serialization", "trace": _last_line(x)}
    except Exception as x:  # noqa: BLE001 - whatever it was, the data is not known to be clean
        return to_json(_nothing({"type": "redaction", "trace": type(x).__name__})), 0
    for less in ({"context": context, "state": None}, {"context": None, "state": None}):
        try:
            return _written(less | {"error": error}, redactor)
        except Exception as x:  # noqa: BLE001 - likewise
            error = error | {"also": type(x).__name__}
    return to_json(_nothing({"type": "redaction", "trace": ""})), 0


def copied(document: Any, redactor: Cleaner) -> str:
    """A copy without secrets, as JSON text. Raises `TypeError` or `ValueError`."""
    return to_json(redactor.redact(document).document)


def _written(data: dict[str, Any], redactor: Cleaner) -> tuple[str, int]:
    redacted = redactor.redact(data)
    return to_json(redacted.document), int(getattr(redacted, "count", 0))


def _nothing(error: dict[str, str]) -> dict[str, Any]:
    return {"context": None, "state": None, "error": error}


def _last_line(error: BaseException) -> str:
    """Not the whole traceback: it names folders of this machine."""
    return "".join(traceback.format_exception_only(error))
