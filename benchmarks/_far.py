"""A network between a run and its console: everything takes its time, and may be older than we are.

A proxy on 127.0.0.1 that hands on what comes after half a round trip, each way. Asked to, it takes
`Prefer` out of requests, so that a console answers at once, as one that knows of no waiting does.
"""

import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["far_away"]

_PREFER = re.compile(rb"\r\nPrefer: [^\r]*", re.IGNORECASE)

Change = Callable[[bytes], bytes]


@contextmanager
def far_away(address: tuple[str, int], round_trip: float, old: bool) -> Iterator[str]:
    """The url of the server at `address`, so many seconds away; an `old` one holds no question."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    threading.Thread(
        target=_accept, args=(listener, address, round_trip / 2, old), daemon=True
    ).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _accept(listener: socket.socket, address: tuple[str, int], delay: float, old: bool) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(address)
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asked: Change = (lambda data: _PREFER.sub(b"", data)) if old else lambda data: data
            _hand_on(client, server, delay, asked)
            _hand_on(server, client, delay, lambda data: data)


def _hand_on(source: socket.socket, target: socket.socket, delay: float, change: Change) -> None:
    """Two threads: one takes what comes, the other gives it away when its time has come."""
    waiting: deque[tuple[float, bytes]] = deque()
    come = threading.Semaphore(0)

    def take() -> None:
        data = b"?"
        while data:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            waiting.append((time.monotonic() + delay, change(data)))
            come.release()

    def give() -> None:
        with suppress(OSError):
            while come.acquire():
                due, data = waiting.popleft()
                time.sleep(max(0.0, due - time.monotonic()))
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)

    for work in (take, give):
        threading.Thread(target=work, daemon=True).start()
