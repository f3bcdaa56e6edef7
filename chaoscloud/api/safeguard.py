"""Safeguards: may this run go on? On the wire they are called policies."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chaoslib.exceptions import InterruptExecution

from chaoscloud.api import get_execution_id, get_experiment_id, urls
from chaoscloud.api.answers import body_of, plain
from chaoscloud.api.calls import call, say
from chaoscloud.extension import ensure_extension, find_extension
from chaoscloud.types import Extensions, Journal

if TYPE_CHECKING:
    from requests import Response

    from chaoscloud.api._http import ConsoleSession

__all__ = ["is_allowed_to_continue", "set_applied_safeguards_for_execution"]

NOT_ASKED = "Safeguards could not be asked, the experiment carries on without them"


def is_allowed_to_continue(session: "ConsoleSession", extensions: Extensions | None) -> None:
    """Return when the execution that `extensions` name may go on, or when nobody can say.

    Raises the host's `InterruptExecution`, which names the policies, when the console says no; they
    are noted in the block among `extensions` as well. No answer, and any that is not an explicit
    no, lets the run go on: that is said once a session.
    """
    response = _ask(session, extensions)
    if response is None or response.status_code >= HTTPStatus.BAD_REQUEST:
        return
    body = body_of(response)
    allowed = body.get("allowed") if isinstance(body, Mapping) else None
    if allowed is False:
        policies = _policies(body.get("policies"))
        (find_extension(extensions) or {})["safeguards"] = policies
        raise InterruptExecution(_refusal(policies))
    if allowed is not True:
        say(session, f"{NOT_ASKED}: the console's answer cannot be understood.")


def set_applied_safeguards_for_execution(extensions: Extensions | None, journal: Journal) -> None:
    """Note in the journal's own block the policies that stopped the run; null when none did."""
    applied = (find_extension(extensions) or {}).get("safeguards")
    ensure_extension(journal)["safeguards"] = applied


def _ask(session: "ConsoleSession", extensions: Extensions | None) -> "Response | None":
    experiment_id, execution_id = get_experiment_id(extensions), get_execution_id(extensions)
    if experiment_id is None or execution_id is None:
        return None
    execution = urls.execution(urls.experiment(session.base_url, experiment_id), execution_id)
    return call(session, "GET", urls.safeguard(execution), NOT_ASKED)


def _policies(found: Any) -> list[dict[str, Any]]:
    """The policies as they came; a no stays a no whatever stands in their place."""
    return (
        [policy for policy in found if isinstance(policy, dict)] if isinstance(found, list) else []
    )


def _refusal(policies: list[dict[str, Any]]) -> str:
    names = [plain(policy.get("name") or "(unnamed)") for policy in policies]
    return "\n".join(
        [
            "The following safe guards disallow this execution from continuing:",
            *(names or ["(the console named none)"]),
        ]
    )
