"""The traces that executions belong to, where a tracer was current (W3C Trace Context)."""

import re
from collections.abc import Mapping

from sqlalchemy import Connection, select

from chaoscloud.console.db.bulk import Insert
from chaoscloud.console.db.schema import traces

_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_NO_TRACE = "0" * 32

_INSERT = Insert(traces, ("execution_id", "trace_id"), unique="execution_id")


def read_trace_id(trace_parent: str | None) -> str | None:
    """The id of the trace in a `traceparent`; None where that says nothing."""
    if trace_parent is None:
        return None
    match = _TRACE_PARENT.fullmatch(trace_parent)
    return match[1] if match and match[1] != _NO_TRACE else None


def save_traces(connection: Connection, traces_by_execution: Mapping[str, str]) -> None:
    """Keep the trace of each execution that has none yet."""
    if traces_by_execution:
        _INSERT.run(connection, sorted(traces_by_execution.items()))


def find_trace(connection: Connection, execution_id: str) -> str | None:
    """The id of the trace of an execution."""
    where = traces.c.execution_id == execution_id
    return connection.scalar(select(traces.c.trace_id).where(where))
