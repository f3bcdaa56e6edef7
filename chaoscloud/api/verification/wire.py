"""What travels: one function a call, each giving the answer, or None when there was none.

The documents are copies made to be sent: they hold no secrets any more.
"""

from typing import Any

import requests

from chaoscloud.api import urls
from chaoscloud.api._http import ConsoleSession
from chaoscloud.api.answers import was_stored
from chaoscloud.api.calls import send
from chaoscloud.api.verification.samples import Results
from chaoscloud.redaction import Redacted
from chaoscloud.types import Journal

__all__ = ["CLEAN", "Answer", "arrived", "finish_run", "send_run_event", "start_run"]

Answer = requests.Response | None


class AlreadyClean:
    """Sends a copy as it is, instead of copying it once more."""

    def redact(self, document: Any) -> Redacted:
        """The document itself."""
        return Redacted(document, 0)


CLEAN = AlreadyClean()


def start_run(
    session: ConsoleSession,
    verification_id: str,
    journal: Journal,
    experiment_id: str,
    execution_id: str,
) -> Answer:
    """Tell that a run of a verification starts; the answer holds its `id`."""
    body = {
        "journal": journal,
        "status": "started",
        "experiment_id": experiment_id,
        "execution_id": execution_id,
    }
    url = _runs(session, verification_id)
    return send(session, "POST", url, "The verification could not be started", body, redactor=CLEAN)


def send_run_event(
    session: ConsoleSession,
    verification_id: str,
    run_id: str,
    category: str,
    payload: Any = None,
) -> Answer:
    """Tell what happens in a run; a payload of None is left out."""
    url = urls.verification_run_events(_runs(session, verification_id, run_id))
    body = {"category": category} | ({} if payload is None else {"payload": payload})
    what = "What happens in this verification could not be told"
    return send(session, "POST", url, what, body, redactor=CLEAN)


def finish_run(
    session: ConsoleSession, verification_id: str, run_id: str, journal: Journal, results: Results
) -> Answer:
    """Tell that a run ended, with its journal and what it found."""
    url = f"{_runs(session, verification_id, run_id)}/finished"
    body = {"journal": journal, "status": journal.get("status"), "results": results}
    what = "The end of this verification could not be told"
    return send(session, "POST", url, what, body, redactor=CLEAN)


def arrived(answer: Answer) -> bool:
    """Whether there is an answer, and it says that the console took what it was sent."""
    return answer is not None and was_stored(answer)


def _runs(session: ConsoleSession, verification_id: str, run_id: str | None = None) -> str:
    verification = urls.verification(session.base_url, verification_id)
    return urls.verification_run(verification, run_id)
