"""What happened, as a CloudEvent 1.0 in structured mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md; the consoles of
the original read `data` as a JSON document written as a string.
"""

import traceback
from datetime import datetime, tzinfo
from typing import Any
from uuid import uuid4

from chaoscloud.api.calls import UNSERIALISABLE, Cleaner
from chaoscloud.api.tracing import trace_attributes
from chaoscloud.redaction import to_json

__all__ = ["CONTENT_TYPE", "cloud_event", "event_data", "get_tz"]

CONTENT_TYPE = "application/cloudevents+json"


def get_tz() -> tzinfo | None:
    """The time zone of this machine."""
    return datetime.now().astimezone().tzinfo


def cloud_event(event_type: str, event_id: str | None = None, **attributes: Any) -> dict[str, Any]:
    """An event that happens now, without its data; its id is a new one unless given.

    It belongs to the trace whose span is current, if there is one.
    """
    return {
        "specversion": "1.0",
        "id": event_id or str(uuid4()),
        "source": "chaosiq-cloud",
        "type": event_type,
        "time": datetime.now(get_tz()).isoformat(),
        "datacontenttype": "application/json",
        **trace_attributes(),
        **attributes,
    }


def event_data(context: Any, state: Any, redactor: Cleaner) -> str:
    """What an event is about, redacted, as JSON.

    When the state cannot be written as JSON, the reason goes in its place; when the context cannot
    either, it is null. The reason is not the whole traceback, which names folders of this machine.
    """
    try:
        return _write({"context": context, "state": state}, redactor)
    except UNSERIALISABLE as reason:
        trace = "".join(traceback.format_exception_only(reason))
        error = {"type": "json-serialization", "trace": trace}
    try:
        return _write({"context": context, "state": None, "error": error}, redactor)
    except UNSERIALISABLE:
        return _write({"context": None, "state": None, "error": error}, redactor)


def _write(data: dict[str, Any], redactor: Cleaner) -> str:
    return to_json(redactor.redact(data).document)
