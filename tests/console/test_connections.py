"""Connections: half requests and crowds do not keep others from an answer."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from chaoscloud.console.cli import _server
from chaoscloud.console.cli._connections import Connections, bound_protocol, raise_file_limit
from chaoscloud.console.cli._server import Server, describe_address, known_hosts, listen
from chaoscloud.console.middleware import ANY_ADDRESS

HALF = b"GET /orders HTTP/1.1\r\nHost: console.example.com\r\n"
LIMIT = 30  # seconds a test waits for what should come at once


@contextmanager
def serve(
    connections: Connections, head_limit: float, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, int]]:
    """A server that answers "orders", in a thread of this process; its host and port."""

    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse("orders")

    app, ready = Starlette(routes=[Route("/orders", answer)]), threading.Event()
    app.state.stopping = asyncio.Event()
    monkeypatch.setattr(
        _server, "bound_protocol", lambda bounds: bound_protocol(bounds, head_limit)
    )
    server, bound = Server(app, ready.set, connections), listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, args=([bound],))
    thread.start()
    ready.wait()
    try:
        yield "127.0.0.1", int(describe_address("127.0.0.1", bound).rpartition(":")[2])
    finally:
        server.should_exit = True
        thread.join()


def connect(where: tuple[str, int], stack: ExitStack, first: bytes = b"") -> socket.socket:
    """A connection that has sent something."""
    connection = stack.enter_context(socket.create_connection(where, timeout=LIMIT))
    connection.sendall(first)
    return connection


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side closes the connection; waits until it does or says something."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("first", [b"", HALF], ids=["nothing", "half a head"])
def test_a_head_that_is_not_complete_in_time_is_closed(
    first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody holds a connection without asking for anything."""
    with serve(Connections(10), 0.01, monkeypatch) as where, ExitStack() as stack:
        assert is_closed(connect(where, stack, first))


def test_a_second_head_that_is_not_complete_in_time_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The limit holds for each request of a connection that stays open."""
    with serve(Connections(10), 0.2, monkeypatch) as where, ExitStack() as stack:
        connection = connect(where, stack, HALF + b"\r\n")
        while not connection.recv(4096).endswith(b"orders"):
            pass
        connection.sendall(HALF)

        assert is_closed(connection)


def test_one_address_leaves_room_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond an address's share is turned away, and room that is given back is used."""
    connections = Connections(10, most_of_one=2)
    with serve(connections, LIMIT, monkeypatch) as where, ExitStack() as stack:
        with ExitStack() as crowd:
            for _ in range(2):
                connect(where, crowd, HALF)
            assert is_closed(connect(where, stack))
        url = f"http://{where[0]}:{where[1]}/orders"
        answers = [_get_until_answered(url) for _ in range(3)]

    assert answers == ["orders"] * 3
    assert connections.rejected > 0


def _get_until_answered(url: str) -> str:
    """The server notices closed connections a moment after they were closed."""
    with httpx2.Client(trust_env=False, timeout=LIMIT) as client:
        while True:
            try:
                return str(client.get(url).text)
            except httpx2.HTTPError:
                continue


def test_all_addresses_together_are_bounded() -> None:
    """Each has its share, and all of them have one."""
    connections = Connections(3, most_of_one=2)

    admitted = [connections.admit(name) for name in ("a", "a", "a", "b", "b")]
    connections.leave("a")

    assert admitted == [True, True, False, True, False]
    assert connections.admit("c")


def test_as_many_files_may_be_open_as_the_system_allows() -> None:
    """The usual limit of 1,024 is no limit of the system's."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
    try:
        raised = raise_file_limit()

        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == raised
        assert raised == min(before[1], 65_536)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_console_is_known_by_its_public_name_and_this_machine() -> None:
    """One that listens everywhere is asked by any of its addresses."""
    narrow = known_hosts("127.0.0.1", "https://Chaos.example.com:8443/", ["inside.example.com"])
    wide = known_hosts("0.0.0.0", None)  # noqa: S104

    assert {"chaos.example.com", "inside.example.com", "localhost", "::1"} <= narrow
    assert ANY_ADDRESS not in narrow
    assert ANY_ADDRESS in wide
