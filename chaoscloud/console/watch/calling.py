"""One call to a webhook: by the address that was checked, within its time, and no further.

The name is looked up once and the connection goes to the very address that was looked at, so an
answer that changes in between (DNS rebinding) leads nowhere. Redirects are not followed.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from urllib.parse import SplitResult, urlsplit

import h11
import msgspec

from chaoscloud import __version__
from chaoscloud.console.rules.addresses import Network, may_call
from chaoscloud.console.rules.safeguards.kinds.webhook import LIMIT

LARGEST = 64 * 1024  # bytes of an answer
_PIECE = 16 * 1024
_OURS = frozenset({408, 425, 429})  # statuses that are no answer, as are all from 500 on


class WebhookReply(msgspec.Struct, frozen=True):
    """What came of a call: yes, no, or (None) no answer; and why."""

    ok: bool | None
    message: str = ""


class _Body(msgspec.Struct, frozen=True):
    ok: bool = False
    reason: str = ""


async def ask(url: str, allowed: Iterable[Network] = (), limit: float = LIMIT) -> WebhookReply:
    """Ask a webhook whether runs may pass: 200 and `{"ok": true}` lets them."""
    try:
        async with asyncio.timeout(limit):
            status, body = await _call(urlsplit(url), allowed)
    except TimeoutError:
        return WebhookReply(None, f"no answer within {limit:g} seconds")
    except ssl.SSLCertVerificationError as error:
        return WebhookReply(None, f"its certificate is not trusted: {error.verify_message}")
    except (OSError, h11.RemoteProtocolError, UnicodeError, ValueError) as error:
        return WebhookReply(None, _one_line(error))
    return read_reply(status, body)


def read_reply(status: int, body: bytes) -> WebhookReply:
    """What an answer means."""
    if status >= 500 or status in _OURS:
        return WebhookReply(None, f"it answered with status {status}")
    if status != 200:
        return WebhookReply(False, f"it answered with status {status}")
    try:
        content = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, RecursionError):
        return WebhookReply(False, 'its answer was not {"ok": true}')
    return WebhookReply(content.ok, "" if content.ok else " ".join(content.reason.split())[:300])


async def _call(parts: SplitResult, allowed: Iterable[Network]) -> tuple[int, bytes]:
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = await _addresses(host, port, tuple(allowed))
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    reader, writer = await _connect(addresses, port, secure, host)
    try:
        return await _exchange(reader, writer, parts)
    finally:
        writer.transport.abort()


async def _addresses(host: str, port: int, allowed: tuple[Network, ...]) -> list[str]:
    """The addresses of a name that may be called. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
    callable_ = [address for address in addresses if may_call(address, allowed)]
    if not callable_:
        raise OSError("its address is not a public one, and the operator does not allow it")
    return callable_


async def _connect(
    addresses: list[str], port: int, secure: ssl.SSLContext | None, host: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first of these addresses that takes one; TLS is held to the name."""
    failure: OSError = OSError("it has no address")
    for address in addresses:
        try:
            return await asyncio.open_connection(
                address, port, ssl=secure, server_hostname=host if secure else None, limit=_PIECE
            )
        except ssl.SSLError:
            raise
        except OSError as error:
            failure = error
    raise failure


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, parts: SplitResult
) -> tuple[int, bytes]:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_PIECE)
    request = h11.Request(
        method="GET",
        target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        headers=[
            ("Host", parts.netloc),
            ("Accept", "application/json"),
            ("User-Agent", f"chaosiq-console/{__version__}"),
            ("Connection", "close"),
        ],
    )
    for part in (request, h11.EndOfMessage()):
        writer.write(connection.send(part) or b"")
    await writer.drain()
    status, body = 0, b""
    async for event in _events(connection, reader):
        if isinstance(event, h11.Response):
            status = event.status_code
        if isinstance(event, h11.Data):
            body += event.data
        if len(body) > LARGEST:
            raise ValueError(f"its answer is longer than {LARGEST} bytes")
    return status, body


async def _events(
    connection: h11.Connection, reader: asyncio.StreamReader
) -> AsyncIterator[h11.Event]:
    """What comes in answer, to its end. Raises `OSError` when it ends before."""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.EndOfMessage):
            return
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_PIECE))
        elif isinstance(event, h11.Event) and not isinstance(event, h11.ConnectionClosed):
            yield event
        else:
            raise OSError("it closed the connection without an answer")


def _one_line(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:300] or type(error).__name__
