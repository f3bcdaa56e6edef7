"""What lists and the overview say of each experiment of a team: its last runs, and what they show.

A summary is computed from the outcomes of the experiment's runs, and written whenever a run begins
or ends: pages read one short row an experiment, however many runs there are.
"""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, delete, insert, select

from chaoscloud.console.db.schema import experiment_summaries, outcomes, team_experiments
from chaoscloud.console.rules.experiment_states import RecentRun

MOST_RECENT = 12  # runs in a summary
STEP = 50  # summaries written in one step


def refresh(connection: Connection, team_id: str, experiment_id: str) -> None:
    """Write the summary of a team's experiment anew."""
    # Locked, so that of two runs that end at once the second one sees the first.
    link = team_experiments.c
    own = and_(link.team_id == team_id, link.experiment_id == experiment_id)
    connection.execute(select(link.team_id).where(own).with_for_update())
    by = experiment_summaries.c
    key = and_(by.team_id == team_id, by.experiment_id == experiment_id)
    connection.execute(delete(experiment_summaries).where(key))
    values = _compute(connection, team_id, experiment_id)
    connection.execute(
        insert(experiment_summaries).values(team_id=team_id, experiment_id=experiment_id, **values)
    )


_decoder = msgspec.json.Decoder(tuple[RecentRun, ...])


def decode_recent(text: str) -> tuple[RecentRun, ...]:
    """The last runs in a column `recent`."""
    return _decoder.decode(text)


def fill_summaries(connection: Connection, after: str = "") -> str | None:
    """Write summaries that an earlier version did not, of experiments whose id comes after this.

    Return the last id of this step, to go on from; None when nothing is left.
    """
    link, by = team_experiments.c, experiment_summaries.c
    own = and_(by.team_id == link.team_id, by.experiment_id == link.experiment_id)
    missing = (
        select(link.team_id, link.experiment_id)
        .outerjoin(experiment_summaries, own)
        .where(by.team_id.is_(None), link.experiment_id > after)
        .order_by(link.experiment_id)
        .limit(STEP)
    )
    last = None
    for row in connection.execute(missing).all():
        refresh(connection, row.team_id, row.experiment_id)
        last = row.experiment_id
    return last


def _compute(connection: Connection, team_id: str, experiment_id: str) -> dict[str, Any]:
    recent = [RecentRun(*row) for row in connection.execute(_select_recent(team_id, experiment_id))]
    values: dict[str, Any] = {"recent": msgspec.json.encode(recent).decode()}
    if recent:
        values |= {"last_execution_id": recent[0].id, "last_started_at": recent[0].started_at}
    last = connection.execute(_select_counting(team_id, experiment_id)).first()
    if last is None:
        return values
    return values | {
        "holds": last.outcome == "passed",
        "holds_since": _find_since(connection, team_id, experiment_id, last.outcome),
        "counted_at": last.started_at,
        "counted_execution_id": last.execution_id,
    }


def _find_since(
    connection: Connection, team_id: str, experiment_id: str, outcome: str
) -> datetime | None:
    """The start of the first run, of those in a row up to now, that showed this."""
    by = outcomes.c
    other = connection.scalar(
        _select_counting(team_id, experiment_id, by.outcome != outcome).with_only_columns(
            by.started_at
        )
    )
    later = () if other is None else (by.started_at > other,)
    first = _select_counting(team_id, experiment_id, *later).with_only_columns(by.started_at)
    return connection.scalar(first.order_by(None).order_by(by.started_at, by.execution_id))


def _select_recent(team_id: str, experiment_id: str) -> Select[Any]:
    by = outcomes.c
    return (
        select(
            by.execution_id,
            by.started_at,
            by.duration,
            by.outcome,
            by.conclusive,
            by.dry,
            by.person_id,
        )
        .where(by.team_id == team_id, by.experiment_id == experiment_id)
        .order_by(by.started_at.desc(), by.execution_id.desc())
        .limit(MOST_RECENT)
    )


def _select_counting(
    team_id: str, experiment_id: str, *conditions: ColumnElement[bool]
) -> Select[Any]:
    """The last run that counts; dry, inconclusive and stopped ones do not."""
    by = outcomes.c
    return (
        select(by.execution_id, by.started_at, by.outcome)
        .where(by.team_id == team_id, by.experiment_id == experiment_id, *conditions)
        .where(by.outcome.in_(("passed", "deviated")), by.conclusive, by.dry.is_(False))
        .order_by(by.started_at.desc(), by.execution_id.desc())
        .limit(1)
    )
