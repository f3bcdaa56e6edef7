"""Safeguards: may this run go on? On the wire they are called policies."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from chaoslib.exceptions import InterruptExecution

from chaoscloud.api import get_execution_id, get_experiment_id, urls
from chaoscloud.api.answers import body_of, was_stored
from chaoscloud.api.calls import call, say
from chaoscloud.api.policies import Denied, NoAnswer, describe_denial, read_answer
from chaoscloud.extension import ensure_extension, find_extension
from chaoscloud.types import Extensions, Journal

if TYPE_CHECKING:
    from requests import Response

    from chaoscloud.api._http import ConsoleSession

__all__ = [
    "execution_policies_url",
    "is_allowed_to_continue",
    "run_policies_url",
    "set_applied_safeguards_for_execution",
]


def execution_policies_url(base_url: str, extensions: Extensions | None) -> str | None:
    """Where to ask about the execution that `extensions` name; None when they name none."""
    experiment_id, execution_id = get_experiment_id(extensions), get_execution_id(extensions)
    if experiment_id is None or execution_id is None:
        return None
    return urls.safeguard(urls.execution(urls.experiment(base_url, experiment_id), execution_id))


def run_policies_url(base_url: str, tags: Iterable[str], experiment_id: str | None = None) -> str:
    """Where to ask about a run that the console has not filed: `T/policies?tag=…&experiment=…`."""
    query = [("tag", tag) for tag in tags]
    if experiment_id is not None:
        query.append(("experiment", experiment_id))
    # A lone surrogate has no UTF-8: it goes out as a question mark, and the question is asked.
    encoded = urlencode(query, errors="replace")
    return urls.safeguard(base_url) + (f"?{encoded}" if encoded else "")


# ------------------------------------------------------------------------------------------------
# Names of version 0.16, for people's own code: the plugin itself asks through `safeguards/`
# ------------------------------------------------------------------------------------------------

NOT_ASKED = "Safeguards could not be asked, the experiment carries on without them"


def is_allowed_to_continue(session: "ConsoleSession", extensions: Extensions | None) -> None:
    """Return when the execution that `extensions` name may go on, or when nobody can say.

    Raises the host's `InterruptExecution`, which names the policies, when the console denies the
    run; they are noted in the block among `extensions` as well. No answer, and any that is not an
    explicit denial, lets the run go on: that is logged once a session. Without ids the session is
    not touched.
    """
    response = _request_policies(session, extensions)
    if response is None or not was_stored(response):
        return
    match read_answer(response.status_code, body_of(response)):
        case Denied(policies):
            block = find_extension(extensions) or {}
            block["safeguards"] = [dict(policy) for policy in policies]
            raise InterruptExecution(describe_denial(policies))
        case NoAnswer(reason):
            say(session, f"{NOT_ASKED}: {reason}.")


def set_applied_safeguards_for_execution(extensions: Extensions | None, journal: Journal) -> None:
    """Note in the journal's own block the policies that stopped the run; null when none did."""
    applied = (find_extension(extensions) or {}).get("safeguards")
    ensure_extension(journal)["safeguards"] = applied


def _request_policies(
    session: "ConsoleSession", extensions: Extensions | None
) -> "Response | None":
    if get_experiment_id(extensions) is None or get_execution_id(extensions) is None:
        return None
    address = execution_policies_url(session.base_url, extensions)
    return None if address is None else call(session, "GET", address, NOT_ASKED)
