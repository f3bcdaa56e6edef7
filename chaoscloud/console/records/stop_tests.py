"""Stop tests (`chaos safeguards test`): executions that may be removed with all their traces."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, select

from chaoscloud.console.db import changes
from chaoscloud.console.db.schema import (
    events,
    executions,
    experiment_versions,
    experiments,
    idempotency_keys,
    journal_versions,
    removals,
    safeguards,
    team_experiments,
    verifications,
)
from chaoscloud.console.records import audit
from chaoscloud.console.records.audit import Author
from chaoscloud.console.records.executions import Execution
from chaoscloud.console.rules.documents import Head
from chaoscloud.console.rules.stops import STOP_TEST_TAG


def remove(connection: Connection, author: Author, execution: Execution, now: datetime) -> None:
    """Remove an execution and its stops; its experiment too, when nothing else is of it."""
    connection.execute(delete(events).where(events.c.execution_id == execution.id))
    connection.execute(delete(safeguards).where(safeguards.c.execution_id == execution.id))
    connection.execute(delete(executions).where(executions.c.id == execution.id))
    for table in (journal_versions, removals):
        connection.execute(delete(table).where(table.c.record_id == execution.id))
    _forget_key(connection, execution.id)
    if _is_unused(connection, execution.experiment_id):
        _remove_experiment(connection, execution.experiment_id)
    changes.mark_executions(connection, execution.team_id)
    changes.mark(connection, changes.ACCESS)  # so that later questions about it answer 404
    audit.add_author_entry(
        connection, author, "execution.removed", execution.title, now, ("execution", execution.id)
    )


def _is_unused(connection: Connection, experiment_id: str) -> bool:
    """Whether no record refers to the experiment, and each of its versions is a stop test's."""
    for table in (executions, verifications):
        other = select(table.c.id).where(table.c.experiment_id == experiment_id)
        if connection.execute(other).first():
            return False
    by = experiment_versions.c
    documents = connection.scalars(select(by.document).where(by.experiment_id == experiment_id))
    return all(STOP_TEST_TAG in msgspec.json.decode(raw, type=Head).tags for raw in documents)


def _remove_experiment(connection: Connection, experiment_id: str) -> None:
    for table in (team_experiments, experiment_versions):
        connection.execute(delete(table).where(table.c.experiment_id == experiment_id))
    connection.execute(delete(experiments).where(experiments.c.id == experiment_id))
    _forget_key(connection, experiment_id)


def _forget_key(connection: Connection, resource_id: str) -> None:
    connection.execute(
        delete(idempotency_keys).where(idempotency_keys.c.resource_id == resource_id)
    )
