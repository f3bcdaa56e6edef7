"""Organizations: those the owner of a token belongs to."""

from typing import TYPE_CHECKING

from chaoscloud.api.calls import none_on_failure

if TYPE_CHECKING:
    from requests import Response

__all__ = ["fetch_orgs", "request_orgs"]


def fetch_orgs(orgs_url: str, token: str | None, verify_tls: bool = True) -> "Response":
    """The console's answer: 200 with a list of `{"id", "name"}`; 401 for a token it refuses.

    Raises `requests.RequestException`, which is an `OSError`, when there is no answer.
    """
    from chaoscloud.api._http import ask_once

    return ask_once("GET", orgs_url, token, verify_tls)


def request_orgs(orgs_url: str, token: str | None, verify_tls: bool = True) -> "Response | None":
    """The same; None when there is no answer."""
    return none_on_failure(lambda: fetch_orgs(orgs_url, token, verify_tls))
