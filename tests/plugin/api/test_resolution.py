"""Names are resolved within the limits of a call, whatever the system's resolver does."""

import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from chaoscloud.api import _deadline
from chaoscloud.api._http import ConsoleSession
from chaoscloud.api._resolution import resolve
from chaoscloud.api.answers import failure_of
from tests.plugin.loopback import Loopback, loopback


@pytest.fixture
def console() -> Iterator[Loopback]:
    """A console that says yes."""
    with loopback(lambda handler: handler.say(200, b"{}")) as served:
        yield served


def session_with(host: str, port: int = 8080) -> ConsoleSession:
    """A session with a console of this name."""
    session = ConsoleSession(f"http://{host}:{port}", None)
    session.call_limit = 0.2
    return session


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A resolver that says nothing until the test is over; the names it was asked for."""
    names: list[str] = []
    over = threading.Event()

    def getaddrinfo(host: str, *_: Any, **__: Any) -> list[Any]:
        names.append(host)
        over.wait(60)
        raise socket.gaierror("over")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield names
    over.set()


def test_a_resolver_that_hangs_holds_nobody_up(hanging: list[str]) -> None:
    """The call ends with its limit while the resolver still hangs."""
    with pytest.raises(requests.ConnectionError) as failed:
        session_with("slow.example.com").get("http://slow.example.com:8080/")

    assert hanging == ["slow.example.com"]
    assert "did not answer in time" in failure_of(failed.value)


def test_a_name_is_looked_up_once_at_a_time(hanging: list[str]) -> None:
    """Who asks every second does not leave a thread behind each time."""
    for _ in range(5):
        with pytest.raises(TimeoutError):
            resolve("other.example.com", 80, 0.01)

    assert hanging == ["other.example.com"]


def test_a_name_that_nobody_knows_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the system's own words."""

    def getaddrinfo(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    with pytest.raises(requests.ConnectionError) as failed:
        session_with("nowhere.example.com").get("http://nowhere.example.com:8080/")

    assert "Name or service not known" in failure_of(failed.value)


def know_addresses(monkeypatch: pytest.MonkeyPatch, port: int, *addresses: str) -> None:
    """Have the system know `console.test` by these addresses."""
    entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    answers = [(*entry, (address, port)) for address in addresses]
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **kwargs: Any) -> Any:
        return answers if host == "console.test" else real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.loopback
def test_the_next_address_is_tried_where_one_does_not_answer(
    console: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name may have several, the first of them of a network that is not there."""
    port = int(console.url.rpartition(":")[2])
    know_addresses(monkeypatch, port, "127.0.0.2", "127.0.0.1")
    connect = socket.socket.connect

    def refuse_first(self: socket.socket, address: Any) -> None:
        if address[0] == "127.0.0.2":
            raise ConnectionRefusedError("nobody there")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", refuse_first)
    session = session_with("console.test", port)
    session.call_limit = 30

    response = session.get(f"http://console.test:{port}/")

    assert response.status_code == 200
    assert console.seen[0].headers["Host"] == f"console.test:{port}"


@pytest.mark.loopback
def test_several_addresses_and_tls_share_the_limit_of_one_call(
    console: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first address takes 3 seconds, the second 1: of 5 there is 1 left for shaking hands."""
    port, moment, limits = int(console.url.rpartition(":")[2]), 0.0, []
    know_addresses(monkeypatch, port, "127.0.0.2", "127.0.0.1")
    monkeypatch.setattr(_deadline, "time", SimpleNamespace(monotonic=lambda: moment))
    connect = socket.socket.connect

    def connect_slowly(self: socket.socket, address: Any) -> None:
        nonlocal moment
        limits.append(self.gettimeout())
        if address[0] == "127.0.0.2":
            moment += 3.0
            raise TimeoutError
        moment += 1.0
        connect(self, address)

    def shake_hands(sock: socket.socket, **_: Any) -> None:
        limits.append(sock.gettimeout())
        raise OSError("enough")

    monkeypatch.setattr(socket.socket, "connect", connect_slowly)
    monkeypatch.setattr("urllib3.connection.ssl_wrap_socket", shake_hands)
    session = session_with("console.test", port)
    session.call_limit = 5.0

    with pytest.raises(requests.ConnectionError):
        session.get(f"https://console.test:{port}/")

    assert limits == [3.0, 2.0, 1.0]
