"""The web server: it says when it is ready, and stops at once when asked to.

uvicorn waits for connections that are held open (long-polls, event streams) until they end; so
those are ended first.
"""

import asyncio
import gc
import logging
import socket
from collections.abc import Callable, Iterable
from types import FrameType
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette

from chaoscloud.console.cli._connections import (
    RESERVED_FILES,
    Connections,
    bound_protocol,
    raise_file_limit,
)
from chaoscloud.console.middleware import ANY_ADDRESS, read_host

log = logging.getLogger("chaosiq.console")

STOPPING_LIMIT = 1  # seconds for requests under way, once the process is asked to stop
KEEP_ALIVE = 75  # seconds; a run's session stays one connection through its longer pauses


class Server(uvicorn.Server):
    """uvicorn with the console's start and end.

    `on_ready` is called once it listens, `on_stop` when a signal asks it to stop.
    """

    def __init__(
        self,
        app: Starlette,
        on_ready: Callable[[], None],
        connections: Connections | None = None,
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        connections = connections or Connections(raise_file_limit() - RESERVED_FILES)
        log.info(
            "up to %d connections, %d from one address", connections.most, connections.most_of_one
        )
        super().__init__(
            uvicorn.Config(
                app,
                http=bound_protocol(connections),
                log_config=None,
                access_log=False,
                server_header=False,
                ws="none",
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=STOPPING_LIMIT,
            )
        )
        self._app = app
        self._on_ready = on_ready
        self._on_stop = on_stop

    def serve_until_stopped(self, listener: socket.socket) -> None:
        """Serve until a signal; the process must end soon after.

        The event loop is not closed, for that waits for every name that is being looked up: a
        webhook's, at a name server that may never answer.
        """
        loop = (self.config.get_loop_factory() or asyncio.new_event_loop)()
        loop.run_until_complete(self.serve([listener]))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and announce it."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()
            gc.freeze()  # what is loaded by now stays: the collector need not look at it again

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer those who wait, then stop."""
        self._app.state.stopping.set()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop because of a signal; a second one does not wait for requests under way.

        uvicorn's own raises the signal again at the end, which would make a stop that was asked
        for look like a failure.
        """
        if not self.should_exit:
            self._on_stop()
        self.force_exit = self.should_exit
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A socket on the address; port 0 takes a free one. Raises `OSError`."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if hasattr(socket, "SO_REUSEADDR") and not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def describe_address(host: str, listener: socket.socket) -> str:
    """The url of a listening socket, as somebody on this machine opens it."""
    port = listener.getsockname()[1]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{name}:{port}"


def known_hosts(host: str, public_url: str | None, more: Iterable[str] = ()) -> frozenset[str]:
    """The names that a console is known by: its public one, this machine's, and `more`.

    One that listens on every address is asked by any of them, as by the machine's own name.
    """
    names = {"localhost", "127.0.0.1", "::1", host, *more}
    if public_url:
        names.add(read_host(urlsplit(public_url).netloc))
    if host in ("0.0.0.0", "::"):  # noqa: S104
        names |= {ANY_ADDRESS, socket.gethostname()}
    return frozenset(name.lower() for name in names)
