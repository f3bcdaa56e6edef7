"""Everything that can become of a request, for a server on loopback to do to it."""

import json
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

from tests.plugin.loopback import Handler, drip
from tests.plugin.stub_console import kind_of, usual

Fault = Callable[[Handler], None]


def well(handler: Handler) -> None:
    """Store what came, and say so."""
    entries = handler.console.seen[-1]
    status, document, headers = usual(kind_of(entries), entries)
    body = b"" if document is None else json.dumps(document).encode()
    handler.say(status, body, **headers)


def _hang_up(handler: Handler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def _reset(handler: Handler) -> None:
    """Take the body, then reset the connection: the other side cannot know what was stored."""
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    with suppress(OSError):
        handler.connection.close()
    handler.close_connection = True


def _half_a_reply(handler: Handler) -> None:
    """Promise more than is sent."""
    handler.wfile.write(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")
    handler.close_connection = True


def _half_a_head(handler: Handler) -> None:
    """Stop in the midst of the headers."""
    handler.wfile.write(b"HTTP/1.1 201 Cre")
    handler.close_connection = True


def _nonsense(handler: Handler) -> None:
    """Speak another language."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    handler.close_connection = True


def saying(status: int, body: bytes = b"", **headers: str) -> Fault:
    """Answer with this."""
    return lambda handler: handler.say(status, body, **headers)


def dripping(handler: Handler) -> None:
    """Send one byte after the other, for ever."""
    handler.wfile.write(b"HTTP/1.1 201 Created\r\nContent-Length: 100000\r\n\r\n")
    drip(handler, b" ")


PASSING: dict[str, Fault] = {
    "closed without a word": _hang_up,
    "reset after the body": _reset,
    "half a reply": _half_a_reply,
    "half a head": _half_a_head,
    "not HTTP": _nonsense,
    "a page": saying(200, b"<html>Sign in to the hotel</html>", Content_Type="text/html"),
    "a gateway without a console": saying(
        404, b"<html>default backend - 404</html>", Content_Type="text/html"
    ),
    "a redirect": saying(302, Location="https://elsewhere.example.com/"),
    **{str(status): saying(status) for status in (408, 425, 429, 500, 502, 503, 504, 507)},
    **{
        f"503, Retry-After: {text[:20]}": saying(503, Retry_After=text)
        for text in ("0", "-1", "soon", "Mon, 02 Mar 2020 09:30:00 GMT")
    },
}
"""What may pass: the record must arrive once it has."""

STANDING = [400, 404, 405, 406, 409, 410, 411, 412, 414, 415, 416, 417, 418, 422, 423, 431, 451]
"""What will not: the record is set aside, and the others go on."""
