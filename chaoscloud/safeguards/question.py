"""Asks the console whether a run may go on: about its execution, or about the run itself.

A run that the console has filed is asked about by its execution. One that it has not filed (its
document was refused, its record is still pending, the plugin itself failed to record it) is asked
about by what safeguards go by: the document's tags and the experiment's id, as they stand in it.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, cast

from chaoslib.exceptions import ExperimentExitedException, InterruptExecution

from chaoscloud.api import get_experiment_id
from chaoscloud.api.answers import body_of, failure_of, hide_addresses
from chaoscloud.api.policies import Answer, NoAnswer, read_answer
from chaoscloud.api.safeguard import execution_policies_url, run_policies_url
from chaoscloud.types import Experiment, Extension

__all__ = ["PolicyReply", "RunQuestion", "ask_console", "read_tags"]

UNKNOWN_ADDRESS = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)

logger = logging.getLogger("chaostoolkit")


@dataclass(frozen=True)
class PolicyReply:
    """An answer, and what it says about asking again.

    `etag` names the decision, at the `address` it came from: a question that carries it may be held
    until there is another one. `is_held` is whether this server does that
    (`Preference-Applied: wait`, RFC 7240).
    """

    answer: Answer
    etag: str | None = None
    is_held: bool = False
    address: str = ""


class RunQuestion:
    """What names one run to the console.

    `block` gets the ids of the execution as soon as they are known; `experiment` is the document as
    the user wrote it, before anything is taken out of it.
    """

    def __init__(self, block: Extension, experiment: Experiment | None = None) -> None:
        self._block = block
        self._tags = read_tags((experiment or {}).get("tags"))
        self._experiment_id = _experiment_id_in(experiment)

    def addresses(self, base_url: str) -> list[str]:
        """Where to ask, in order: the next one is for a console that does not know the first."""
        execution = execution_policies_url(base_url, [self._block])
        run = run_policies_url(base_url, self._tags, self._experiment_id)
        return [run] if execution is None else [execution, run]


def read_tags(value: object) -> tuple[str, ...]:
    """The tags of a document, each once. They should be a list of texts.

    Whatever else stands there is taken for the texts in it: what nobody can file must not be a way
    past a safeguard.
    """
    return tuple(dict.fromkeys(_texts_in(value)))


def ask_console(
    session: Any, question: RunQuestion, known: PolicyReply | None = None, wait: int | None = None
) -> PolicyReply:
    """The console's answer. Never raises, but for what the host raises to stop a run.

    With `wait`, and an etag in the reply that is `known`, the console may hold the question for so
    many seconds, until its decision changes. Whatever goes wrong on the way, in the network or in
    here, is no answer, and described as such.
    """
    try:
        return _ask(session, question.addresses(session.base_url), known, wait)
    except OSError as x:  # a console session raises those of `requests` only
        reason = failure_of(cast(Any, x))
        return PolicyReply(NoAnswer(hide_addresses(reason, session.base_url)))
    except (InterruptExecution, ExperimentExitedException):
        raise
    except Exception as x:
        logger.debug("Asking the safeguards failed", exc_info=True)
        return PolicyReply(NoAnswer(f"a mistake of the plugin ({type(x).__name__}: {x})"))


def _ask(
    session: Any, addresses: list[str], known: PolicyReply | None, wait: int | None
) -> PolicyReply:
    address, *others = addresses
    same = known if known is not None and known.address == address else None
    response = session.get(address, headers=_headers(same, wait))
    status: int = response.status_code
    if status in UNKNOWN_ADDRESS and others:
        return _ask(session, others, known, wait)
    if status == HTTPStatus.NOT_MODIFIED and same is not None:
        return replace(same, is_held=_is_held(response))
    answer = read_answer(status, body_of(response))
    etag = None if isinstance(answer, NoAnswer) else response.headers.get("ETag")
    return PolicyReply(answer, etag, _is_held(response), address)


def _headers(known: PolicyReply | None, wait: int | None) -> dict[str, str]:
    headers = {}
    if known is not None and known.etag:
        headers["If-None-Match"] = known.etag
    if wait:
        headers["Prefer"] = f"wait={wait}"
    return headers


def _is_held(response: Any) -> bool:
    applied = str(response.headers.get("Preference-Applied", ""))
    names = (preference.partition("=")[0] for preference in applied.split(","))
    return any(name.strip().lower() == "wait" for name in names)


def _experiment_id_in(experiment: Experiment | None) -> str | None:
    """The id that the document names; one that is a number is still an id."""
    return get_experiment_id((experiment or {}).get("extensions"))


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts_in(key)
            yield from _texts_in(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _texts_in(item)
    elif value is not None and value != "":
        yield str(value)
