"""Fetch a document from the console's own address."""

from typing import Any
from urllib.parse import urljoin

import requests
from chaoslib.exceptions import ChaosException, InvalidSource
from chaoslib.loader import parse_experiment_from_http

from chaoscloud.api import urls
from chaoscloud.api._http import ConsoleSession, _origin
from chaoscloud.api.answers import failure_of, plain, refusal_of, was_stored

__all__ = ["fetch_document", "is_same_origin"]

HEADERS = {"Accept": "application/json, application/x-yaml"}
HOPS = 5


def is_same_origin(url: str, other: str) -> bool:
    """Whether two addresses have the same scheme, host and port."""
    try:
        return _origin(url) == _origin(other)
    except ValueError:  # no address at all
        return False


def fetch_document(
    url: str, token: str | None, scheme: str = "Bearer", verify_tls: bool = True
) -> Any:
    """The document at `url`, JSON or YAML. Raises `InvalidSource` with the reason.

    The token goes with the first request only: wherever a redirect leads, and be it to the same
    host, it is followed without. `verify_tls` is about the host of `url`, and no other.
    """
    try:
        answer = _fetch(url, token, scheme, verify_tls)
    except requests.RequestException as x:
        raise InvalidSource(f"Failed to fetch {url}: {failure_of(x)}") from x
    if not was_stored(answer):
        raise InvalidSource(f"Failed to fetch {url}: {refusal_of(answer)}")
    try:
        return parse_experiment_from_http(answer)
    except (ValueError, TypeError, ChaosException) as x:
        raise InvalidSource(f"{url} is no JSON or YAML document: {plain(x)}") from x


def _fetch(url: str, token: str | None, scheme: str, verify_tls: bool) -> requests.Response:
    host = urls.host(url)
    for _ in range(HOPS):
        verify = verify_tls or urls.host(url) != host
        with ConsoleSession(url, token, verify_tls=verify, scheme=scheme) as session:
            answer = session.get(url, headers=HEADERS)
        if not answer.is_redirect:
            return answer
        url, token = urljoin(url, answer.headers["Location"]), None
    raise requests.TooManyRedirects(f"more than {HOPS} redirects", response=answer)
