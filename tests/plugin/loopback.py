"""A console on 127.0.0.1 for one test, which says anything, over one connection or many."""

import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: Message
    body: bytes


@dataclass
class Loopback:
    """The console, and what it saw."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)


class Handler(BaseHTTPRequestHandler):
    """Notes each request, then lets the test's own function answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement
    console: Loopback
    answer: Callable[["Handler"], None]

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.console.connections.add(self.client_address)
        self.console.seen.append(Seen(self.command, self.path, self.headers, body))
        type(self).answer(self)

    do_HEAD = do_GET = do_POST = do_PUT = _take  # noqa: N815 - http.server's names

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer with a whole message; `Content_Type` stands for `Content-Type`."""
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing: tests read what the plugin logs."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what some tests are about."""


@contextmanager
def loopback(
    answer: Callable[[Handler], None], certificate: Path | None = None
) -> Iterator[Loopback]:
    """A console that answers with `answer`; over TLS with a certificate of `self_signed`."""
    console = Loopback()
    handler = type("Answering", (Handler,), {"console": console, "answer": staticmethod(answer)})
    with _Server(("127.0.0.1", 0), handler) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "http" if certificate is None else "https"
        console.url = f"{scheme}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield console
        finally:
            server.shutdown()
            thread.join()


def drip(handler: Handler, byte: bytes) -> None:
    """Send one byte after the other until the client hangs up."""
    pause = threading.Event()
    with suppress(OSError):
        while not pause.wait(0.01):
            handler.wfile.write(byte)
    handler.close_connection = True


def self_signed(folder: Path, host: str = "127.0.0.1") -> Path:
    """A new certificate for `host` that no authority signed, with its key, in one file."""
    certificate = folder / "console.pem"
    kind = "IP" if host[0].isdigit() else "DNS"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-days", "2"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=console"),
            *("-addext", f"subjectAltName={kind}:{host}"),
            *("-keyout", str(folder / "key.pem"), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    certificate.write_text(certificate.read_text() + (folder / "key.pem").read_text())
    return certificate
