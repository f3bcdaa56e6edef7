"""HTTP targets: one request a message, and what its answer means."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from chaoscloud.console.messages.outbox import SendResult
from chaoscloud.console.messages.targets.target import Sending
from chaoscloud.console.outgoing import CallFailed, OutgoingAnswer

LIMIT = 10.0  # seconds for one call, from the name's look-up to the last byte
LONGEST_QUOTE = 200  # characters of an answer that are kept

# What is wrong with the message itself: sending it again changes nothing (RFC 9110).
_REFUSALS = frozenset({400, 413, 414, 415, 422})
_GONE = 410  # "disable this endpoint", by the Standard Webhooks specification

Url = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


def ensure_http_url(url: str, key: str = "url") -> None:
    """Raise `ValueError` unless it is an http or https address without a fragment."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.fragment
        _ = parts.port
    except ValueError:
        is_one = False
    if not is_one or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"{key}: Expected an address such as https://hooks.example.com/chaos")


def host_of(url: str) -> str:
    """The host of an address: all of it that is shown, for its path may open something."""
    return urlsplit(url).netloc.rpartition("@")[2]


async def post_json(
    sending: Sending, url: str, document: Any, headers: Mapping[str, str] | None = None
) -> SendResult:
    """Post a JSON document; a 2xx takes it."""
    body = msgspec.json.encode(document)
    return await post(sending, url, body, {"Content-Type": "application/json", **(headers or {})})


async def post(sending: Sending, url: str, body: bytes, headers: Mapping[str, str]) -> SendResult:
    """Post bytes; a 2xx takes them."""
    try:
        answer = await sending.client.request("POST", url, headers=headers, body=body, limit=LIMIT)
    except CallFailed as failure:
        return SendResult(sent=False, answer=str(failure), retry=True)
    return read_answer(answer, sending.now)


def read_answer(answer: OutgoingAnswer, now: datetime) -> SendResult:
    """What an answer means: taken, refused for good, or to be tried again.

    Everything but a refusal of this very message is tried again, as Standard Webhooks asks for: a
    redirect or a 404 is often mended within the day.
    """
    words = describe_answer(answer)
    if 200 <= answer.status < 300:
        return SendResult(sent=True, answer=words)
    return SendResult(
        sent=False,
        answer=words,
        retry=answer.status not in _REFUSALS and answer.status != _GONE,
        retry_after=read_retry_after(answer.headers.get("retry-after", ""), now),
        gone=answer.status == _GONE,
    )


def describe_answer(answer: OutgoingAnswer) -> str:
    """The status, and the beginning of a body that is text."""
    text = " ".join(answer.body.decode(errors="replace").split())
    readable = "".join(letter for letter in text if letter.isprintable())[:LONGEST_QUOTE]
    is_text = answer.headers.get("content-type", "").startswith(("text/plain", "application/json"))
    return f"status {answer.status}" + (f": {readable}" if readable and is_text else "")


def read_retry_after(value: str, now: datetime) -> float | None:
    """The seconds that a `Retry-After` asks to wait, given as such or as a date (RFC 9110)."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        at = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
