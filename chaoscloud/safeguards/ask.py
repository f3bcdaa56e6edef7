"""Asks the console whether a run may go on."""

import logging
from collections.abc import Callable
from typing import Any, cast

from chaoslib.exceptions import ExperimentExitedException, InterruptExecution

from chaoscloud.api.answers import body_of, failure_of
from chaoscloud.api.policies import Answer, NoAnswer, read_answer
from chaoscloud.api.safeguard import policies_address
from chaoscloud.types import Extensions

logger = logging.getLogger("chaostoolkit")

Call = Callable[[Callable[[], Any]], Any]
"""Calls what it is given, or refrains from it and returns None (`chaoscloud.delivery.line`)."""


def ask(session: Any, extensions: Extensions, call: Call) -> Answer:
    """The console's answer for the execution that `extensions` name. Never raises.

    Whatever goes wrong on the way, in the network or in here, is no answer, and said as such.
    """
    try:
        failures: list[str] = []
        response = call(lambda: _get(session, extensions, failures))
        if response is None:
            return NoAnswer("".join(failures) or "the console does not answer")
        return read_answer(response.status_code, body_of(response))
    except (InterruptExecution, ExperimentExitedException):
        raise
    except Exception as x:
        logger.debug("Asking the safeguards failed", exc_info=True)
        return NoAnswer(f"a mistake of the plugin ({type(x).__name__}: {x})")


def _get(session: Any, extensions: Extensions, failures: list[str]) -> Any:
    """The response; None when the network failed, and the reason is added to `failures`."""
    address = policies_address(session.base_url, extensions)
    if address is None:
        failures.append("the console does not know this run")
        return None
    try:
        return session.get(address)
    except OSError as x:  # a console session raises those of `requests` only
        failures.append(failure_of(cast(Any, x)))
        return None
