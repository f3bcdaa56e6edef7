"""Probes of an HTTP endpoint: which status it answers, and how long the answer takes."""

from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

import requests
from chaoslib.exceptions import ActivityFailed

from chaoscloud.probes._deadline import call_within

__all__ = ["read_http_status_code", "time_http_call"]

T = TypeVar("T")
Send = Callable[[], requests.Response]
CHUNK = 64 * 1024  # bytes


def read_http_status_code(
    url: str,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    params: Mapping[str, Any] | None = None,
    json: Any = None,
    verify_tls: bool = True,
    timeout: float | None = 30.0,
) -> int:
    """The status code `url` answers, for instance 200; redirects are followed.

    `timeout` is the time allowed for all of it, in seconds. Raises `ActivityFailed` when that time
    is over or the request fails.
    """
    return _probe(_status, url, headers, method, params, json, verify_tls, timeout)


def time_http_call(
    url: str,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    params: Mapping[str, Any] | None = None,
    json: Any = None,
    verify_tls: bool = True,
    timeout: float | None = 30.0,
) -> float:
    """How long `url` takes to answer, to the last byte of its body, in milliseconds.

    `timeout` is the time allowed for all of it, in seconds. Raises `ActivityFailed` when that time
    is over or the request fails.
    """
    return _probe(_milliseconds, url, headers, method, params, json, verify_tls, timeout)


def _status(send: Send) -> int:
    with send() as response:
        return response.status_code


def _milliseconds(send: Send) -> float:
    # A monotonic clock: when the computer's time is corrected meanwhile, nothing is measured wrong.
    started = perf_counter()
    with send() as response:
        for _ in response.iter_content(CHUNK):
            pass
    return (perf_counter() - started) * 1000


def _probe(
    look: Callable[[Send], T],
    url: str,
    headers: Mapping[str, str] | None,
    method: str,
    params: Mapping[str, Any] | None,
    json: Any,
    verify_tls: bool,
    timeout: float | None,
) -> T:
    send = partial(
        requests.request,
        method,
        url,
        headers=headers,
        params=params,
        json=json,
        verify=verify_tls,
        timeout=timeout,
        stream=True,
    )
    try:
        return call_within(timeout, lambda: look(send))
    except TimeoutError:
        raise ActivityFailed(f"{method} {url} took longer than {timeout} seconds") from None
    except (requests.RequestException, ValueError) as x:
        # requests lets a ValueError through when a header or the timeout makes no sense
        raise ActivityFailed(f"{method} {url} failed: {x}") from x
