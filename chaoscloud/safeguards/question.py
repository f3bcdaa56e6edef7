"""Asks the console whether a run may go on: about its execution, or about the run itself.

A run that the console has filed is asked about by its execution. One that it has not filed (its
document was refused, its record is still pending, the plugin itself failed to record it) is asked
about by what safeguards go by: the document's tags and the experiment's id, as they stand in it.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, cast

from chaoslib.exceptions import ExperimentExitedException, InterruptExecution

from chaoscloud.api.answers import body_of, failure_of, hide_addresses
from chaoscloud.api.policies import Allowed, Answer, NoAnswer, read_answer
from chaoscloud.api.safeguard import execution_policies_url, run_policies_url
from chaoscloud.extension import find_extension
from chaoscloud.types import Experiment, Extension

__all__ = ["PolicyReply", "RunQuestion", "ask_console", "read_tags"]

UNKNOWN_ADDRESS = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)

TOO_LONG = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_URI_TOO_LONG,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
)
"""How servers answer a question with more, or longer, tags than they take."""

LONGEST_ADDRESS = 60_000
"""Characters: some servers close the connection without a word when a request begins with more."""

TOO_MANY_TAGS = "the document's tags are too many or too long to ask about"

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

    @property
    def has_tags(self) -> bool:
        """Whether the question about the run names tags."""
        return bool(self._tags)

    def address_without_tags(self, base_url: str) -> str:
        """Where to ask about the run, when its tags are more than a server takes."""
        return run_policies_url(base_url, (), self._experiment_id)


def read_tags(value: object) -> tuple[str, ...]:
    """The tags of a document, each once. They should be a list of texts.

    Whatever else stands there is taken for the texts in it: what nobody can file must not be a way
    past a safeguard.
    """
    return tuple(dict.fromkeys(_texts_in(value)))


def ask_console(
    session: Any,
    question: RunQuestion,
    known: PolicyReply | None = None,
    wait: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> PolicyReply:
    """The console's answer. Never raises, but for what the host raises to stop a run.

    With `wait`, and an etag in the reply that is `known`, the console may hold the question for so
    many seconds, until its decision changes. Whatever goes wrong on the way, in the network or in
    here, is no answer, and described as such. The session's `call_limit` is the limit of the
    question, however many addresses it goes to.
    """
    limit, began = session.call_limit, clock()
    try:
        return _ask(session, question, known, wait, lambda: max(began + limit - clock(), 0.0))
    except OSError as x:  # a console session raises those of `requests` only
        reason = failure_of(cast(Any, x))
        return PolicyReply(NoAnswer(hide_addresses(reason, session.base_url)))
    except (InterruptExecution, ExperimentExitedException):
        raise
    except Exception as x:
        logger.debug("Asking the safeguards failed", exc_info=True)
        return PolicyReply(NoAnswer(f"a mistake of the plugin ({type(x).__name__}: {x})"))
    finally:
        session.call_limit = limit


def _ask(
    session: Any,
    question: RunQuestion,
    known: PolicyReply | None,
    wait: int | None,
    time_left: Callable[[], float],
) -> PolicyReply:
    for address in question.addresses(session.base_url):
        session.call_limit = time_left()
        status, reply = _ask_at(session, address, known, wait)
        if status not in UNKNOWN_ADDRESS:
            break
    if status not in TOO_LONG or not question.has_tags:
        return reply
    # What denies every run denies this one too. What allows it may be a safeguard of tags.
    session.call_limit = time_left()
    _, reply = _ask_at(session, question.address_without_tags(session.base_url), known, wait)
    is_allowed = isinstance(reply.answer, Allowed)
    return PolicyReply(NoAnswer(TOO_MANY_TAGS)) if is_allowed else reply


def _ask_at(
    session: Any, address: str, known: PolicyReply | None, wait: int | None
) -> tuple[int, PolicyReply]:
    """Status and reply of one address. Decisions of another one have other names."""
    if len(address) > LONGEST_ADDRESS:
        return HTTPStatus.REQUEST_URI_TOO_LONG, PolicyReply(NoAnswer(TOO_MANY_TAGS))
    same = known if known is not None and known.address == address else None
    response = session.get(address, headers=_headers(same, wait))
    status: int = response.status_code
    if status == HTTPStatus.NOT_MODIFIED and same is not None:
        return status, replace(same, is_held=_is_held(response))
    answer = read_answer(status, body_of(response))
    etag = None if isinstance(answer, NoAnswer) else response.headers.get("ETag")
    return status, PolicyReply(answer, etag, _is_held(response), address)


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
    """The id that the document names; one that is a number is still an id, and nothing else is."""
    block = find_extension((experiment or {}).get("extensions"))
    identifier = (block or {}).get("experiment_id")
    return str(identifier) if identifier and isinstance(identifier, str | int) else None


def _texts_in(value: object) -> Iterator[str]:
    """All texts, in order. A value may be nested as deeply as it likes, and hold itself."""
    visited: set[int] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        parts = _parts_of(item)
        if parts is None:
            yield from [] if item is None or item == "" else [str(item)]
        elif id(item) not in visited:
            visited.add(id(item))
            pending += reversed(parts)


def _parts_of(value: object) -> list[object] | None:
    """What a container holds; None for what is none."""
    if isinstance(value, Mapping):
        return [part for pair in value.items() for part in pair]
    return list(value) if isinstance(value, list | tuple | set | frozenset) else None
