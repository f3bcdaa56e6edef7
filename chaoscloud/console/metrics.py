"""What this process counts for `/metrics`: numbers that grow, for Prometheus to read.

Several console processes on one database count each for themselves; Prometheus adds them up. What
is read from the database when somebody asks (how many runs go on) stands in `records/metrics.py`.
"""

import sys

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from chaoscloud import __version__

# A second series for each, of no use to this console.
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()

_TEAM = ("organization", "team")  # as they stand in addresses
_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)  # seconds
_LONG = (10, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800, 43_200)
_STOPS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)

EXECUTIONS_STARTED = Counter(
    "chaosiq_executions_started",
    "Executions that were recorded.",
    _TEAM,
    registry=REGISTRY,
)
EXECUTIONS_ENDED = Counter(
    "chaosiq_executions_ended",
    "Executions that ended, by outcome.",
    (*_TEAM, "outcome"),
    registry=REGISTRY,
)
EXECUTION_DURATION = Histogram(
    "chaosiq_execution_duration_seconds",
    "How long executions took that ended.",
    ("outcome",),
    buckets=_LONG,
    registry=REGISTRY,
)
STOP_LATENCY = Histogram(
    "chaosiq_stop_latency_seconds",
    "From the moment a stop was decided until the run was interrupted, as runs report it.",
    buckets=_STOPS,
    registry=REGISTRY,
)
DECISION_DURATION = Histogram(
    "chaosiq_decision_duration_seconds",
    "How long decisions of safeguards took, without the time that a question is held.",
    ("decision",),
    buckets=_SHORT,
    registry=REGISTRY,
)
DECISION_ERRORS = Counter(
    "chaosiq_decision_errors",
    "Questions that could not be decided because the console failed.",
    registry=REGISTRY,
)
EVENTS_STORED = Counter(
    "chaosiq_events_stored", "Events of runs that were stored.", registry=REGISTRY
)
EVENTS_DUPLICATE = Counter(
    "chaosiq_events_duplicate",
    "Events of runs that were sent again and are stored once.",
    registry=REGISTRY,
)
DATABASE_ERRORS = Counter(
    "chaosiq_database_errors",
    "Reads and writes that the database refused.",
    ("operation",),
    registry=REGISTRY,
)

MESSAGES_SENT = Counter(
    "chaosiq_messages",
    "Attempts to send a message to a subscription's target, by what came of them.",
    ("target", "result"),
    registry=REGISTRY,
)

# Series that exist from the start, so that a first error is an increase.
for operation in ("reading", "writing"):
    DATABASE_ERRORS.labels(operation)

Info("chaosiq_build", "The console's version.", registry=REGISTRY).info(
    {"version": __version__, "python": ".".join(map(str, sys.version_info[:3]))}
)
ProcessCollector(registry=REGISTRY)
