"""What the path names, or `NotFound`: a stranger's things and things that are not are the same."""

from typing import TypeVar

from sqlalchemy import Connection

from chaoscloud.console.errors import NotFound
from chaoscloud.console.records import executions, experiments, objectives, runs, verifications
from chaoscloud.console.records.executions import Execution
from chaoscloud.console.records.experiments import Experiment
from chaoscloud.console.records.objectives import Objective
from chaoscloud.console.records.runs import VerificationRun
from chaoscloud.console.records.verifications import Verification

T = TypeVar("T")


def find_experiment(connection: Connection, team_id: str, experiment_id: str) -> Experiment:
    """The team's experiment of this id."""
    return _require(experiments.find(connection, team_id, experiment_id), "experiment")


def find_execution(connection: Connection, team_id: str, execution_id: str) -> Execution:
    """The team's execution of this id."""
    return _require(executions.find(connection, team_id, execution_id), "execution")


def require_execution(
    connection: Connection, team_id: str, execution_id: str, experiment_id: str | None
) -> None:
    """Refuse unless the team has this execution; of this experiment, if one is named."""
    if not executions.exists(connection, team_id, execution_id, experiment_id=experiment_id):
        raise NotFound("There is no such execution.")


def find_objective(connection: Connection, team_id: str, objective_id: str) -> Objective:
    """The team's objective of this id."""
    return _require(objectives.find(connection, team_id, objective_id), "objective")


def find_verification(connection: Connection, team_id: str, verification_id: str) -> Verification:
    """The team's verification of this id."""
    return _require(verifications.find(connection, team_id, verification_id), "verification")


def find_verification_run(
    connection: Connection, team_id: str, verification_id: str, run_id: str
) -> VerificationRun:
    """The run of this id of the team's verification."""
    return _require(
        runs.find(connection, team_id, verification_id, run_id), "run of this verification"
    )


def _require(record: T | None, what: str) -> T:
    if record is None:
        raise NotFound(f"There is no such {what}.")
    return record
