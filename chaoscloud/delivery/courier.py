"""Carries letters to the console over one session, in the way the console says it likes them."""

import gzip
from http import HTTPStatus
from typing import TYPE_CHECKING

from chaoscloud.api.answers import address_of, body_of, id_of, refusal_of, was_stored
from chaoscloud.api.calls import attempt
from chaoscloud.delivery.letters import BATCH, Letter
from chaoscloud.delivery.retry import Outcome, Reply, Silence

if TYPE_CHECKING:
    from requests import Response

    from chaoscloud.api._http import ConsoleSession

__all__ = ["Courier"]

WORTH_COMPRESSING = 1024  # bytes


class Courier:
    """One session with the console, used by one thread.

    `batches` and `compresses` are what the console has said it understands; `address` is the page
    of what was created last, `given` the id.
    """

    def __init__(self, session: "ConsoleSession") -> None:
        self._session = session
        self.batches = False
        self.compresses = False
        self.was_compressed = False
        self.address: str | None = None
        self.given: str | None = None

    @property
    def team_url(self) -> str:
        """The address of the team in whose name the session speaks."""
        return self._session.base_url

    def carry(self, letter: Letter) -> Outcome:
        """Send a letter, and say what came of it."""
        self.given = self.address = None
        body, headers = letter.body, {"Content-Type": letter.content_type}
        if letter.key is not None:
            headers["Idempotency-Key"] = letter.key
        self.was_compressed = self.compresses and len(body) > WORTH_COMPRESSING
        if self.was_compressed:
            body = gzip.compress(body, 6, mtime=0)
            headers["Content-Encoding"] = "gzip"
        answer = attempt(self._session, letter.method, letter.url, body, headers)
        return Silence(answer) if isinstance(answer, str) else self._read(letter, answer)

    def _read(self, letter: Letter, answer: "Response") -> Outcome:
        self._learn(answer)
        understood = _is_from_console(answer)
        if was_stored(answer) and letter.gives is not None:
            self.given = id_of(answer) or letter.known
            self.address = address_of(answer)
            understood = self.given is not None
        reason = refusal_of(answer) if understood else "what answers is not a console"
        return Reply(answer.status_code, reason, answer.headers.get("Retry-After"), understood)

    def _learn(self, answer: "Response") -> None:
        """What the console says of itself (RFC 7694, and `Accept-Post` of LDP)."""
        if BATCH in answer.headers.get("Accept-Post", ""):
            self.batches = True
        if answer.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
            self.compresses = False
        elif "gzip" in answer.headers.get("Accept-Encoding", ""):
            self.compresses = True


def _is_from_console(answer: "Response") -> bool:
    """Whether it is JSON or nothing: a page with status 200 is what a captive network says."""
    return not answer.content or body_of(answer) is not None
