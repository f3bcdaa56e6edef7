"""The safeguards of a team as people ask about them, and the stop of one run.

Each function returns the console's answer whatever its status, and raises
`requests.RequestException`, which is an `OSError`, when there is none.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from requests import Response

    from chaoscloud.api._http import ConsoleSession

__all__ = ["remove_execution", "request_safeguards", "simulate", "stop_execution"]


def request_safeguards(session: "ConsoleSession") -> "Response":
    """What is set for the team, the organization's included: 200 `{"items": […]}`."""
    return session.get(f"{session.base_url}/safeguards")


def simulate(session: "ConsoleSession", tags: Sequence[str]) -> "Response":
    """Whether a run of an experiment with these tags would be allowed now: 200, a verdict.

    Tags are all a safeguard looks at, so nothing else of the experiment is sent.
    """
    body = {"experiment": {"tags": list(tags)}}
    return session.post(f"{session.base_url}/safeguards/simulate", json=body)


def stop_execution(
    session: "ConsoleSession", execution_id: str, reason: str, expires_in: float
) -> "Response":
    """Stop one run, and no other: 201. The stop ends with the run, or after so many seconds."""
    body = {"reason": reason, "expires_in": expires_in}
    return session.post(f"{_execution(session, execution_id)}/stop", json=body)


def remove_execution(session: "ConsoleSession", execution_id: str) -> "Response":
    """Remove the record of a run that only tried the brake: 204; 403 for any other run."""
    return session.delete(_execution(session, execution_id))


def _execution(session: "ConsoleSession", execution_id: str) -> str:
    return f"{session.base_url}/executions/{quote(execution_id, safe='')}"
