"""Executions of experiments: created when a run starts, updated when it ends, events in between."""

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chaoscloud.api import get_execution_id, get_experiment_id, set_execution_id, urls
from chaoscloud.api.answers import address_of, id_of
from chaoscloud.api.calls import Cleaner, call, cleaner_for, say, send
from chaoscloud.api.events import CONTENT_TYPE, cloud_event, event_data, get_tz
from chaoscloud.extension import ensure_extension
from chaoscloud.redaction import to_json
from chaoscloud.types import (
    Configuration,
    Experiment,
    Extensions,
    Journal,
    Secrets,
    Settings,
)

if TYPE_CHECKING:
    from requests import Response

    from chaoscloud.api._http import ConsoleSession

__all__ = [
    "address_of",
    "fetch_execution",
    "get_tz",
    "initialize_execution",
    "publish_event",
    "publish_execution",
    "save_ids_to_journal",
]

NOT_CREATED = "The execution could not be created"


def initialize_execution(
    session: "ConsoleSession",
    experiment: Experiment,
    journal: Journal,
    idempotency_key: str | None = None,
    redactor: Cleaner | None = None,
) -> "Response | None":
    """Create an execution of an experiment the console knows, and name it in its block.

    A refusal is logged with what to do, and leaves the experiment alone. Returns the answer (its
    page is `address_of` it), None when there was none or the console does not know the experiment.
    """
    experiment_id = get_experiment_id(experiment.get("extensions"))
    if experiment_id is None:
        return None
    response = send(
        session,
        "POST",
        urls.execution(urls.experiment(session.base_url, experiment_id)),
        NOT_CREATED,
        {"journal": journal},
        redactor=redactor,
        creation_key=idempotency_key,
    )
    if response is not None and response.status_code in (HTTPStatus.OK, HTTPStatus.CREATED):
        _note_creation(session, response, experiment)
    return response


def publish_execution(
    session: "ConsoleSession", journal: Journal, redactor: Cleaner | None = None
) -> "Response | None":
    """Update the execution a journal names with that journal.

    Returns the answer, None when there was none or the journal names no execution.
    """
    url = _address(session, journal)
    if url is None:
        return None
    what = "The execution could not be updated with its journal"
    return send(session, "PUT", url, what, {"journal": journal}, redactor=redactor)


def fetch_execution(session: "ConsoleSession", journal: Journal) -> "Response | None":
    """Ask for the execution a journal names; an unknown one answers 404, which is no failure.

    Returns the answer, None when there was none or the journal names no execution.
    """
    url = _address(session, journal)
    if url is None:
        return None
    what = "The execution could not be looked up"
    return call(session, "GET", url, what, expected=(HTTPStatus.NOT_FOUND,))


def publish_event(
    session: "ConsoleSession",
    event_type: str,
    payload: Any,
    configuration: Configuration | None,
    secrets: Secrets | None,
    extensions: Extensions | None,
    settings: Settings | None,
    state: Any = None,
    event_id: str | None = None,
    redactor: Cleaner | None = None,
) -> "Response | None":
    """Tell what happened to `payload` (experiment, hypothesis or activity) and what came of it.

    The values of `secrets` are taken out, wherever they stand, unless a `redactor` does that. There
    are many events in a run, so failures are logged at debug level. Returns the answer, None when
    there was none or `extensions` name no execution.
    """
    experiment_id, execution_id = get_experiment_id(extensions), get_execution_id(extensions)
    if experiment_id is None or execution_id is None:
        return None
    experiment_url = urls.experiment(session.base_url, experiment_id)
    cleaner = cleaner_for(session, redactor, secrets)
    return call(
        session,
        "POST",
        urls.event(urls.execution(experiment_url, execution_id)),
        f"The event {event_type} could not be published",
        body=to_json(cloud_event(event_type, event_id, data=event_data(payload, state, cleaner))),
        headers={"Content-Type": CONTENT_TYPE},
        level=logging.DEBUG,
    )


def save_ids_to_journal(extensions: Extensions | None, journal: Journal) -> None:
    """Name in the journal's own block the experiment and the execution that `extensions` name."""
    ensure_extension(journal).update(
        experiment_id=get_experiment_id(extensions), execution_id=get_execution_id(extensions)
    )


def _note_creation(session: "ConsoleSession", response: "Response", experiment: Experiment) -> None:
    """Name the new execution in the experiment's block; an answer without id or address is odd."""
    execution_id = id_of(response)
    if execution_id is None:
        say(session, f"{NOT_CREATED}: the console's answer names no id.")
        return
    set_execution_id(execution_id, experiment)
    if address_of(response) is None:
        say(session, "The console does not say where the execution can be seen.")


def _address(session: "ConsoleSession", journal: Journal) -> str | None:
    """Where the execution is that a journal names, in its own block or else its experiment's."""
    experiment = journal.get("experiment")
    known = [journal, experiment] if isinstance(experiment, dict) else [journal]
    for extensions in (document.get("extensions") for document in known):
        experiment_id, execution_id = get_experiment_id(extensions), get_execution_id(extensions)
        if experiment_id and execution_id:
            return urls.execution(urls.experiment(session.base_url, experiment_id), execution_id)
    return None
