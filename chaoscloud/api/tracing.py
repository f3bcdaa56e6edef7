"""The OpenTelemetry span that is current, as attributes of a CloudEvent.

Whoever traces experiments finds from an event to its trace, and back. Nothing is imported for it:
without somebody who traces, OpenTelemetry is not loaded, and no span is current.
"""

import logging
import sys

__all__ = ["trace_attributes"]

logger = logging.getLogger("chaostoolkit")


def trace_attributes() -> dict[str, str]:
    """`traceparent`, and `tracestate` if there is one; empty where no span is current.

    https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return {}
    try:
        span = trace.get_current_span().get_span_context()
        if not span.is_valid:
            return {}
        parent = f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags) & 0xFF:02x}"
        state = span.trace_state.to_header()
    except Exception:
        logger.debug("The current span cannot be read", exc_info=True)
        return {}
    return {"traceparent": parent} | ({"tracestate": state} if state else {})
