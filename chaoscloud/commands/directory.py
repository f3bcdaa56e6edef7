"""Who the console knows: the organizations and teams of a token's owner."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from chaoscloud.api import urls
from chaoscloud.api.answers import body_of, failure_of, plain, refusal_of
from chaoscloud.api.me import request_me
from chaoscloud.api.organization import fetch_orgs
from chaoscloud.api.team import fetch_team, fetch_teams
from chaoscloud.commands.failures import CommandFailed, ConsoleUnreachable, TokenRefused

if TYPE_CHECKING:
    from requests import RequestException, Response

__all__ = [
    "REFUSED",
    "Entry",
    "TokenOwner",
    "is_console",
    "organizations",
    "owner_of",
    "requires_safeguards",
    "sentence",
    "team_status",
    "teams",
    "unreachable",
]

REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

Entry = dict[str, str]
"""An organization or a team: `{"id", "name"}`."""


@dataclass(frozen=True)
class TokenOwner:
    """Whom a token speaks for, the token's name, and its end: a date, None where it has none."""

    name: str
    token_name: str
    token_end: str | None


def organizations(url: str, token: str, verify_tls: bool = True) -> list[Entry]:
    """The organizations the token's owner belongs to: at least one, else `CommandFailed`."""
    address = urls.org(urls.base(url))
    entries = _read_list(
        "Failed to fetch your organizations", lambda: fetch_orgs(address, token, verify_tls)
    )
    if not entries:
        raise CommandFailed(
            f"You belong to no organization on {url}: "
            "ask somebody there to add you to one, then run `chaos signin` again."
        )
    return entries


def teams(organization: Entry, url: str, token: str, verify_tls: bool = True) -> list[Entry]:
    """The teams of `organization` the token's owner is in: at least one, else `CommandFailed`."""
    address = urls.team(urls.org(urls.base(url), organization["id"]))
    entries = _read_list(
        "Failed to fetch your teams", lambda: fetch_teams(address, token, verify_tls)
    )
    if not entries:
        raise CommandFailed(
            f"You belong to no team in organization '{organization['name']}': "
            "ask somebody there to add you to one, or run `chaos org` to choose another one."
        )
    return entries


def is_console(url: str, token: str, verify_tls: bool = True) -> bool:
    """Whether a console answers at this very address, be it only to refuse the token."""
    answer = _ask_optionally(lambda: fetch_orgs(urls.org(urls.base(url)), token, verify_tls))
    if answer is None:
        return False
    return answer.status_code in REFUSED or isinstance(body_of(answer), list)


def owner_of(url: str, token: str, verify_tls: bool = True) -> TokenOwner | None:
    """Whom the token speaks for; None where the console does not say."""
    answer = _ask_optionally(lambda: request_me(url, token, verify_tls))
    body = body_of(answer) if answer is not None else None
    facts = body.get("token") if isinstance(body, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(facts, Mapping):
        return None
    end = facts.get("expires_at")
    return TokenOwner(
        plain(body.get("name", "")), plain(facts.get("name", "")), plain(end)[:10] if end else None
    )


def team_status(url: str, org_id: str, team_id: str, token: str, verify_tls: bool = True) -> int:
    """The status the console answers with when asked for a team."""
    address = urls.team(urls.org(urls.base(url), org_id), team_id)
    return _answer(lambda: fetch_team(address, token, verify_tls)).status_code


def requires_safeguards(
    url: str, organization: Entry, team: Entry, token: str, verify_tls: bool = True
) -> bool | None:
    """Whether the organization requires safeguards; None when the console does not say.

    Nobody waits for this: without an answer, the runs will learn it.
    """
    address = urls.team(urls.org(urls.base(url), organization["id"]), team["id"])
    answer = _ask_optionally(lambda: fetch_team(address, token, verify_tls))
    body = body_of(answer) if answer is not None else None
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


def _ask_optionally(ask: "Callable[[], Response]") -> "Response | None":
    """The answer to a question that a command can do without; None where there is none."""
    try:
        return ask()
    except Exception:  # noqa: BLE001 - adapters of `requests` raise kinds of their own
        return None


def _read_list(failure: str, ask: "Callable[[], Response]") -> list[Entry]:
    answer = _answer(ask)
    if answer.status_code in REFUSED:
        raise TokenRefused()
    if answer.status_code != HTTPStatus.OK:
        raise CommandFailed(f"{failure}: {refusal_of(answer)}.")
    try:
        return [{"id": str(entry["id"]), "name": str(entry["name"])} for entry in answer.json()]
    except (ValueError, TypeError, KeyError, RecursionError) as x:
        raise CommandFailed(f"{failure}: what answers is not a console, check the url.") from x
