"""A proxy on loopback that cuts connections on which nothing moves."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

__all__ = ["cutting_proxy"]


@contextmanager
def cutting_proxy(url: str, patience: float) -> Iterator[str]:
    """The url of a proxy before `url`; after `patience` seconds without a byte it hangs up."""
    parts = urlsplit(url)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=hand_on, args=(client,), daemon=True).start()

    def hand_on(client: socket.socket) -> None:
        server = socket.create_connection((parts.hostname, parts.port))
        with client, server, suppress(OSError):
            while readable := select.select([client, server], [], [], patience)[0]:
                for source in readable:
                    data = source.recv(65536)
                    if not data:
                        return
                    (server if source is client else client).sendall(data)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
