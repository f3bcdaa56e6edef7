"""Asks the console whether a run may go on."""

import logging
from collections.abc import Callable
from typing import Any, cast

from chaoslib.exceptions import ExperimentExitedException, InterruptExecution

from chaoscloud.api import urls
from chaoscloud.api.answers import body_of, failure_of
from chaoscloud.extension import find_extension
from chaoscloud.safeguards.check import Answer, NoAnswer, read_answer
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
    block = find_extension(extensions) or {}
    execution = urls.execution(
        urls.experiment(session.base_url, block["experiment_id"]), block["execution_id"]
    )
    try:
        return session.get(urls.safeguard(execution))
    except OSError as x:  # a console session raises those of `requests` only
        failures.append(failure_of(cast(Any, x)))
        return None
