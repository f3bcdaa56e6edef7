"""Safeguards: may this run go on? On the wire they are called policies."""

from typing import TYPE_CHECKING

from chaoslib.exceptions import InterruptExecution

from chaoscloud.api import get_execution_id, get_experiment_id, urls
from chaoscloud.api.answers import body_of, was_stored
from chaoscloud.api.calls import call, say
from chaoscloud.api.policies import NoAnswer, Refused, read_answer, refusal
from chaoscloud.extension import ensure_extension, find_extension
from chaoscloud.types import Extensions, Journal

if TYPE_CHECKING:
    from requests import Response

    from chaoscloud.api._http import ConsoleSession

__all__ = ["is_allowed_to_continue", "policies_address", "set_applied_safeguards_for_execution"]

NOT_ASKED = "Safeguards could not be asked, the experiment carries on without them"


def is_allowed_to_continue(session: "ConsoleSession", extensions: Extensions | None) -> None:
    """Return when the execution that `extensions` name may go on, or when nobody can say.

    Raises the host's `InterruptExecution`, which names the policies, when the console says no; they
    are noted in the block among `extensions` as well. No answer, and any that is not an explicit
    no, lets the run go on: that is said once a session.
    """
    response = _ask(session, extensions)
    if response is None or not was_stored(response):
        return
    match read_answer(response.status_code, body_of(response)):
        case Refused(policies):
            (find_extension(extensions) or {})["safeguards"] = [dict(each) for each in policies]
            raise InterruptExecution(refusal(policies))
        case NoAnswer(reason):
            say(session, f"{NOT_ASKED}: {reason}.")


def policies_address(base_url: str, extensions: Extensions | None) -> str | None:
    """Where to ask about the execution that `extensions` name; None when they name none."""
    experiment_id, execution_id = get_experiment_id(extensions), get_execution_id(extensions)
    if experiment_id is None or execution_id is None:
        return None
    return urls.safeguard(urls.execution(urls.experiment(base_url, experiment_id), execution_id))


def set_applied_safeguards_for_execution(extensions: Extensions | None, journal: Journal) -> None:
    """Note in the journal's own block the policies that stopped the run; null when none did."""
    applied = (find_extension(extensions) or {}).get("safeguards")
    ensure_extension(journal)["safeguards"] = applied


def _ask(session: "ConsoleSession", extensions: Extensions | None) -> "Response | None":
    address = policies_address(session.base_url, extensions)
    return None if address is None else call(session, "GET", address, NOT_ASKED)
