"""A receiver of messages on loopback, and a console that sends to it."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.messages.delivery import Delivery
from chaoscloud.console.outgoing import Client
from tests.console.conftest import Clock

LOOPBACK = (ip_network("127.0.0.0/8"),)


@dataclass(frozen=True)
class Call:
    """One request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


OutgoingAnswer = tuple[int, dict[str, str], bytes]
OK: OutgoingAnswer = (200, {}, b"")


@dataclass
class Receiver:
    """Answers as `answer` says, or else 200; remembers every call. None: hangs up without one."""

    answer: Callable[[Call], OutgoingAnswer | None] = lambda _: OK
    calls: list[Call] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            pairs = (line.split(": ", 1) for line in lines)
            headers = {name.lower(): value for name, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            method, path, _ = first.split(" ")
            call = Call(method, path, headers, body)
            self.calls.append(call)
            if answer := self.answer(call):
                status, more, content = answer
                fields = {"Content-Length": str(len(content)), "Connection": "close", **more}
                text = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
                writer.write(f"HTTP/1.1 {status} X\r\n{text}\r\n".encode() + content)
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def reserve_port() -> int:
    """A port of this machine that was free a moment ago."""
    with contextlib.closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        port: int = reserved.getsockname()[1]
        return port


def deliver(
    database: Database,
    config: Config,
    now: Clock,
    receiver: Receiver,
    until: Callable[[], bool],
    client: Client | None = None,
) -> None:
    """Run the delivery against a receiver until something is true."""

    async def run() -> None:
        async with serving(receiver):
            delivery = Delivery(database, config, client or Client(LOOPBACK), now)
            task = asyncio.create_task(delivery.run())
            async with asyncio.timeout(10):
                while not until():
                    await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


@asynccontextmanager
async def serving(receiver: Receiver) -> AsyncIterator[None]:
    """Serve the receiver on a port of this machine."""
    tasks: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        await receiver.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", receiver.port)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        await asyncio.gather(*(task for task in tasks if task))
