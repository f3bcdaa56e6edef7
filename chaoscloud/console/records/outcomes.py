"""How executions ended, as lists, filters and counts ask for it.

A table of its own: an execution's row holds its whole journal, which no list should have to read.
"""

import time
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, get_args

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, delete, select

from chaoscloud.console.db.schema import executions, outcomes
from chaoscloud.console.rules.journals import summary
from chaoscloud.console.rules.outcome_reading import read_outcome
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
)


class ExecutionKey(msgspec.Struct, frozen=True):
    """What places an execution among those of its team."""

    execution_id: str
    team_id: str
    experiment_id: str
    started_at: datetime


def save_outcome(
    connection: Connection, key: ExecutionKey, outcome: Outcome | None, *, dry: bool
) -> None:
    """Keep how an execution ended, or (None) that it goes on; `dry` is known from its start."""
    remove_outcome(connection, key.execution_id)
    values: dict[str, Any] = {**msgspec.structs.asdict(key), "dry": dry}
    if outcome is not None:
        values |= {
            "outcome": outcome.outcome,
            "conclusive": outcome.conclusive,
            "sentence": outcome.sentence,
            "reasons": _encode(outcome.reasons),
            "warnings": _encode(outcome.warnings),
        }
    connection.execute(outcomes.insert().values(**values))


def remove_outcome(connection: Connection, execution_id: str) -> None:
    """Forget how an execution ended."""
    connection.execute(delete(outcomes).where(outcomes.c.execution_id == execution_id))


def read_outcomes(connection: Connection, ids: Collection[str]) -> dict[str, Outcome]:
    """Return the outcomes of those of these executions that have ended."""
    column = outcomes.c
    where = (column.execution_id.in_(ids), column.outcome.is_not(None))
    rows = connection.execute(select(outcomes).where(*where)) if ids else ()
    return {row.execution_id: _decode_row(row) for row in rows}


def fill_outcomes(connection: Connection, after: str = "") -> str | None:
    """Compute outcomes that an earlier version did not, of executions whose id comes after this.

    Return the last id of this step, to go on from; None when nothing is left. A large database is
    brought forward while it is used, so a step is short.
    """
    column = executions.c
    missing = (
        select(column.id)
        .outerjoin(outcomes, outcomes.c.execution_id == column.id)
        .where(outcomes.c.execution_id.is_(None), column.id > after)
        .order_by(column.id)
        .limit(STEP)
    )
    last, ends_at = None, time.monotonic() + STEP_TIME
    for execution_id in connection.scalars(missing).all():
        _fill_outcome(connection, execution_id)
        last = execution_id
        if time.monotonic() > ends_at:
            break
    return last


def _fill_outcome(connection: Connection, execution_id: str) -> None:
    column = executions.c
    statement = select(
        column.team_id, column.experiment_id, column.started_at, column.status, column.journal
    )
    row = connection.execute(statement.where(column.id == execution_id)).one()
    key = ExecutionKey(execution_id, row.team_id, row.experiment_id, row.started_at)
    outcome = None if row.status == "running" else _compute(row.journal)
    dry = _is_dry(row.journal) if outcome is None else outcome.dry
    save_outcome(connection, key, outcome, dry=dry)


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


def _encode(value: Sequence[object]) -> str:
    return msgspec.json.encode(value).decode()
