"""Teams: those of an organization the owner of a token is a member of."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from chaoscloud.api.answers import body_of, refusal_of, was_stored
from chaoscloud.api.calls import attempt, none_on_failure

if TYPE_CHECKING:
    from requests import Response

    from chaoscloud.api._http import ConsoleSession

__all__ = [
    "Refused",
    "Unknown",
    "ask_for_team",
    "fetch_team",
    "fetch_teams",
    "request_team",
    "request_teams",
]

ASK_WITHIN = 5.0
"""Seconds that the question for a team may take."""

REFUSING = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


@dataclass(frozen=True)
class Refused:
    """The team may not be used."""

    reason: str


@dataclass(frozen=True)
class Unknown:
    """Nobody can say now whether it may."""

    reason: str


def fetch_teams(teams_url: str, token: str | None, verify_tls: bool = True) -> "Response":
    """The console's answer: 200 with a list of `{"id", "name"}`; 401 for a token it refuses.

    Raises `requests.RequestException`, which is an `OSError`, when there is no answer.
    """
    from chaoscloud.api._http import ask_once

    return ask_once("GET", teams_url, token, verify_tls)


def fetch_team(team_url: str, token: str | None, verify_tls: bool = True) -> "Response":
    """The console's answer: 200 with `{"id", "name", "org_id"}`; 403 or 404 if not for the owner.

    Raises `requests.RequestException`, which is an `OSError`, when there is no answer.
    """
    from chaoscloud.api._http import ask_once

    return ask_once("GET", team_url, token, verify_tls)


def request_teams(teams_url: str, token: str | None, verify_tls: bool = True) -> "Response | None":
    """What `fetch_teams` gives; None when there is no answer."""
    return none_on_failure(lambda: fetch_teams(teams_url, token, verify_tls))


def request_team(team_url: str, token: str | None, verify_tls: bool = True) -> "Response | None":
    """What `fetch_team` gives; None when there is no answer."""
    return none_on_failure(lambda: fetch_team(team_url, token, verify_tls))


def ask_for_team(session: "ConsoleSession") -> str | Refused | Unknown:
    """The name of the session's team; else why it may not be used, or why nobody can say so."""
    session.call_limit = ASK_WITHIN
    response = attempt(session, "GET", session.base_url)
    if isinstance(response, str):
        return Unknown(response)
    if not was_stored(response):
        reason = refusal_of(response)
        return Refused(reason) if response.status_code in REFUSING else Unknown(reason)
    team = body_of(response)
    if isinstance(team, dict) and "name" in team:
        return str(team["name"])
    return Unknown("the console's answer does not name the team")
