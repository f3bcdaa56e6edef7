"""What the console's answers mean, in words for people. Pure functions of an answer or an error.

What comes from the network is shown as text: one piece of a line, no control characters.
"""

import re
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests

from chaoscloud.api import urls
from chaoscloud.api.causes import causes, is_caused_by
from chaoscloud.settings import token_remedy

LONGEST_PIECE = 300  # characters of what a console says
_NOT_TLS = ("HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "WRONG_VERSION_NUMBER")
_URL = re.compile(r"https?://[^\s,;)]+")
MOST_MISTAKES = 20  # lines of what it finds wrong with a document


def was_stored(response: requests.Response) -> bool:
    """Whether the console did what it was asked: a redirect, which is not followed, is no yes."""
    return HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES


def is_from_console(response: requests.Response) -> bool:
    """Whether a console can have answered so: with JSON, or a status that needs no body.

    A page, or nothing at all with status 200, is what proxies and captive networks answer.
    """
    if not response.content:
        return response.status_code != HTTPStatus.OK
    try:
        response.json()
    except (ValueError, RecursionError):
        return False
    return True


def body_of(response: requests.Response) -> Any:
    """The JSON document of an answer, whatever it is; None when there is none."""
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def id_of(response: requests.Response) -> str | None:
    """The id of what was created; None when the answer names none."""
    body = body_of(response)
    identifier = body.get("id") if isinstance(body, Mapping) else None
    return str(identifier) if identifier else None


def address_of(response: requests.Response) -> str | None:
    """The page people open: the address in `Content-Location` with `/api/` removed once."""
    location = response.headers.get("Content-Location")
    return _page_at(response, location) if location else None


def execution_of(response: requests.Response) -> tuple[str, str | None] | None:
    """The id and the page of an execution that was created with its experiment, if one was."""
    body = body_of(response)
    execution = body.get("execution") if isinstance(body, Mapping) else None
    if not isinstance(execution, Mapping) or not execution.get("id"):
        return None
    address = execution.get("address")
    return str(execution["id"]), _page_at(response, str(address)) if address else None


def _page_at(response: requests.Response, location: str) -> str:
    parts = urlsplit(urljoin(response.url, location))
    return urlunsplit(parts._replace(path=parts.path.replace("/api/", "/", 1)))


def refusal_of(response: requests.Response) -> str:
    """Why the console did not do what it was asked: a phrase, then a line for each mistake."""
    status = response.status_code
    if status == HTTPStatus.UNAUTHORIZED:
        return f"the console refuses the token (HTTP 401), {token_remedy()}"
    if status == HTTPStatus.FORBIDDEN:
        return (
            f"the console does not allow this to the token (HTTP 403), {token_remedy()}, "
            "or choose another team with `chaos team`"
        )
    phrase = f"the console answers HTTP {status}{_reason(response)}"
    body = body_of(response)
    mistakes = _mistakes(body)
    detail = _detail(body) or _describe_redirect(response)
    return "\n".join([f"{phrase}: {detail}" if detail else phrase, *mistakes])


def failure_of(error: requests.RequestException) -> str:
    """Why no answer came: a phrase."""
    where = urls.host(error.request.url or "") if error.request is not None else ""
    console = f"the console at {where}" if where else "the console"
    if is_caused_by(error, ssl.SSLCertVerificationError):
        return f"the certificate of {console} is not trusted ({why_not_trusted(error)})"
    if isinstance(error, requests.exceptions.InvalidHeader):
        return f"the token holds characters no token has, {token_remedy()}"
    if _is_plain_http(error):
        return f"{console} speaks http and not https: write its url with http://"
    if isinstance(error, requests.Timeout) or is_caused_by(error, TimeoutError):
        return f"{console} did not answer in time"
    if isinstance(error, requests.ConnectionError):
        return f"{console} cannot be reached ({plain(next(reversed([*causes(error)])))})"
    return f"{console} cannot be understood ({plain(error)})"


def hide_addresses(reason: str, console_url: str) -> str:
    """The same reason as journals and spool files keep it: it does not say where the console is.

    Redirects, certificates and proxies name addresses too.
    """
    host = urls.host(console_url)
    text = _URL.sub("another address", reason)
    if host:
        text = re.sub(re.escape(f" at {host}"), "", text, flags=re.IGNORECASE)
    for name in (host, host.rpartition(":")[0]):
        if "." in name or ":" in name:  # a bare name may be any word of the phrase
            text = re.sub(re.escape(name), "its address", text, flags=re.IGNORECASE)
    return text


def why_not_trusted(error: BaseException) -> str:
    """What is wrong with the certificate beneath an error: "self-signed certificate"."""
    reasons = [
        cause.verify_message
        for cause in causes(error)
        if isinstance(cause, ssl.SSLCertVerificationError)
    ]
    return plain(reasons[0]) if reasons else ""


def _is_plain_http(error: BaseException) -> bool:
    """Whether TLS was spoken to somebody who does not: what comes back is no TLS record."""
    return any(
        isinstance(cause, ssl.SSLError) and getattr(cause, "reason", None) in _NOT_TLS
        for cause in causes(error)
    )


def plain(value: object) -> str:
    """One piece of a line: printable, no line breaks, not too long."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return text if len(text) <= LONGEST_PIECE else f"{text[:LONGEST_PIECE]}…"


def _reason(response: requests.Response) -> str:
    return f" ({plain(response.reason)})" if response.reason else ""


def _detail(body: Any) -> str:
    """The `detail` of problem details (RFC 9457), else their `title`."""
    entries = [body.get("detail"), body.get("title")] if isinstance(body, Mapping) else []
    return next((plain(text) for text in entries if isinstance(text, str) and text), "")


def _describe_redirect(response: requests.Response) -> str:
    location = response.headers.get("Location")
    if not location:
        return ""
    return f"it points to {plain(location)}, which is not followed; sign in to that console instead"


def _mistakes(body: Any) -> list[str]:
    """A line for each mistake in a document: from a list of `{"loc", "msg"}`, maybe in `errors`."""
    if isinstance(body, Mapping):
        body = body.get("errors") or body.get("detail")
    entries = body if isinstance(body, list) else []
    lines = [_mistake(one) for one in entries[:MOST_MISTAKES]]
    return (
        [*lines, f"- and {len(entries) - len(lines)} more"] if len(entries) > len(lines) else lines
    )


def _mistake(one: Any) -> str:
    if not isinstance(one, Mapping):
        return f"- {plain(one)}"
    loc = one.get("loc") or one.get("pointer") or ""
    where = ".".join(map(str, loc)) if isinstance(loc, list | tuple) else str(loc)
    message = plain(one.get("msg") or one.get("detail") or "not accepted")
    return f"- {plain(where)}: {message}" if where else f"- {message}"
