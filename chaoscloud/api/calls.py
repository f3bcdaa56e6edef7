"""One call to the console: a copy without secrets goes out, what goes wrong becomes a line.

Nothing here raises for a console that is down, refuses, or answers nonsense: reporting is a
courtesy. What the answer means for the run is for the caller to decide.
"""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

import requests
from chaoslib.exceptions import ExperimentExitedException, InterruptExecution

from chaoscloud.api.answers import failure_of, plain, refusal_of, was_stored
from chaoscloud.redaction import Redactor, to_json

if TYPE_CHECKING:
    from chaoscloud.api._http import ConsoleSession

logger = logging.getLogger("chaostoolkit")

UNSERIALISABLE = (TypeError, ValueError, RecursionError)
"""What making a JSON document of an experiment can raise."""


class CleanCopy(Protocol):
    """A copy without secrets."""

    @property
    def document(self) -> Any:
        """The copy."""


class Cleaner(Protocol):
    """Makes copies without secrets; a `chaoscloud.redaction.Redactor` does."""

    def redact(self, document: Any) -> CleanCopy:
        """A copy of `document`, safe to send."""


def cleaner_for(
    session: "ConsoleSession", redactor: Cleaner | None, secrets: Any = None
) -> Cleaner:
    """The redactor the caller gave, else one that knows the secrets at hand and our token."""
    return redactor or Redactor(secrets or {}, getattr(session, "token", None))


def call(
    session: "ConsoleSession",
    method: str,
    url: str,
    what: str,
    *,
    body: str | None = None,
    headers: dict[str, str] | None = None,
    expected: tuple[int, ...] = (),
    level: int = logging.WARNING,
) -> requests.Response | None:
    """Call, and return the answer whatever its status, or None when none came.

    `what` begins the line people read when it fails: "The execution could not be created".
    `expected` are statuses beyond 2xx that are no failure.
    """
    response = attempt(session, method, url, None if body is None else body.encode(), headers)
    if isinstance(response, str):
        say(session, f"{what}: {response}.", level)
        return None
    if not was_stored(response) and response.status_code not in expected:
        say(session, f"{what}: {refusal_of(response)}", level)
    return response


def attempt(
    session: "ConsoleSession",
    method: str,
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> requests.Response | str:
    """Call, and return the answer whatever its status, or why none came: a phrase for people."""
    try:
        return session.request(method, url, data=body, headers=headers)
    except requests.RequestException as error:
        return failure_of(error)
    except (InterruptExecution, ExperimentExitedException):
        raise  # a signal
    except Exception as error:  # noqa: BLE001 - sessions of others, with adapters of their own
        return f"the console cannot be asked ({plain(error) or type(error).__name__})"


def none_on_failure(call: Callable[[], requests.Response]) -> requests.Response | None:
    """What `call` returns; None, and a line at debug level, when it raises."""
    try:
        return call()
    except (InterruptExecution, ExperimentExitedException):
        raise  # a signal
    except Exception:
        logger.debug("The console could not be asked", exc_info=True)
        return None


def send(
    session: "ConsoleSession",
    method: str,
    url: str,
    what: str,
    document: dict[str, Any],
    *,
    redactor: Cleaner | None = None,
    creation_key: str | None = None,
) -> requests.Response | None:
    """Call with a redacted copy of `document` as JSON. A POST creates: once for each key.

    The key (`Idempotency-Key`) is a new one for each call unless given. Returns None as well when
    the document cannot be written as JSON.
    """
    headers = {"Content-Type": "application/json"}
    if method == "POST":
        headers["Idempotency-Key"] = creation_key or str(uuid4())
    try:
        body = to_json(cleaner_for(session, redactor).redact(document).document)
    except UNSERIALISABLE as error:
        say(session, f"{what}: it holds something that is not JSON ({plain(error)}).")
        return None
    return call(session, method, url, what, body=body, headers=headers)


def say(session: "ConsoleSession", line: str, level: int = logging.WARNING) -> None:
    """Tell people a line, once for each session; when they know it, or need not, at debug level."""
    known_lines = getattr(session, "known_lines", None)
    if not isinstance(known_lines, set):  # a session of somebody else
        known_lines = set()
    again = line in known_lines or getattr(session, "quiet", False) is True
    known_lines.add(line)
    logger.log(logging.DEBUG if again else level, "%s", line)
