"""How long a call may take, and how much may come of it."""

import gzip
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

import pytest
import requests
from requests_mock import Mocker

from chaoscloud.api import _deadline
from chaoscloud.api._http import AnswerTooLarge, ConsoleSession
from chaoscloud.api.causes import is_caused_by
from tests.plugin.loopback import Handler, drip, loopback, self_signed
from tests.plugin.wire import TEAM, TOKEN, shop_session

pytestmark = pytest.mark.loopback


def _ok(handler: Handler) -> None:
    handler.say(HTTPStatus.OK, b"[]")


def test_every_call_has_time_limits(requests_mock: Mocker) -> None:
    """Three seconds to connect and ten for each wait, unless the call says otherwise."""
    requests_mock.get(TEAM)
    session = shop_session()

    session.get(TEAM)
    session.get(TEAM, timeout=1)
    session.send(session.prepare_request(requests.Request("GET", TEAM)))

    assert [sent.timeout for sent in requests_mock.request_history] == [(3.0, 10.0), 1, (3.0, 10.0)]


def test_a_silent_console_is_given_up() -> None:
    """A console that takes the request and never answers."""
    with (
        loopback(lambda handler: drip(handler, b"")) as console,
        ConsoleSession(console.url, TOKEN) as session,
        pytest.raises(requests.Timeout),
    ):
        session.get(console.url, timeout=0.05)


@pytest.mark.parametrize(
    "beginning",
    [b"", b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"],
    ids=["status", "headers", "body"],
)
def test_a_dripping_console_is_given_up(beginning: bytes) -> None:
    """Each byte arrives in time, and the whole would take for ever."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(beginning)
        drip(handler, b"a")

    with loopback(answer) as console, ConsoleSession(console.url, TOKEN) as session:
        session.call_limit = 0.2
        with pytest.raises(requests.RequestException) as given_up:
            session.get(console.url)

    assert is_caused_by(given_up.value, TimeoutError)


def test_a_dripping_console_is_given_up_over_tls(tmp_path: Path) -> None:
    """The limit holds for encrypted connections as well."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        drip(handler, b"a")

    with (
        loopback(answer, self_signed(tmp_path)) as console,
        ConsoleSession(console.url, TOKEN, verify_tls=False) as session,
    ):
        session.call_limit = 0.4
        with pytest.raises(requests.RequestException) as given_up:
            session.get(console.url)

    assert is_caused_by(given_up.value, TimeoutError)


def test_a_call_after_one_that_was_given_up_has_its_own_limit() -> None:
    """The next call starts anew, on a new connection."""
    answers = iter([lambda handler: drip(handler, b"a"), _ok])

    with (
        loopback(lambda handler: next(answers)(handler)) as console,
        ConsoleSession(console.url, TOKEN) as session,
    ):
        session.call_limit = 0.2
        with suppress(requests.RequestException):
            session.get(console.url)
        session.call_limit = 30
        answer = session.get(console.url)

    assert answer.content == b"[]"
    assert len(console.connections) == 2


def test_no_time_left_is_a_failed_request() -> None:
    """Not even a connection is made."""
    with loopback(_ok) as console, ConsoleSession(console.url, TOKEN) as session:
        session.call_limit = 0
        with pytest.raises(requests.RequestException):
            session.get(console.url)

    assert console.seen == []


def test_an_endless_answer_is_cut_off() -> None:
    """A console that sends more than we keep in memory."""
    with (
        loopback(lambda handler: handler.say(HTTPStatus.OK, b"a" * 2_000)) as console,
        ConsoleSession(console.url, TOKEN) as session,
    ):
        session.size_limit = 1_000
        with pytest.raises(AnswerTooLarge):
            session.get(console.url)


def test_the_size_of_an_answer_is_what_it_unpacks_to() -> None:
    """A few compressed bytes can hold a great many."""
    packed = gzip.compress(b"a" * 1_000_000)

    with (
        loopback(lambda handler: handler.say(200, packed, Content_Encoding="gzip")) as console,
        ConsoleSession(console.url, TOKEN) as session,
    ):
        session.size_limit = 500_000
        with pytest.raises(AnswerTooLarge):
            session.get(console.url)


def test_a_whole_answer_is_read_and_unpacked() -> None:
    """Limits do not change what arrives."""
    packed = gzip.compress(b'{"id": "e1"}')

    with (
        loopback(lambda handler: handler.say(200, packed, Content_Encoding="gzip")) as console,
        ConsoleSession(console.url, TOKEN) as session,
    ):
        assert session.get(console.url).json() == {"id": "e1"}


class SlowLine(socketserver.BaseRequestHandler):
    """Reads a request a piece at a time, then says that it is taken; or stops reading for ever."""

    stops_after = 1 << 40

    def handle(self) -> None:
        """Read until the promised length is there."""
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.request.recv(1024)
        start = head.index(b"\r\n\r\n") + 4
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        taken = len(head) - start
        pause = threading.Event()
        while taken < length and taken < self.stops_after:
            taken += len(self.request.recv(256 * 1024))
            pause.wait(0.02)
        if taken < length:
            pause.wait(3)
            return
        self.request.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")


@contextmanager
def slow_line(stops_after: int = 1 << 40) -> Iterator[str]:
    """The address of a console behind a slow line."""
    handler = type("Slow", (SlowLine,), {"stops_after": stops_after})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_large_body_may_take_longer_as_long_as_its_bytes_move() -> None:
    """Each second over the limit has to bring its share of the body."""
    with slow_line() as url, ConsoleSession(url, TOKEN) as session:
        session.call_limit = 0.05

        response = session.put(url, data=b"x" * 12_000_000)

    assert response.status_code == HTTPStatus.CREATED


def test_a_line_that_stands_still_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """However large the body is that is to come."""
    monkeypatch.setattr(_deadline, "STANDSTILL", 0.2)
    with (
        slow_line(stops_after=100_000) as url,
        ConsoleSession(url, TOKEN) as session,
        pytest.raises(requests.ConnectionError) as given_up,
    ):
        session.put(url, data=b"x" * 50_000_000)

    assert is_caused_by(given_up.value, TimeoutError)
