"""Experiments: created, or found again, before each run."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from chaoscloud import api
from chaoscloud.api import urls
from chaoscloud.api.answers import id_of
from chaoscloud.api.calls import Cleaner, say, send
from chaoscloud.extension import set_extension_value
from chaoscloud.types import Experiment

if TYPE_CHECKING:
    from requests import Response

    from chaoscloud.api._http import ConsoleSession

__all__ = ["get_experiment_id", "publish_experiment", "set_experiment_id"]

FAILED = "The experiment could not be published"


def publish_experiment(
    session: "ConsoleSession",
    experiment: Experiment,
    idempotency_key: str | None = None,
    redactor: Cleaner | None = None,
) -> "Response | None":
    """Send an experiment and note the id the console gives it in its block.

    204 means that the console has it as it is: the id it came with stays. Any other answer leaves
    the experiment alone and is logged. Returns the answer, None when there was none.
    """
    response = send(
        session,
        "POST",
        urls.experiment(session.base_url),
        FAILED,
        {"experiment": experiment},
        redactor=redactor,
        creation_key=idempotency_key,
    )
    if response is None or response.status_code not in (HTTPStatus.OK, HTTPStatus.CREATED):
        return response
    experiment_id = id_of(response)
    if experiment_id is None:
        say(session, f"{FAILED}: the console's answer names no id.")
    else:
        set_experiment_id(experiment_id, experiment)
    return response


def get_experiment_id(experiment: Experiment) -> str | None:
    """The id the console knows an experiment by, from its block."""
    return api.get_experiment_id(experiment.get("extensions"))


def set_experiment_id(experiment_id: str, experiment: Experiment) -> None:
    """Note in an experiment's block the id the console knows it by."""
    set_extension_value(experiment, "experiment_id", experiment_id)
