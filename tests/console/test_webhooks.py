"""Webhooks: whom the console calls and whom not, within its time, and how often."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest

from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.outgoing import Client
from chaoscloud.console.records import safeguard_states, safeguards
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.addresses import may_call
from chaoscloud.console.rules.safeguards import Run
from chaoscloud.console.rules.safeguards.model import WebhookAnswer
from chaoscloud.console.watch import Place, Watch
from chaoscloud.console.watch.asker import Asker
from chaoscloud.console.watch.calling import WebhookReply, ask
from tests.console.conftest import Clock

LOOPBACK = (ip_network("127.0.0.0/8"),)
YES = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"ok": true}'


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "64:ff9b:1::a00:1",
        "64:ff9b:1:abcd::7f00:1",
        "fec0::1",
        "3fff::1",
        "2001:db8::1",
        "100::1",
        "::7f00:1",
        "4000::1",
        "2001:10::1",
        "2002:7f00:1::",
    ],
)
def test_addresses_that_are_not_public_are_not_called(address: str) -> None:
    """Whatever disguise they come in."""
    assert not may_call(address)


@pytest.mark.parametrize(
    "address",
    [
        "93.184.216.34",
        "2606:2800:220:1::1",
        "64:ff9b::5db8:d822",
        "64:ff9b:1::5db8:d822",
    ],
)
def test_public_addresses_are_called(address: str) -> None:
    """Of both families."""
    assert may_call(address)


def test_the_operator_opens_networks() -> None:
    """Those that are listed, and no others."""
    config = Config.from_environ({"CHAOSIQ_CONSOLE_WEBHOOK_NETWORKS": "10.1.0.0/16, ::1"})

    answers = [
        may_call(address, config.webhook_networks)
        for address in ("10.1.2.3", "::ffff:10.1.2.3", "::1", "10.2.0.1", "127.0.0.1")
    ]

    assert answers == [True, True, True, False, False]


def test_a_network_that_is_none_is_refused_in_words() -> None:
    """At the start of the console."""
    with pytest.raises(ValueError, match="networks for webhooks must look like"):
        Config.from_environ({"CHAOSIQ_CONSOLE_WEBHOOK_NETWORKS": "our network"})


# --- one call ----------------------------------------------------------------------------------

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def gate(answer: bytes | Serve) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A webhook on loopback that answers so; its address, and what it was asked."""
    requests: list[bytes] = []
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            requests.append(await reader.readuntil(b"\r\n\r\n"))
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/chaos?team=a", requests
    finally:
        server.close()
        await asyncio.gather(*(task for task in serving if task))


def heard_from(answer: bytes | Serve, limit: float = 30.0) -> tuple[WebhookReply, list[bytes]]:
    async def call() -> tuple[WebhookReply, list[bytes]]:
        async with gate(answer) as (url, requests):
            return await ask(url, Client(LOOPBACK), limit), requests

    return asyncio.run(call())


def answered(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


@pytest.mark.parametrize(
    ("answer", "ok"),
    [
        (YES, True),
        (answered("200 OK", b'{"ok": false, "reason": "nobody is on call"}'), False),
        (answered("200 OK", b'{"ok": "true"}'), False),
        (answered("200 OK", b"{}"), False),
        (answered("200 OK", b"yes"), False),
        (answered("201 Created", b'{"ok": true}'), False),
        (answered("403 Forbidden", b'{"ok": true}'), False),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", False),
        (answered("429 Too Many Requests", b""), None),
        (answered("503 Service Unavailable", b""), None),
        (b"", None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", None),
        (answered("200 OK", b" " * 100_000), None),
    ],
)
def test_what_an_answer_means(answer: bytes, ok: bool | None) -> None:
    """200 and `{"ok": true}` is yes; another answer is no; what is no answer is neither."""
    reply, question = heard_from(answer)

    assert reply.ok is ok, reply
    assert question[0].startswith(b"GET /chaos?team=a HTTP/1.1\r\n")


def test_an_answer_that_drips_takes_no_longer_than_the_limit() -> None:
    """Each byte comes in time, the whole does not."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in YES * 10_000:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.01)

    reply, _ = heard_from(drip, limit=0.2)

    assert (reply.ok, reply.message) == (None, "no answer within 0.2 seconds")


def test_a_name_that_leads_inside_is_not_called() -> None:
    """The name says nothing about the address; nobody is connected to."""

    async def call() -> tuple[WebhookReply, list[bytes]]:
        async with gate(YES) as (url, requests):
            return await ask(url.replace("127.0.0.1", "localhost"), Client()), requests

    reply, question = asyncio.run(call())

    assert (reply.ok, question) == (None, [])
    assert "not a public one" in reply.message


def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look-up, with another answer, would lead past the check."""
    looked_up: list[Any] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **more: Any) -> Any:
        if host == "gate.test":
            looked_up.append(host)
            host = "127.0.0.1"
        return real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    async def call() -> WebhookReply:
        async with gate(YES) as (url, _):
            return await ask(url.replace("127.0.0.1", "gate.test"), Client(LOOPBACK))

    assert asyncio.run(call()).ok is True
    assert looked_up == ["gate.test"]


# --- how often ---------------------------------------------------------------------------------


class Oracle:
    """A webhook that counts how often it is asked."""

    def __init__(self, *answers: WebhookReply) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, url: str) -> WebhookReply:
        self.asked += 1
        await asyncio.sleep(0)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def watching(
    database: Database, now: Clock, checkout: Team, oracle: Oracle
) -> tuple[Watch, list[Place]]:
    """A watch over a webhook, and a hundred runs that ask."""
    database.write(
        lambda c: safeguards.create(
            c,
            checkout.organization_id,
            checkout.id,
            "webhook",
            "Gate",
            now(),
            settings='{"url": "https://gate.test", "when_unanswered": "deny"}',
        )
    ).result()
    watch = Watch(database, now, asyncio.Event())
    watch._asker = Asker(database, now, oracle, watch._note_webhook)
    org, team = checkout.organization_id, checkout.id
    return watch, [Place(org, team, Run(f"run-{number}")) for number in range(100)]


def test_a_webhook_is_asked_once_for_a_hundred_runs(
    database: Database, now: Clock, checkout: Team
) -> None:
    """All of them wait for the one answer, which then holds for its period."""
    oracle = Oracle(WebhookReply(True))
    watch, places = watching(database, now, checkout, oracle)

    async def twice() -> list[bool]:
        first = await asyncio.gather(*(watch.answer(place) for place in places))
        second = await asyncio.gather(*(watch.answer(place) for place in places))
        return [answer.decision.allowed for answer in (*first, *second)]

    assert set(asyncio.run(twice())) == {True}
    assert oracle.asked == 1


def test_another_answer_is_kept_and_reaches_who_waits(
    database: Database, now: Clock, checkout: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked again while somebody waits; what it says now stands in the record, too."""
    oracle = Oracle(WebhookReply(True), WebhookReply(False, "nobody is on call"))
    watch, places = watching(database, now, checkout, oracle)
    monkeypatch.setattr(Asker, "_is_fresh", _fresh_after_first(oracle))

    async def wait() -> bool:
        answer = await watch.answer(places[0])
        other = await watch.wait_for_another(places[0], answer, 50)
        await asyncio.gather(*watch._asker._asking.values())  # until it is written down
        return other.decision.allowed

    assert asyncio.run(wait()) is False
    database.write(lambda c: None).result()
    with database.read() as connection:
        [stored] = safeguard_states.read_states(connection, checkout.organization_id)[0].values()
    assert stored == WebhookAnswer(False, "nobody is on call", now())


def _fresh_after_first(oracle: Oracle) -> Callable[..., bool]:
    """The first question is answered freshly; after it, the answer is old once."""
    looks: list[int] = []

    def is_fresh(*args: object) -> bool:
        looks.append(oracle.asked)
        return len(looks) > 1 and oracle.asked != 1

    return is_fresh


def test_an_error_of_ours_while_asking_is_no_answer(
    database: Database, now: Clock, checkout: Team
) -> None:
    """Whoever waits hears of it."""

    class Broken(Oracle):
        async def __call__(self, url: str) -> WebhookReply:
            raise ZeroDivisionError

    watch, places = watching(database, now, checkout, Broken(WebhookReply(True)))

    with pytest.raises(ZeroDivisionError):
        asyncio.run(watch.answer(places[0]))
