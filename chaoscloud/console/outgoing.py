"""The console's own requests to addresses that somebody else chose: one HTTP client for all.

A name is looked up once and the connection goes to the very address that was checked, so an answer
that changes in between (DNS rebinding) leads nowhere. Redirects are not followed. Names are looked
up in threads of their own: a name server that does not answer holds up nobody else.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

import httpcore2
import msgspec

from chaoscloud import __version__
from chaoscloud.console.rules.addresses import Network, is_address, may_call

LARGEST = 64 * 1024  # bytes of an answer
LOOKUPS = 4  # names looked up at the same time
USER_AGENT = f"chaosiq-console/{__version__}"

_threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="console-names")


class CallFailed(Exception):
    """There was no answer; the message says why, in one line."""


class OutgoingAnswer(msgspec.Struct, frozen=True):
    """What came back: the status, the headers by their small names, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """Calls public addresses, and those in `networks`; through a proxy where `proxies` name one.

    `proxies` maps `http` and `https` to a proxy's url, and `no` to the hosts that are called
    directly, as `urllib.request.getproxies_environment` reads them.
    """

    def __init__(
        self, networks: Iterable[Network] = (), proxies: Mapping[str, str] | None = None
    ) -> None:
        self._networks = tuple(networks)
        self._proxies = dict(proxies or {})

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        limit: float,
    ) -> OutgoingAnswer:
        """Send one request; `limit` is the seconds for all of it. Raises `CallFailed`."""
        try:
            async with asyncio.timeout(limit):
                return await self._request(method, url, headers or {}, body)
        except TimeoutError:
            raise CallFailed(f"no answer within {limit:g} seconds") from None
        except Exception as error:
            if (reason := _describe_failure(error)) is None:
                raise
            raise CallFailed(reason) from error

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> OutgoingAnswer:
        parts = urlsplit(url)
        proxy = self._find_proxy(parts)
        if proxy:
            await self._check_target(parts)
            pool: httpcore2.AsyncConnectionPool = httpcore2.AsyncHTTPProxy(**_describe_proxy(proxy))
        else:
            backend = CheckedBackend(self._networks)
            pool = httpcore2.AsyncConnectionPool(_tls(), network_backend=backend)
        every_header = {"User-Agent": USER_AGENT, "Accept": "application/json", **headers}
        every_header |= {"Host": parts.netloc.rpartition("@")[2], "Connection": "close"}
        pairs = list(every_header.items())
        async with (
            pool,
            pool.stream(method, url, headers=pairs, content=body or None) as response,
        ):
            content = b""
            async for piece in response.aiter_stream():
                content += piece
                if len(content) > LARGEST:
                    raise ValueError(f"its answer is longer than {LARGEST} bytes")
        names = {name.decode("latin-1").lower(): value for name, value in response.headers}
        decoded = {name: value.decode("latin-1") for name, value in names.items()}
        return OutgoingAnswer(response.status, decoded, content)

    def _find_proxy(self, parts: SplitResult) -> str | None:
        host = parts.netloc.rpartition("@")[2]
        if not self._proxies or proxy_bypass_environment(host, self._proxies):
            return None
        return self._proxies.get(parts.scheme) or self._proxies.get("all")

    async def _check_target(self, parts: SplitResult) -> None:
        """Refuse what a proxy is not to be asked for.

        A proxy looks names up by itself, often those that this machine does not know; so a name is
        refused only where it is known here, and leads to no public address.
        """
        host = parts.hostname or ""
        try:
            await find_addresses(host, 0, self._networks)
        except socket.gaierror:
            if is_address(host):
                raise


class CheckedBackend(httpcore2.AnyIOBackend):
    """Connects to the addresses that may be called, and to no other."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the first address of a host that takes one."""
        failure: Exception = OSError("it has no address")
        for address in await find_addresses(host, port, self._networks):
            try:
                return await super().connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore2.ConnectError as error:
                failure = error
        raise failure


async def find_addresses(host: str, port: int, networks: Sequence[Network]) -> list[str]:
    """The addresses of a host that may be called. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    rows = await loop.run_in_executor(_threads, _look_up, host, port)
    addresses = [address for address in rows if may_call(address, networks)]
    if not addresses:
        raise OSError("its address is not a public one, and the operator does not allow it")
    return addresses


def _look_up(host: str, port: int) -> list[str]:
    rows = socket.getaddrinfo(host, port or None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _describe_proxy(url: str) -> dict[str, Any]:
    """A proxy as httpcore takes it; its name and password may stand in its url."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    described: dict[str, Any] = {
        "proxy_url": f"{parts.scheme}://{host}{port}/",
        "ssl_context": _tls(),
    }
    if parts.username:
        described["proxy_auth"] = (unquote(parts.username), unquote(parts.password or ""))
    return described


_EXPECTED = (
    OSError,
    UnicodeError,
    ValueError,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.TimeoutException,
    httpcore2.UnsupportedProtocol,
)


def _describe_failure(error: Exception) -> str | None:
    """Why there is no answer; None for an error of our own."""
    if not isinstance(error, _EXPECTED):
        return None
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore2.RemoteProtocolError) and "disconnected" in str(error):
        return "it closed the connection without an answer"
    cause = error.__cause__ or error.__context__
    system = next((e for e in (error, cause) if isinstance(e, OSError) and e.strerror), None)
    words = (system.strerror if system else None) or str(error)
    return " ".join(words.split())[:300] or type(error).__name__
