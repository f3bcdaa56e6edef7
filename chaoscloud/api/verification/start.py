"""How a run begins in the console: its experiment, its execution, then the run itself.

Only the console can say that a run must not start; that nobody answers is no such word.
"""

from dataclasses import dataclass
from http import HTTPStatus

from chaoscloud import api
from chaoscloud.api._http import ConsoleSession
from chaoscloud.api.answers import address_of, id_of, refusal_of
from chaoscloud.api.execution import initialize_execution
from chaoscloud.api.experiment import get_experiment_id, publish_experiment
from chaoscloud.api.verification.wire import CLEAN, Answer, arrived, start_run
from chaoscloud.types import Experiment, Journal

__all__ = [
    "REFUSING",
    "START_WITHIN",
    "Begun",
    "Kept",
    "Refused",
    "Start",
    "Unrecorded",
    "begin",
    "why_not",
]

START_WITHIN = 5.0
"""Seconds a run waits for the console before it starts."""

REFUSING = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


@dataclass(frozen=True)
class Begun:
    """The console took the start down, under these ids; `address` is the page people open."""

    run_id: str
    experiment_id: str
    execution_id: str
    address: str | None


@dataclass(frozen=True)
class Refused:
    """The console does not let the run start."""

    reason: str


@dataclass(frozen=True)
class Unrecorded:
    """Nobody said no, but nobody took it down either."""

    reason: str


@dataclass(frozen=True)
class Kept:
    """Nobody has taken it down so far: it is kept on this machine, unless there is `trouble`."""

    reason: str
    trouble: str = ""


Start = Begun | Refused | Unrecorded


def begin(
    session: ConsoleSession, verification_id: str, experiment: Experiment, journal: Journal
) -> Start:
    """Tell the console that a run starts. The documents are copies, made to be sent."""
    session.quiet = True  # what goes wrong is in the outcome, for the caller to say
    try:
        return _begin(session, verification_id, experiment, journal)
    finally:
        session.quiet = False


def _begin(
    session: ConsoleSession, verification_id: str, experiment: Experiment, journal: Journal
) -> Start:
    answer = publish_experiment(session, experiment, redactor=CLEAN)
    experiment_id = get_experiment_id(experiment)
    if not arrived(answer) or not experiment_id:
        return why_not(answer)
    journal["experiment"] = experiment
    answer = initialize_execution(session, experiment, journal, redactor=CLEAN)
    address = address_of(answer) if answer is not None else None
    execution_id = api.get_execution_id(experiment.get("extensions"))
    if not arrived(answer) or not execution_id:
        return why_not(answer)
    answer = start_run(session, verification_id, journal, experiment_id, execution_id)
    run_id = id_of(answer) if answer is not None and arrived(answer) else None
    return Begun(run_id, experiment_id, execution_id, address) if run_id else why_not(answer)


def why_not(answer: Answer) -> Refused | Unrecorded:
    """What an answer without the wanted content means: only some statuses are a refusal."""
    if answer is None:
        return Unrecorded("the console does not answer")
    if arrived(answer):
        return Unrecorded("the console's answer names no id")
    reason = refusal_of(answer)
    if answer.status_code == HTTPStatus.NOT_FOUND:
        hint = "if it belongs to another team, choose that one with `chaos team`"
        reason = f"{reason.removesuffix('.')}; {hint}"
    return Refused(reason) if answer.status_code in REFUSING else Unrecorded(reason)
