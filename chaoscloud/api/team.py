"""Teams: those of an organization the owner of a token is a member of."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from requests import Response

__all__ = ["request_team", "request_teams"]


def request_teams(teams_url: str, token: str | None, verify_tls: bool = True) -> "Response":
    """The console's answer: 200 with a list of `{"id", "name"}`; 401 for a token it refuses.

    Raises `requests.RequestException`, which is an `OSError`, when there is no answer.
    """
    from chaoscloud.api._http import ask_once

    return ask_once("GET", teams_url, token, verify_tls)


def request_team(team_url: str, token: str | None, verify_tls: bool = True) -> "Response":
    """The console's answer: 200 with `{"id", "name", "org_id"}`; 403 or 404 if not for the owner.

    Raises `requests.RequestException`, which is an `OSError`, when there is no answer.
    """
    from chaoscloud.api._http import ask_once

    return ask_once("GET", team_url, token, verify_tls)
