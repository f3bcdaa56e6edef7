"""The console's own requests: through a proxy where there is one, and to no private address."""

import asyncio
import socket
from ipaddress import ip_network
from typing import Any

import pytest

from chaoscloud.console.config import Config
from chaoscloud.console.outgoing import CallFailed, Client, OutgoingAnswer
from tests.console.receiver import Receiver, serving

LOOPBACK = (ip_network("127.0.0.0/8"),)


def call(url: str, receiver: Receiver, **options: Any) -> OutgoingAnswer:
    """Send one request while a receiver serves; `{port}` in what is given is its port."""

    async def run() -> OutgoingAnswer:
        async with serving(receiver):
            proxies = {
                name: value.format(port=receiver.port)
                for name, value in options.pop("proxies", {}).items()
            }
            client = Client(options.pop("networks", ()), proxies)
            return await client.request("POST", url.format(port=receiver.port), limit=5, **options)

    return asyncio.run(run())


def test_a_proxy_is_asked_for_what_is_elsewhere() -> None:
    """By the whole address; its name and password stand in its url."""
    proxy = Receiver()

    answer = call(
        "http://hooks.example.invalid/chaos?x=1",
        proxy,
        proxies={"http": "http://me:p%40ss@127.0.0.1:{port}"},
        body=b"{}",
    )

    assert answer.status == 200
    assert proxy.calls[0].path == "http://hooks.example.invalid/chaos?x=1"
    assert proxy.calls[0].headers["host"] == "hooks.example.invalid"
    assert proxy.calls[0].headers["proxy-authorization"] == "Basic bWU6cEBzcw=="


def test_a_proxy_is_asked_to_connect_for_https() -> None:
    """What goes through it is for the other end alone; a refusal is said."""
    proxy = Receiver(answer=lambda _: (403, {}, b""))

    with pytest.raises(CallFailed, match="403"):
        call(
            "https://hooks.example.invalid/chaos",
            proxy,
            proxies={"https": "http://127.0.0.1:{port}"},
        )

    assert (proxy.calls[0].method, proxy.calls[0].path) == ("CONNECT", "hooks.example.invalid:443")


def test_hosts_that_need_no_proxy_are_called_directly() -> None:
    """`NO_PROXY`, as other programs read it."""
    receiver = Receiver()

    call(
        "http://127.0.0.1:{port}/hook",
        receiver,
        networks=LOOPBACK,
        proxies={"http": "http://127.0.0.1:1", "no": "localhost,127.0.0.1"},
    )

    assert receiver.calls[0].path == "/hook"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "[::1]"])
def test_a_proxy_is_not_asked_for_private_addresses(host: str) -> None:
    """It stands inside, too."""
    proxy = Receiver()

    with pytest.raises(CallFailed, match="not a public one"):
        call(f"http://{host}/hook", proxy, proxies={"http": "http://127.0.0.1:{port}"})

    assert proxy.calls == []


def test_the_environment_names_the_proxies() -> None:
    """Small letters win, as with curl."""
    environ = {
        "HTTPS_PROXY": "http://loud:1",
        "https_proxy": "http://quiet:1",
        "NO_PROXY": "inside.example.com",
        "HOME": "/",
    }

    config = Config.from_environ(environ, data="x")

    assert config.proxies == {"https": "http://quiet:1", "no": "inside.example.com"}
    assert "quiet" not in repr(config)


def test_an_address_that_does_not_exist_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as an error of the library."""

    def fail(*args: Any, **more: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(CallFailed, match=r"^Name or service not known$"):
        asyncio.run(Client().request("GET", "http://nowhere.invalid/", limit=5))
