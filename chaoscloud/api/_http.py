"""The session with the console: time limits, certificates, the token, and nothing else.

One session keeps one connection for all the requests of a run. It follows no redirect, gives the
token to the console's own origin only, and fails with `requests.RequestException` alone.
"""

import time
from http.client import RemoteDisconnected
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from requests.exceptions import InvalidHeader
from urllib3.exceptions import HTTPError

from chaoscloud import __version__
from chaoscloud.api._deadline import ClockedAdapter, Grip, within
from chaoscloud.api.causes import is_caused_by

CONNECT_AND_READ = (3.0, 10.0)  # seconds: to connect, then for each wait for an answer
WHOLE_CALL = 30.0  # seconds
DROPPED_WITHIN = 1.0  # seconds: a connection closed later than that was not closed for idling
SLOWEST_LINE = 16 * 1024
"""Bytes a second: a call may take longer than `WHOLE_CALL` by the time its body takes so."""

LARGEST_ANSWER = 16 * 1024 * 1024  # bytes, decompressed

_DEFAULT_PORTS = {"http": 80, "https": 443}
_DROPPED = (RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class AnswerTooLarge(requests.RequestException):
    """The console sends more than we are ready to keep in memory."""


class ConsoleAuth(AuthBase):
    """Puts the token on requests to the console's own scheme, host and port, and on no other.

    That there is one at all, token or not, also keeps `requests` from looking into `~/.netrc`.
    """

    def __init__(self, url: str, token: str | None, scheme: str = "Bearer") -> None:
        self._origin = _origin(url)
        self._token = token
        self._scheme = scheme.capitalize()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.pop("Authorization", None)  # the session's, which is there to be read
        if self._token and _origin(request.url or "") == self._origin:
            if not self._token.isprintable():  # http.client would refuse it too, and show it
                raise InvalidHeader("the token holds characters no token has")
            request.headers["Authorization"] = self.value
        return request

    @property
    def value(self) -> str:
        """The header's value.

        Headers are latin-1 on the wire: a stray accent in a pasted token is refused by the console,
        as any wrong token is, and does not break the run here.
        """
        return f"{self._scheme} {self._token}".encode().decode("latin-1")

    def __repr__(self) -> str:
        return f"ConsoleAuth({self._origin!r}, token=…)"


class ConsoleSession(requests.Session):
    """A `requests.Session` with one console, as one organization's team.

    `base_url` is the team's address in the API. `timeout` (connect and read, seconds), `call_limit`
    (seconds for a whole call) and `size_limit` (bytes of an answer) may be changed at any time.
    Lines about what went wrong are kept in `known_lines`, so each is said once; when `quiet`, to
    the debug log only. One thread at a time, but for `hang_up` and `cut`.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None,
        *,
        verify_tls: bool = True,
        scheme: str = "Bearer",
    ) -> None:
        super().__init__()
        self.base_url = base_url
        self.token = token.strip() if token else None
        self.timeout = CONNECT_AND_READ
        self.call_limit = WHOLE_CALL
        self.size_limit = LARGEST_ANSWER
        self.known_lines: set[str] = set()
        self.quiet = False
        self._grip = Grip()
        self.auth = ConsoleAuth(base_url, self.token, scheme)
        if self.token and self.token.isprintable():
            # For who reads it, as with 0.16; `auth` decides which request carries it.
            self.headers["Authorization"] = self.auth.value
        # What is missing or null in the settings must check certificates: only False does not.
        self.verify = verify_tls is not False
        self.headers["User-Agent"] = f"chaosiq-cloud/{__version__}"
        for prefix in ("http://", "https://"):
            self.mount(prefix, ClockedAdapter())

    def hang_up(self) -> None:
        """End the call under way, from any thread: it fails, and so does every later one."""
        self._grip.hang_up()

    def cut(self) -> None:
        """End the call under way, from any thread: it fails, and later ones are made as ever."""
        self._grip.cut()

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: the token and the journal stay with the console they were meant for."""

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """The environment's proxies and certificates, asked with our `verify` given explicitly.

        Left to itself, `requests` lets REQUESTS_CA_BUNDLE win over a session that does not verify.
        """
        verify = self.verify if verify is None else verify
        return super().merge_environment_settings(url, proxies, stream, verify, cert)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send within the limits. Raises `requests.RequestException`, whatever went wrong."""
        streamed = kwargs.pop("stream", False)
        # What a system has taken from us may still be on its way when we wait for the answer.
        extra = len(request.body or b"") / SLOWEST_LINE
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = (self.timeout[0], self.timeout[1] + extra)
        try:
            with within(self.call_limit + extra, self._grip):
                response = self._send_despite_drop(request, **kwargs)
                if not streamed:
                    _read_body(response, self.size_limit)
                return response
        except requests.RequestException:
            raise
        except (OSError, HTTPError, ValueError) as error:
            # An unreadable certificate bundle, a host name that cannot be encoded, and whatever
            # else `requests` forgets to translate.
            raise requests.ConnectionError(error, request=request) from error

    def _send_despite_drop(
        self, request: requests.PreparedRequest, **kwargs: Any
    ) -> requests.Response:
        """Send, and once more when the connection was closed under a request that may be repeated.

        Servers close a connection that idles through a pause, at times just as we speak. One that
        is closed while we wait for an answer is another matter, for the caller to judge.
        """
        began = time.monotonic()
        try:
            return super().send(request, stream=True, **kwargs)
        except requests.ConnectionError as error:
            is_late = time.monotonic() - began > DROPPED_WITHIN
            if is_late or not (is_caused_by(error, _DROPPED) and _may_be_repeated(request)):
                raise
        return super().send(request, stream=True, **kwargs)


def ask_once(
    method: str, url: str, token: str | None, verify_tls: bool = True
) -> requests.Response:
    """One call on a connection of its own. Raises `requests.RequestException` without an answer."""
    with ConsoleSession(url, token, verify_tls=verify_tls) as session:
        return session.request(method, url)


def _may_be_repeated(request: requests.PreparedRequest) -> bool:
    """Whether the console keeps one record of a request that reaches it twice."""
    content_type = str(request.headers.get("Content-Type", ""))
    return (
        request.method != "POST"
        or "Idempotency-Key" in request.headers
        or content_type.startswith("application/cloudevents")  # their id says they are the same
    )


def _read_body(response: requests.Response, limit: int) -> None:
    """Take the whole body in, as `requests` would but no more than `limit` bytes of it."""
    body = bytearray()
    try:
        for chunk in response.iter_content(64 * 1024):
            body += chunk
            if len(body) > limit:
                raise AnswerTooLarge(f"the answer is larger than {limit} bytes", response=response)
    except requests.RequestException:
        response.close()
        raise
    response._content = bytes(body)


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port, as browsers compare them; None when it is no address at all."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", port
