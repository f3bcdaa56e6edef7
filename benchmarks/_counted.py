"""A proxy on 127.0.0.1 that counts what a client sends: connections, requests and bytes."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

__all__ = ["Count", "counted", "hanging"]

_REQUEST = re.compile(rb"^(?:GET|HEAD|POST|PUT|PATCH|DELETE) \S+ HTTP/1\.1\r\n", re.MULTILINE)


@dataclass
class Count:
    """What was sent so far."""

    connections: int = 0
    requests: int = 0
    sent: int = 0

    def clear(self) -> None:
        """Start again."""
        self.connections = self.requests = self.sent = 0


@contextmanager
def counted(address: tuple[str, int]) -> Iterator[tuple[str, Count]]:
    """The url of a server at `address`, and what is sent to it."""
    count = Count()
    with _listening(lambda client: _connect(client, address, count)) as url:
        yield url, count


@contextmanager
def hanging() -> Iterator[tuple[str, Count]]:
    """The url of a server that takes everything and never answers."""
    count, held = Count(), []

    def hold(client: socket.socket) -> None:
        count.connections += 1
        held.append(client)

    with _listening(hold) as url:
        yield url, count


@contextmanager
def _listening(take: Callable[[socket.socket], None]) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept() -> None:
        with suppress(OSError):
            while True:
                take(listener.accept()[0])

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _connect(client: socket.socket, address: tuple[str, int], count: Count) -> None:
    server = socket.create_connection(address)
    count.connections += 1

    def note(data: bytes) -> None:
        count.requests += len(_REQUEST.findall(data))
        count.sent += len(data)

    for source, target, seen in ((client, server, note), (server, client, lambda data: None)):
        source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_hand_on, args=(source, target, seen), daemon=True).start()


def _hand_on(source: socket.socket, target: socket.socket, seen: Callable[[bytes], None]) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            seen(data)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
