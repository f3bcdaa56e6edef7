"""A client lean enough that a server, and not the client, is what is measured.

Requests are made before the clock starts, but for the ids in them; one loop keeps a number of
connections busy, each with one request at a time.
"""

import re
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where to send something, and as whom."""

    url: str
    token: str
    path: str

    @property
    def address(self) -> tuple[str, int]:
        """What a socket connects to."""
        split = urlsplit(self.url)
        return split.hostname or "", split.port or 80

    def request(self, method: str, body: bytes = b"", kind: str = "application/json") -> bytes:
        """The bytes of a request."""
        head = (
            f"{method} {self.path} HTTP/1.1\r\nHost: {urlsplit(self.url).netloc}\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Line:
    """A connection; `answer` gives the status once the whole answer has come."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._got = b""

    def ask(self, request: bytes) -> None:
        """Send a request."""
        self.socket.sendall(request)

    def answer(self) -> int | None:
        """Take what has come; None when more is to come."""
        came = self.socket.recv(65536)
        if not came:
            raise ConnectionError("the server hung up")
        self._got += came
        head, found, rest = self._got.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not found or len(rest) < (int(length[1]) if length else 0):
            return None
        self._got = b""
        return int(head[9:12])


@dataclass(frozen=True)
class Asked:
    """How many answers came, in how many seconds."""

    answers: int
    seconds: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def busy(
    place: Place, lines: int, requests: Callable[[], bytes], seconds: float, status: int = 201
) -> Asked:
    """Keep that many connections busy; every answer must have this status."""
    with selectors.DefaultSelector() as selector:
        for _ in range(lines):
            line = Line(place.address)
            selector.register(line.socket, selectors.EVENT_READ, line)
            line.ask(requests())
        began = time.perf_counter()
        answers, now = 0, began
        while now - began < seconds:
            for line in _ready(selector):
                got = line.answer()
                if got is None:
                    continue
                assert got == status, f"{place.path}: {got}"
                answers += 1
                line.ask(requests())
            now = time.perf_counter()
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    return Asked(answers, now - began)


def _ready(selector: selectors.BaseSelector) -> Iterator[Line]:
    for key, _ in selector.select(1.0):
        yield key.data


def times(place: Place, method: str, seconds: float, pause: float) -> list[float]:
    """Ask the same again and again over one connection; how long each answer took, in ms."""
    line, request, took = Line(place.address), place.request(method), []
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        line.ask(request)
        while (status := line.answer()) is None:
            pass
        assert status == 200, f"{place.path}: {status}"
        took.append((time.perf_counter() - began) * 1000)
        time.sleep(pause)
    line.socket.close()
    return took
