"""Whom a token speaks for."""

from typing import TYPE_CHECKING

from chaoscloud.api import urls

if TYPE_CHECKING:
    from requests import Response

__all__ = ["request_me"]


def request_me(url: str, token: str | None, verify_tls: bool = True) -> "Response":
    """The answer of the console at `url`: 200 with `{"name", "token": {"name", "expires_at"}}`.

    404 from a console that does not say. Raises `requests.RequestException`, which is an
    `OSError`, when there is no answer.
    """
    from chaoscloud.api._http import ask_once

    return ask_once("GET", f"{urls.base(url)}/me", token, verify_tls)
