"""Tests of the brake: a run that is only there to be stopped, and leaves nothing behind."""

import msgspec
from sqlalchemy import Connection, delete, select

from chaoscloud.console.db import changes
from chaoscloud.console.db.schema import (
    events,
    executions,
    experiment_versions,
    experiments,
    idempotency_keys,
    safeguards,
    team_experiments,
    verifications,
)
from chaoscloud.console.records.executions import Execution
from chaoscloud.console.rules.documents import Head


def remove(connection: Connection, execution: Execution, tag: str) -> None:
    """Remove an execution and its stops; its experiment too, when that is a test all over."""
    connection.execute(delete(events).where(events.c.execution_id == execution.id))
    connection.execute(delete(safeguards).where(safeguards.c.execution_id == execution.id))
    connection.execute(delete(executions).where(executions.c.id == execution.id))
    _forget_key(connection, execution.id)
    if _is_a_test(connection, execution.experiment_id, tag):
        _remove_experiment(connection, execution.experiment_id)
    changes.mark_executions(connection, execution.team_id)
    changes.mark(connection, changes.ACCESS)  # who asks about it again is told that it is gone


def _is_a_test(connection: Connection, experiment_id: str, tag: str) -> bool:
    """Whether nothing else knows the experiment, and each of its versions has the tag."""
    for table in (executions, verifications):
        known = select(table.c.id).where(table.c.experiment_id == experiment_id)
        if connection.execute(known).first():
            return False
    column = experiment_versions.c
    documents = connection.scalars(
        select(column.document).where(column.experiment_id == experiment_id)
    )
    return all(tag in (msgspec.json.decode(each, type=Head).tags or ()) for each in documents)


def _remove_experiment(connection: Connection, experiment_id: str) -> None:
    for table in (team_experiments, experiment_versions):
        connection.execute(delete(table).where(table.c.experiment_id == experiment_id))
    connection.execute(delete(experiments).where(experiments.c.id == experiment_id))
    _forget_key(connection, experiment_id)


def _forget_key(connection: Connection, resource_id: str) -> None:
    connection.execute(
        delete(idempotency_keys).where(idempotency_keys.c.resource_id == resource_id)
    )
