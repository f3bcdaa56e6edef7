"""What the path names, or `NotFound`: a stranger's things and things that are not are the same."""

from sqlalchemy import Connection

from chaoscloud.console.errors import NotFound
from chaoscloud.console.records import executions, experiments
from chaoscloud.console.records.executions import Execution
from chaoscloud.console.records.experiments import Experiment


def experiment(connection: Connection, team_id: str, experiment_id: str) -> Experiment:
    """The team's experiment of this id."""
    found = experiments.find(connection, team_id, experiment_id)
    if found is None:
        raise NotFound("There is no such experiment.")
    return found


def execution(connection: Connection, team_id: str, execution_id: str) -> Execution:
    """The team's execution of this id."""
    found = executions.find(connection, team_id, execution_id)
    if found is None:
        raise NotFound("There is no such execution.")
    return found


def must_have_execution(
    connection: Connection, team_id: str, execution_id: str, experiment_id: str | None
) -> None:
    """Refuse unless the team has this execution; of this experiment, if one is named."""
    if not executions.exists(connection, team_id, execution_id, experiment_id=experiment_id):
        raise NotFound("There is no such execution.")
