"""Name resolution that ends in time: the system's own may hang for as long as it likes.

`getaddrinfo` takes no time limit, and a resolver that does not answer holds it for 10 seconds and
more. So it is called in a thread, and who waits for it gives up when the time is over. While one
look-up of a name is under way nobody starts another: they all wait for that one.
"""

import ipaddress
import socket
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

__all__ = ["resolve"]

_lookups: dict[tuple[str, int], "Future[list[str]]"] = {}
_lock = threading.Lock()


def resolve(host: str, port: int, seconds: float | None) -> list[str]:
    """The addresses of a host, in the system's order; one that is an address is returned as it is.

    Raises `TimeoutError` after so many seconds (None: none), and what `socket.getaddrinfo` raises.
    """
    with suppress(ValueError):
        return [str(ipaddress.ip_address(host.strip("[]")))]
    return _look_up(host, port).result(seconds)


def _look_up(host: str, port: int) -> "Future[list[str]]":
    with _lock:
        lookup = _lookups.get((host, port))
        if lookup is None:
            lookup = _lookups[(host, port)] = Future()
            arguments = (host, port, lookup)
            threading.Thread(target=_run, args=arguments, name="resolver", daemon=True).start()
        return lookup


def _run(host: str, port: int, lookup: "Future[list[str]]") -> None:
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses: list[Any] = [entry[4][0] for entry in entries]
    except BaseException as x:  # noqa: BLE001 - whoever waits gets it
        _forget(host, port)
        lookup.set_exception(x)
    else:
        _forget(host, port)
        lookup.set_result(list(dict.fromkeys(map(str, addresses))))


def _forget(host: str, port: int) -> None:
    with _lock:
        del _lookups[(host, port)]
