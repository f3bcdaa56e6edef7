"""Events and the traces they happen in."""

import subprocess
import sys

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from chaoscloud.api.events import cloud_event

TRACE = 0x4BF92F3577B34DA6A3CE929D0E0E4736
SPAN = 0x00F067AA0BA902B7


def span(state: TraceState | None = None) -> NonRecordingSpan:
    """A sampled span of somebody who traces the experiment."""
    return NonRecordingSpan(SpanContext(TRACE, SPAN, False, TraceFlags(1), state))


def test_an_event_names_the_span_that_is_current() -> None:
    """As the specification of trace contexts writes it."""
    with trace.use_span(span(TraceState([("shop", "t61rcWkgMzE")]))):
        event = cloud_event("starting-activity")

    assert event["traceparent"] == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert event["tracestate"] == "shop=t61rcWkgMzE"


def test_a_span_without_state_has_none() -> None:
    """An empty attribute is none that CloudEvents know."""
    with trace.use_span(span()):
        event = cloud_event("starting-activity")

    assert "traceparent" in event
    assert "tracestate" not in event


def test_an_event_outside_of_any_span_names_none() -> None:
    """OpenTelemetry has a span of zeros for that."""
    assert not cloud_event("starting-activity").keys() & {"traceparent", "tracestate"}


def test_nothing_of_opentelemetry_is_loaded_for_it() -> None:
    """Who does not trace does not pay."""
    code = (
        "import sys; from chaoscloud.api.events import cloud_event; cloud_event('starting-method');"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0
