"""What the path names, or `NotFound`: a stranger's things and things that are not are the same."""

from sqlalchemy import Connection

from chaoscloud.console.errors import NotFound
from chaoscloud.console.records import executions, experiments, objectives, runs, verifications
from chaoscloud.console.records.executions import Execution
from chaoscloud.console.records.experiments import Experiment
from chaoscloud.console.records.objectives import Objective
from chaoscloud.console.records.runs import Run
from chaoscloud.console.records.verifications import Verification


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


def objective(connection: Connection, team_id: str, objective_id: str) -> Objective:
    """The team's objective of this id."""
    found = objectives.find(connection, team_id, objective_id)
    if found is None:
        raise NotFound("There is no such objective.")
    return found


def verification(connection: Connection, team_id: str, verification_id: str) -> Verification:
    """The team's verification of this id."""
    found = verifications.find(connection, team_id, verification_id)
    if found is None:
        raise NotFound("There is no such verification.")
    return found


def run(connection: Connection, team_id: str, verification_id: str, run_id: str) -> Run:
    """The run of this id of the team's verification."""
    found = runs.find(connection, team_id, verification_id, run_id)
    if found is None:
        raise NotFound("There is no such run of this verification.")
    return found
