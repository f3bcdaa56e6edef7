"""How executions ended, as lists, filters and counts ask for it.

A table of its own: an execution's row holds its whole journal, which no list should have to read.
"""

import time
from collections.abc import Collection
from datetime import datetime
from typing import Any, get_args

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, delete, select

from chaoscloud.console.db.schema import executions, outcomes
from chaoscloud.console.records import experiment_summaries
from chaoscloud.console.rules.journals import summary
from chaoscloud.console.rules.outcome_reading import read_outcome
from chaoscloud.console.rules.run_context import CiBuild, RunContext
from chaoscloud.console.rules.search import join_texts
from chaoscloud.outcome import Caveat, Outcome, OutcomeName

STEP = 50  # executions at most whose outcome is computed in one write
STEP_TIME = 0.02  # seconds that such a write may take: ingest waits meanwhile

_UNREADABLE = Outcome(
    outcome="unknown",
    conclusive=False,
    reasons=(),
    warnings=(),
    sentence="ended; its journal cannot be read",
    dry=False,
    left_behind=False,
)


class ExecutionKey(msgspec.Struct, frozen=True, kw_only=True):
    """What an execution is found by among those of its team; `duration` is in seconds."""

    execution_id: str
    team_id: str
    experiment_id: str
    person_id: str
    started_at: datetime
    duration: float | None
    title: str
    tags: str  # JSON list of strings
    node: str | None
    context: RunContext | None = None  # None: as it is known already


def save_outcome(
    connection: Connection, key: ExecutionKey, outcome: Outcome | None, *, dry: bool
) -> None:
    """Keep how an execution ended, or (None) that it goes on; `dry` is known from its start."""
    if key.context is None:
        known = read_contexts(connection, [key.execution_id]).get(key.execution_id)
        key = msgspec.structs.replace(key, context=known)
    connection.execute(delete(outcomes).where(outcomes.c.execution_id == key.execution_id))
    values = _read_key(key, outcome.sentence if outcome else None) | {"dry": dry}
    if outcome is not None:
        values |= {
            "outcome": outcome.outcome,
            "conclusive": outcome.conclusive,
            "sentence": outcome.sentence,
            "reasons": encode(outcome.reasons),
            "warnings": encode(outcome.warnings),
            "left_behind": outcome.left_behind,
        }
    connection.execute(outcomes.insert().values(**values))
    experiment_summaries.refresh(connection, key.team_id, key.experiment_id)


def find_name(connection: Connection, execution_id: str) -> str | None:
    """The name of an execution's outcome; None where it goes on, or nobody has computed it yet."""
    column = outcomes.c
    statement = select(column.outcome).where(column.execution_id == execution_id)
    return connection.scalar(statement)


def _read_key(key: ExecutionKey, sentence: str | None) -> dict[str, Any]:
    values = msgspec.structs.asdict(key)
    title, node, _ = values.pop("title"), values.pop("node"), values.pop("context")
    tags = msgspec.json.decode(key.tags, type=list[str])
    context = key.context or RunContext()
    return {
        **values,
        "labels": encode(context.labels),
        "ci": encode(context.ci) if context.ci else None,
        "words": join_texts([title, *tags, node, sentence, *context.texts()]),
    }


def read_contexts(connection: Connection, ids: Collection[str]) -> dict[str, RunContext]:
    """Return where those of these executions came from that are known."""
    column = outcomes.c
    statement = select(column.execution_id, column.labels, column.ci).where(
        column.execution_id.in_(ids)
    )
    return {
        row.execution_id: RunContext(decode_labels(row.labels), decode_build(row.ci))
        for row in connection.execute(statement)
    }


def decode_labels(text: str | None) -> dict[str, str]:
    """The labels in a column `labels`."""
    return msgspec.json.decode(text or "{}", type=dict[str, str])


def decode_build(text: str | None) -> CiBuild | None:
    """The CI build in a column `ci`."""
    return msgspec.json.decode(text, type=CiBuild) if text else None


def read_outcomes(connection: Connection, ids: Collection[str]) -> dict[str, Outcome]:
    """Return the outcomes of those of these executions that have ended."""
    column = outcomes.c
    where = (column.execution_id.in_(ids), column.sentence.is_not(None))
    rows = connection.execute(select(outcomes).where(*where)) if ids else ()
    return {row.execution_id: _decode_row(row) for row in rows}


def fill_outcomes(connection: Connection, after: str = "") -> str | None:
    """Compute outcomes that an earlier version did not, of executions whose id comes after this.

    Return the last id of this step, to go on from; None when nothing is left. A large database is
    brought forward while it is used, so a step is short.
    """
    missing = (
        select(executions.c.id)
        .outerjoin(outcomes, outcomes.c.execution_id == executions.c.id)
        .where(outcomes.c.words.is_(None), executions.c.id > after)
        .order_by(executions.c.id)
        .limit(STEP)
    )
    last, ends_at = None, time.monotonic() + STEP_TIME
    for execution_id in connection.scalars(missing).all():
        _fill_outcome(connection, execution_id)
        last = execution_id
        if time.monotonic() > ends_at:
            break
    return last


_NOT_COLUMNS = ("execution_id", "context")  # of an execution


def _fill_outcome(connection: Connection, execution_id: str) -> None:
    where = executions.c.id == execution_id
    names = [name for name in ExecutionKey.__struct_fields__ if name not in _NOT_COLUMNS]
    row = connection.execute(select(*(executions.c[name] for name in names)).where(where)).one()
    key = ExecutionKey(execution_id=execution_id, **row._mapping)
    status, journal = connection.execute(
        select(executions.c.status, executions.c.journal).where(where)
    ).one()
    computed = None if status == "running" else _compute(journal)
    dry = _is_dry(journal) if computed is None else computed.dry
    save_outcome(connection, key, computed, dry=dry)


def _compute(journal: bytes) -> Outcome:
    try:
        return read_outcome(journal) or _UNREADABLE
    except (msgspec.DecodeError, RecursionError):  # kept by a version that looked less closely
        return _UNREADABLE


def _is_dry(journal: bytes) -> bool:
    try:
        return summary(journal).dry
    except (msgspec.DecodeError, RecursionError):
        return False


def _decode_row(row: Row[Any]) -> Outcome:
    return Outcome(
        outcome=row.outcome,
        conclusive=row.conclusive,
        reasons=decode_reasons(row.reasons),
        warnings=decode_warnings(row.warnings),
        sentence=row.sentence,
        dry=row.dry,
        left_behind=row.left_behind,
    )


def decode_reasons(text: str | None) -> tuple[str, ...]:
    """The codes in a column `reasons`."""
    return msgspec.json.decode(text or "[]", type=tuple[str, ...])


def decode_warnings(text: str | None) -> tuple[Caveat, ...]:
    """The warnings in a column `warnings`."""
    return msgspec.json.decode(text or "[]", type=tuple[Caveat, ...])


NOT_PASSED = tuple(name for name in get_args(OutcomeName) if name != "passed")


def match_outcomes(
    team_id: str, names: Collection[str], *, went_wrong: bool
) -> list[ColumnElement[bool]]:
    """Conditions on a statement that joins `outcomes`: one of these, everything but passed.

    They name the team and each outcome, so that the index by outcome leads there.
    """
    if went_wrong:
        names = [name for name in NOT_PASSED if not names or name in names]
    elif not names:
        return []
    return [outcomes.c.team_id == team_id, outcomes.c.outcome.in_(names)]


def encode(value: object) -> str:
    """A value as a column of JSON holds it."""
    return msgspec.json.encode(value).decode()
