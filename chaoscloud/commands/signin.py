"""Signing in: which console, with which token, and for which team."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

from chaoscloud import _prompts
from chaoscloud.api import urls
from chaoscloud.api.answers import why_not_trusted
from chaoscloud.api.causes import is_caused_by
from chaoscloud.api.ssl import verify_ssl_certificate
from chaoscloud.commands import choosing, directory
from chaoscloud.commands.choosing import Choice
from chaoscloud.commands.directory import Entry
from chaoscloud.commands.failures import CommandFailed, MissingInput, TokenRefused
from chaoscloud.settings import (
    get_default_org,
    get_endpoint_url,
    load,
    read_profile,
    remember_requirement,
    save,
    set_settings,
)
from chaoscloud.types import Settings

__all__ = [
    "Given",
    "address_of",
    "change_organization",
    "change_team",
    "select_organization",
    "select_team",
    "sign_in",
]


@dataclass(frozen=True)
class Given:
    """What the command line says already, so that nobody need be asked."""

    url: str | None = None
    token_on_stdin: bool = False
    organization: str | None = None
    team: str | None = None
    verify_tls: bool = True


@dataclass(frozen=True)
class _Console:
    """A console that accepts us. A token of the environment is used and not stored."""

    url: str
    token: str = field(repr=False)
    verify_tls: bool = True
    store_token: bool = True


def sign_in(settings_path: str, given: Given | None = None) -> None:
    """Ask for what is not given, check it with the console, choose a team, and save it all."""
    given = given or Given()
    settings = load(settings_path)
    url = _settle_url(given, get_endpoint_url(settings), os.environ)
    token, store_token = _settle_token(given, os.environ)
    verify_tls = _greet(url, token, given.verify_tls)
    console = _Console(url, token, verify_tls, store_token)
    organization = select_organization(url, token, verify_tls, given.organization)
    _choose_team_and_save(console, organization, given.team, settings, settings_path)


def change_organization(settings_path: str, given: Given | None = None) -> None:
    """Choose another organization, then a team of it. Without a token: sign in."""
    given = given or Given()
    settings = load(settings_path)
    console = _known_console(settings)
    if console is None:
        return sign_in(settings_path, given)
    organization = select_organization(
        console.url, console.token, console.verify_tls, given.organization
    )
    return _choose_team_and_save(console, organization, given.team, settings, settings_path)


def change_team(settings_path: str, given: Given | None = None) -> None:
    """Choose another team of the current organization. Without a token or organization: sign in."""
    given = given or Given()
    settings = load(settings_path)
    console, current = _known_console(settings), get_default_org(settings)
    if console is None or current is None:
        return change_organization(settings_path, given)
    organization = {"id": str(current["id"]), "name": str(current.get("name", current["id"]))}
    return _choose_team_and_save(console, organization, given.team, settings, settings_path)


def select_organization(
    url: str, token: str, verify_tls: bool = True, wanted: str | None = None
) -> Entry:
    """The organization to work for, of those the token's owner belongs to."""
    choice = Choice(
        "organization", "Here are your known organizations:", "Default organization to use"
    )
    return choosing.choose(directory.organizations(url, token, verify_tls), choice, wanted)


def select_team(
    organization: Entry, url: str, token: str, verify_tls: bool = True, wanted: str | None = None
) -> Entry:
    """The team to publish to, of those of `organization` the token's owner belongs to."""
    choice = Choice(
        "team",
        f"Here are the teams you belong to in organization '{organization['name']}':",
        "Default team to publish to",
    )
    return choosing.choose(directory.teams(organization, url, token, verify_tls), choice, wanted)


def address_of(url: str) -> str:
    """`scheme://host[:port]` of what somebody typed. Raises `ValueError` for what is no url."""
    parts = urlsplit(url.strip())
    try:
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number
        usable = False
    if not usable:
        raise ValueError("The url must look like https://console.example.com")
    return urls.clean(url.strip()).lower()


def _settle_url(given: Given, known: str, environ: Mapping[str, str]) -> str:
    said = given.url or environ.get("CHAOSIQ_URL", "").strip()
    try:
        # The first line of standard input is the token then: it must not be read as a url.
        if not said and (_prompts.has_terminal() or not given.token_on_stdin):
            return _needed(_prompts.ask_url(known, address_of), "--url URL (or CHAOSIQ_URL)")
        return address_of(_needed(said, "--url URL (or CHAOSIQ_URL)"))
    except ValueError as x:
        raise MissingInput(f"{x}.") from None


def _settle_token(given: Given, environ: Mapping[str, str]) -> tuple[str, bool]:
    """The token, and whether to store it. What the command line says wins over the environment."""
    from_environment = environ.get("CHAOSIQ_TOKEN", "").strip()
    if from_environment and not given.token_on_stdin:
        return from_environment, False
    piped = given.token_on_stdin and not _prompts.has_terminal()
    token = _prompts.read_line() if piped else _prompts.ask_token()
    return _needed(token, "the token on standard input with --token-stdin (or CHAOSIQ_TOKEN)"), True


def _needed(answer: str | None, instead: str) -> str:
    """The answer; without one, say what to give."""
    if not answer:
        raise MissingInput(f"There is no terminal to ask at: give {instead}.")
    return answer


def _greet(url: str, token: str, verify_tls: bool) -> bool:
    """See that the console is there and takes the token; return whether to check certificates."""
    try:
        answer = verify_ssl_certificate(url, token, verify_tls)
    except OSError as x:
        if not is_caused_by(x, ssl.SSLCertVerificationError):
            raise directory.unreachable(x) from x
        _ask_to_distrust(url, x)
        return _greet(url, token, verify_tls=False)
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        raise TokenRefused("Your token was not accepted by the server.")
    return verify_tls


def _ask_to_distrust(url: str, error: OSError) -> None:
    """Return when the certificate need not be checked; raise `CommandFailed` in all other cases."""
    problem = f"The certificate of {url} is not trusted: {why_not_trusted(error)}."
    remedy = "Name its authority in REQUESTS_CA_BUNDLE"
    agreed = _prompts.confirm(f"{problem} Disable its verification for this server?")
    if agreed is None:
        raise MissingInput(f"{problem} {remedy}, or give --no-verify-tls.")
    if not agreed:
        raise CommandFailed(f"Nothing was saved. {remedy}, and sign in again.")


def _known_console(settings: Settings) -> _Console | None:
    """The console we are signed in to, or None without a token for it."""
    profile = read_profile(settings)
    known = get_endpoint_url(settings, default=profile.url)
    if address_of(profile.url) != address_of(known):
        raise CommandFailed(
            f"CHAOSIQ_URL says {profile.url} and your settings say {known}: "
            "run `chaos signin` to change consoles, or unset it."
        )
    if profile.token is None:
        return None
    stored = profile.token_source == "settings"  # noqa: S105 - where it is from, not a token
    return _Console(profile.url, profile.token, profile.verify_tls, stored)


def _choose_team_and_save(
    console: _Console,
    organization: Entry,
    wanted: str | None,
    settings: Settings,
    settings_path: str,
) -> None:
    team = select_team(organization, console.url, console.token, console.verify_tls, wanted)
    token = console.token if console.store_token else None
    set_settings(
        console.url,
        token,
        console.verify_tls,
        {"id": organization["id"], "name": organization["name"]},
        {"id": team["id"], "name": team["name"]},
        settings,
    )
    required = directory.requires_safeguards(
        console.url, organization, team, console.token, console.verify_tls
    )
    if required is not None:
        remember_requirement(settings, organization["id"], required)
    save(settings, settings_path)
    _prompts.say(
        f"Experiments and executions will be published to team '{team['name']}' "
        f"in organization '{organization['name']}'"
    )
    _prompts.say(f"ChaosIQ details saved at {settings_path}")
