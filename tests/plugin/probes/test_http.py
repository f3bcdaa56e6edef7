"""The HTTP probes against a real server on the loopback, a slow one among its paths."""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Event, Thread
from typing import Any

import pytest
from chaoslib.activity import run_activity
from chaoslib.exceptions import ActivityFailed

from chaoscloud.probes import http as probes
from chaoscloud.probes.http import read_http_status_code, time_http_call

pytestmark = pytest.mark.loopback

pytestmark = pytest.mark.loopback


class Shop(BaseHTTPRequestHandler):
    """A shop whose paths answer well, badly, elsewhere, late or never to the end."""

    protocol_version = "HTTP/1.1"
    closing: Event
    seen: list[dict[str, Any]]

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append(
            {"line": f"{self.command} {self.path}", "headers": dict(self.headers), "body": body}
        )
        answer = getattr(self, self.path.split("?")[0].strip("/").replace("-", "_"))
        answer()

    do_POST = do_GET  # noqa: N815 - the server finds its methods by these names

    def orders(self) -> None:
        self.reply(200, b"[]")

    def teapot(self) -> None:
        self.reply(418, b"short and stout")

    def moved(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/teapot")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def silent(self) -> None:
        self.closing.wait()
        self.close_connection = True

    def dripping_headers(self) -> None:
        self.drip(b"HTTP/1.1 200 OK\r\nX-Never-Ends: ")

    def dripping_body(self) -> None:
        self.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")

    def drip(self, start: bytes) -> None:
        self.close_connection = True
        self.connection.sendall(start)
        while not self.closing.wait(0.02):
            try:
                self.connection.sendall(b".")
            except OSError:
                return

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Keep the suite's output quiet."""


class Server:
    def __init__(self, url: str, entries: list[dict[str, Any]]) -> None:
        self.url = url
        self.seen = entries


@pytest.fixture
def shop() -> Iterator[Server]:
    """The shop, open on a free port of the loopback."""
    handler = type("OpenShop", (Shop,), {"closing": Event(), "seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Server(f"http://127.0.0.1:{server.server_port}", handler.seen)  # type: ignore[attr-defined]
        handler.closing.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "status"),
    [("/orders", 200), ("/teapot", 418), ("/moved", 418)],
    ids=["a success", "an error of the client", "where a redirect leads"],
)
def test_the_status_code_is_read(shop: Server, path: str, status: int) -> None:
    """Whatever an endpoint answers is a measurement, not a failure."""
    assert read_http_status_code(shop.url + path) == status


def test_the_request_is_sent_as_asked(shop: Server) -> None:
    """Method, headers, query and JSON body of the arguments reach the server."""
    read_http_status_code(
        f"{shop.url}/orders",
        headers={"X-Shop": "north"},
        method="POST",
        params={"page": 2},
        json={"item": "tea"},
    )

    (request,) = shop.seen
    assert request["line"] == "POST /orders?page=2"
    assert request["headers"]["X-Shop"] == "north"
    assert request["body"] == b'{"item": "tea"}'


def test_the_status_of_an_endless_answer_is_known_from_its_head(shop: Server) -> None:
    """A body that never ends does not keep its status code from being read."""
    assert read_http_status_code(f"{shop.url}/dripping-body", timeout=30) == 200


@pytest.mark.parametrize("probe", [read_http_status_code, time_http_call])
@pytest.mark.parametrize("path", ["/silent", "/dripping-headers"])
def test_the_timeout_is_honoured(shop: Server, path: str, probe: Any) -> None:
    """An endpoint that hangs, or sends a byte now and then, fails the probe in its time."""
    with pytest.raises(ActivityFailed, match=r"took longer than 0\.2 seconds|timed out"):
        probe(shop.url + path, timeout=0.2)


def test_the_timeout_covers_the_body_that_is_timed(shop: Server) -> None:
    """A body that drips is not waited for to its end."""
    with pytest.raises(ActivityFailed, match=r"took longer than 0\.2 seconds"):
        time_http_call(f"{shop.url}/dripping-body", timeout=0.2)


def test_a_call_is_timed_in_milliseconds_of_a_monotonic_clock(
    shop: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter of a second is 250, though the computer's clock goes backwards meanwhile."""
    hours = count(1_700_000_000, -3600)
    monkeypatch.setattr("time.time", lambda: next(hours))
    ticks = iter([10.0, 10.25])
    monkeypatch.setattr(probes, "perf_counter", lambda: next(ticks))

    assert time_http_call(f"{shop.url}/orders") == 250.0


@pytest.mark.parametrize("probe", [read_http_status_code, time_http_call])
def test_nobody_listening_fails_the_activity(probe: Any) -> None:
    """A refused connection is the host's own failure, which names what was called."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/orders"

    with pytest.raises(ActivityFailed, match=f"GET {url} failed"):
        probe(url)


@pytest.mark.parametrize(
    "arguments",
    [{"url": "orders"}, {"url": "http://"}, {"url": "http://127.0.0.1/", "timeout": -1}],
    ids=["no scheme", "no host", "negative timeout"],
)
def test_a_senseless_request_fails_the_activity(arguments: dict[str, Any]) -> None:
    """What cannot be asked at all fails like what is not answered."""
    with pytest.raises(ActivityFailed):
        read_http_status_code(**arguments)


def test_the_host_finds_the_probe_by_its_name(shop: Server) -> None:
    """A stored document names the module and function, and the host calls them."""
    probe = {
        "type": "probe",
        "name": "orders-answer",
        "provider": {
            "type": "python",
            "module": "chaoscloud.probes.http",
            "func": "read_http_status_code",
            "arguments": {"url": f"{shop.url}/teapot", "timeout": 5},
        },
    }

    assert run_activity(probe, {}, {}) == 418
