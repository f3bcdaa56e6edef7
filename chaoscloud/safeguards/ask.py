"""Asks the console whether a run may go on."""

import logging
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, cast

from chaoslib.exceptions import ExperimentExitedException, InterruptExecution

from chaoscloud.api.answers import body_of, failure_of
from chaoscloud.api.policies import Answer, NoAnswer, read_answer
from chaoscloud.api.safeguard import policies_address
from chaoscloud.types import Extensions

__all__ = ["Reply", "ask"]

logger = logging.getLogger("chaostoolkit")


@dataclass(frozen=True)
class Reply:
    """An answer, and what it says about asking again.

    `tag` names the verdict (`ETag`): a question that carries it may be held until there is another.
    `held` is whether this server does that (`Preference-Applied: wait`, RFC 7240).
    """

    answer: Answer
    tag: str | None = None
    held: bool = False


def ask(
    session: Any, extensions: Extensions, before: Reply | None = None, wait: int | None = None
) -> Reply:
    """The console's answer for the execution that `extensions` name. Never raises.

    With `wait` and a tag in the reply `before`, the console may keep the question for so many
    seconds, until its verdict changes. Whatever goes wrong on the way, in the network or in here,
    is no answer, and said as such.
    """
    try:
        address = policies_address(session.base_url, extensions)
        if address is None:
            return Reply(NoAnswer("the console does not know this run yet"))
        response = session.get(address, headers=_headers(before, wait))
        held = _is_held(response)
        if response.status_code == HTTPStatus.NOT_MODIFIED and before is not None:
            return replace(before, held=held)
        answer = read_answer(response.status_code, body_of(response))
        tag = None if isinstance(answer, NoAnswer) else response.headers.get("ETag")
        return Reply(answer, tag, held)
    except OSError as x:  # a console session raises those of `requests` only
        return Reply(NoAnswer(failure_of(cast(Any, x))))
    except (InterruptExecution, ExperimentExitedException):
        raise
    except Exception as x:
        logger.debug("Asking the safeguards failed", exc_info=True)
        return Reply(NoAnswer(f"a mistake of the plugin ({type(x).__name__}: {x})"))


def _headers(before: Reply | None, wait: int | None) -> dict[str, str]:
    headers = {}
    if before is not None and before.tag:
        headers["If-None-Match"] = before.tag
    if wait:
        headers["Prefer"] = f"wait={wait}"
    return headers


def _is_held(response: Any) -> bool:
    applied = str(response.headers.get("Preference-Applied", ""))
    return any(each.partition("=")[0].strip().lower() == "wait" for each in applied.split(","))
