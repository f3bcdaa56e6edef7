"""Who the console knows: the organizations and teams of a token's owner."""

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from chaoscloud.api import urls
from chaoscloud.api.answers import body_of, failure_of, refusal_of
from chaoscloud.api.organization import request_orgs
from chaoscloud.api.team import request_team, request_teams
from chaoscloud.commands.failures import CommandFailed, ConsoleUnreachable, TokenRefused
from chaoscloud.delivery.losses import NotStored, courtesy

if TYPE_CHECKING:
    from requests import RequestException, Response

__all__ = [
    "REFUSED",
    "Entry",
    "organizations",
    "requires_safeguards",
    "sentence",
    "team_status",
    "teams",
    "unreachable",
]

REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

Entry = dict[str, str]
"""An organization or a team: `{"id", "name"}`."""


def organizations(url: str, token: str, verify_tls: bool = True) -> list[Entry]:
    """The organizations the token's owner belongs to: at least one, else `CommandFailed`."""
    address = urls.org(urls.base(url))
    found = _listed(
        "Failed to fetch your organizations", lambda: request_orgs(address, token, verify_tls)
    )
    if not found:
        raise CommandFailed(
            f"You belong to no organization on {url}: "
            "ask somebody there to add you to one, then run `chaos signin` again."
        )
    return found


def teams(organization: Entry, url: str, token: str, verify_tls: bool = True) -> list[Entry]:
    """The teams of `organization` the token's owner is in: at least one, else `CommandFailed`."""
    address = urls.team(urls.org(urls.base(url), organization["id"]))
    found = _listed("Failed to fetch your teams", lambda: request_teams(address, token, verify_tls))
    if not found:
        raise CommandFailed(
            f"You belong to no team in organization '{organization['name']}': "
            "ask somebody there to add you to one, or run `chaos org` to choose another one."
        )
    return found


def team_status(url: str, org_id: str, team_id: str, token: str, verify_tls: bool = True) -> int:
    """The status the console answers with when asked for a team."""
    address = urls.team(urls.org(urls.base(url), org_id), team_id)
    return _answer(lambda: request_team(address, token, verify_tls)).status_code


def requires_safeguards(
    url: str, organization: Entry, team: Entry, token: str, verify_tls: bool = True
) -> bool | None:
    """Whether the organization requires safeguards; None when the console does not say.

    It is asked in passing: without an answer, the runs will hear of it.
    """
    address = urls.team(urls.org(urls.base(url), organization["id"]), team["id"])
    try:
        with courtesy():
            body = body_of(request_team(address, token, verify_tls))
    except NotStored:
        return None
    required = body.get("required") if isinstance(body, dict) else None
    return required if isinstance(required, bool) else None


def sentence(phrase: str) -> str:
    """A phrase about the console, its mistakes line by line, as one sentence."""
    line = phrase.replace("\n- ", "; ")
    return f"{line[:1].upper()}{line[1:]}."


def unreachable(error: OSError) -> ConsoleUnreachable:
    """Why nobody answered. All errors of `requests` are `OSError`s, and `error` is one of them."""
    return ConsoleUnreachable(sentence(failure_of(cast("RequestException", error))))


def _answer(ask: "Callable[[], Response]") -> "Response":
    try:
        return ask()
    except OSError as x:
        raise unreachable(x) from x


def _listed(failure: str, ask: "Callable[[], Response]") -> list[Entry]:
    answer = _answer(ask)
    if answer.status_code in REFUSED:
        raise TokenRefused()
    if answer.status_code != HTTPStatus.OK:
        raise CommandFailed(f"{failure}: {refusal_of(answer)}.")
    try:
        return [_entry(one) for one in answer.json()]
    except (ValueError, TypeError, KeyError, RecursionError) as x:
        raise CommandFailed(f"{failure}: what answers is not a console, check the url.") from x


def _entry(one: Any) -> Entry:
    return {"id": str(one["id"]), "name": str(one["name"])}
