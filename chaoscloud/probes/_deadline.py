"""A call that ends when its time is over, whatever it waits for."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def call_within(seconds: float | None, call: Callable[[], T]) -> T:
    """What `call` returns, or `TimeoutError` once `seconds` have passed; None waits for ever.

    The time-outs of HTTP clients start again with every byte received, and cover neither the
    name's resolution nor a chain of redirects: only the clock on the wall covers all of it. A call
    that is given up goes on in a daemon thread, which holds nobody back. The caller meanwhile
    waits where a signal can still interrupt it.
    """
    future: Future[T] = Future()
    Thread(target=_settle, args=(future, call), name="probe", daemon=True).start()
    return future.result(timeout=seconds)


def _settle(future: Future[T], call: Callable[[], T]) -> None:
    try:
        future.set_result(call())
    except BaseException as x:  # noqa: BLE001 - raised again where the result is read
        future.set_exception(x)
