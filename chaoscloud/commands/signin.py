"""Signing in: which console, with which token, and for which team."""

import logging
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

from chaoscloud import _prompts
from chaoscloud._address import console_address
from chaoscloud.api.answers import why_not_trusted
from chaoscloud.api.causes import is_caused_by
from chaoscloud.api.ssl import verify_ssl_certificate
from chaoscloud.commands import choosing, directory
from chaoscloud.commands.choosing import Choice
from chaoscloud.commands.directory import Entry
from chaoscloud.commands.failures import (
    CommandFailed,
    ConsoleUnreachable,
    MissingInput,
    NotSignedIn,
    TokenRefused,
)
from chaoscloud.settings import (
    ensure_usable_url,
    get_default_org,
    get_default_team,
    get_endpoint_url,
    load,
    read_profile,
    remember_requirement,
    save,
    set_settings,
)
from chaoscloud.types import Settings

logger = logging.getLogger("chaostoolkit")

__all__ = [
    "SignInOptions",
    "change_organization",
    "change_team",
    "select_organization",
    "select_team",
    "sign_in",
]


@dataclass(frozen=True)
class SignInOptions:
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


def sign_in(settings_path: str, options: SignInOptions | None = None) -> None:
    """Ask for what is missing, check it with the console, choose a team, and save it all."""
    options = options or SignInOptions()
    settings = load(settings_path)
    url = _settle_url(options, get_endpoint_url(settings, default=""), os.environ)
    token, store_token = _settle_token(url, options, os.environ)
    url, verify_tls = _locate(url, token, options.verify_tls)
    console = _Console(url, token, verify_tls, store_token)
    _choose_and_save(console, options, settings, settings_path)


def change_organization(settings_path: str, options: SignInOptions | None = None) -> None:
    """Choose another organization, then a team of it. Without a token, see `_sign_in_instead`."""
    options = options or SignInOptions()
    settings = load(settings_path)
    console = _signed_in_console(settings)
    if console is None:
        return _sign_in_instead(settings_path, options)
    return _choose_and_save(console, options, settings, settings_path)


def change_team(settings_path: str, options: SignInOptions | None = None) -> None:
    """Choose another team of the current organization.

    Without an organization, choose that first; without a token, see `_sign_in_instead`.
    """
    options = options or SignInOptions()
    settings = load(settings_path)
    console, current = _signed_in_console(settings), get_default_org(settings)
    if console is None or current is None:
        return change_organization(settings_path, options)
    organization = {"id": str(current["id"]), "name": str(current.get("name", current["id"]))}
    return _choose_team_and_save(console, organization, options.team, settings, settings_path)


def select_organization(
    url: str,
    token: str,
    verify_tls: bool = True,
    name_or_id: str | None = None,
    current: str | None = None,
) -> Entry:
    """The organization to work for, of those the token's owner belongs to.

    `name_or_id` is a name or an id, `current` the id of the one in use.
    """
    choice = Choice(
        "organization", "Here are your known organizations:", "Default organization to use", current
    )
    return choosing.choose(directory.organizations(url, token, verify_tls), choice, name_or_id)


def select_team(
    organization: Entry,
    url: str,
    token: str,
    verify_tls: bool = True,
    name_or_id: str | None = None,
    current: str | None = None,
) -> Entry:
    """The team to publish to, of those of `organization` the token's owner belongs to.

    `name_or_id` is a name or an id, `current` the id of the one in use.
    """
    choice = Choice(
        "team",
        f"Here are the teams you belong to in organization '{organization['name']}':",
        "Default team to publish to",
        current,
    )
    return choosing.choose(
        directory.teams(organization, url, token, verify_tls), choice, name_or_id
    )


def _settle_url(options: SignInOptions, stored: str, environ: Mapping[str, str]) -> str:
    """The console's url: of the command line, the environment, or an answer, `stored` by default.

    No console is proposed to somebody who never named one: it would be sent their token.
    """
    url = options.url or environ.get("CHAOSIQ_URL", "").strip()
    try:
        # The first line of standard input is the token then: it must not be read as a url.
        if not url and (_prompts.has_terminal() or not options.token_on_stdin):
            return _require_answer(
                _prompts.ask_url(stored, console_address), "--url URL (or CHAOSIQ_URL)"
            )
        return console_address(_require_answer(url, "--url URL (or CHAOSIQ_URL)"))
    except ValueError as x:
        raise MissingInput(f"{x}.") from None


def _settle_token(url: str, options: SignInOptions, environ: Mapping[str, str]) -> tuple[str, bool]:
    """The token, and whether to store it. The command line wins over the environment."""
    from_environment = environ.get("CHAOSIQ_TOKEN", "").strip()
    if from_environment and not options.token_on_stdin:
        return from_environment, False
    is_piped = options.token_on_stdin and not _prompts.has_terminal()
    token = _prompts.read_line() if is_piped else _prompts.ask_token(_token_hint(url))
    return _require_answer(
        token, "the token on standard input with --token-stdin (or CHAOSIQ_TOKEN)"
    ), True


def _token_hint(url: str) -> str:
    return (
        f"Make a token at {url}/settings/tokens, or ask whoever runs the console for one "
        "(`chaosiq-console token add`)."
    )


def _require_answer(answer: str | None, instead: str) -> str:
    """The answer; without one, say what to give."""
    if not answer:
        raise MissingInput(f"There is no terminal to ask at: give {instead}.")
    return answer


def _greet(url: str, token: str, verify_tls: bool) -> bool:
    """See that the console is there and takes the token; return whether to check certificates."""
    try:
        answer = verify_ssl_certificate(url, token, verify_tls)
    except Exception as x:
        if not isinstance(x, OSError):  # adapters of `requests` raise kinds of their own
            raise ConsoleUnreachable(f"The console at {url} cannot be asked: {x}.") from x
        if not is_caused_by(x, ssl.SSLCertVerificationError):
            raise directory.unreachable(x) from x
        _ask_to_distrust(url, x)
        return _greet(url, token, verify_tls=False)
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        raise TokenRefused("Your token was not accepted by the server.")
    return verify_tls


def _locate(url: str, token: str, verify_tls: bool) -> tuple[str, bool]:
    """Where exactly the console is, and whether to check certificates.

    A path is kept where a console lies below it, behind a proxy for instance. Otherwise it is the
    address of a page that somebody pasted, and the console is at the root.
    """
    parts = urlsplit(url)
    if parts.path:
        try:
            checks_tls = _greet(url, token, verify_tls)
            if directory.is_console(url, token, checks_tls):
                return url, checks_tls
        except ConsoleUnreachable:  # the root says why, if nobody is there either
            logger.debug("No console at %s", url, exc_info=True)
    root = f"{parts.scheme}://{parts.netloc}"
    return root, _greet(root, token, verify_tls)


def _ask_to_distrust(url: str, error: OSError) -> None:
    """Return when the certificate need not be checked; raise `CommandFailed` in all other cases."""
    problem = f"The certificate of {url} is not trusted: {why_not_trusted(error)}."
    remedy = "Name its authority in REQUESTS_CA_BUNDLE"
    is_agreed = _prompts.confirm(f"{problem} Disable its verification for this server?")
    if is_agreed is None:
        raise MissingInput(f"{problem} {remedy}, or give --no-verify-tls.")
    if not is_agreed:
        raise CommandFailed(f"Nothing was saved. {remedy}, and sign in again.")


def _signed_in_console(settings: Settings) -> _Console | None:
    """The console we are signed in to, or None without a url or a token for it."""
    profile = read_profile(settings)
    if not profile.url:
        return None
    stored_url = get_endpoint_url(settings, default=profile.url)
    ensure_usable_url(stored_url, "The console's url in your settings")
    if console_address(profile.url) != console_address(stored_url):
        raise CommandFailed(
            f"CHAOSIQ_URL says {profile.url} and your settings say {stored_url}: "
            "run `chaos signin` to change consoles, or unset it."
        )
    if profile.token is None:
        return None
    is_stored = profile.token_source == "settings"  # noqa: S105 - where it is from, not a token
    return _Console(profile.url, profile.token, profile.verify_tls, is_stored)


def _sign_in_instead(settings_path: str, options: SignInOptions) -> None:
    """Sign in where a script answers on standard input; people are told to do so first."""
    if _prompts.has_terminal():
        raise NotSignedIn()
    try:
        sign_in(settings_path, options)
    except MissingInput as x:
        raise NotSignedIn() from x


def _choose_and_save(
    console: _Console, options: SignInOptions, settings: Settings, settings_path: str
) -> None:
    current = get_default_org(settings)
    organization = select_organization(
        console.url,
        console.token,
        console.verify_tls,
        options.organization,
        None if current is None else str(current["id"]),
    )
    _choose_team_and_save(console, organization, options.team, settings, settings_path)


def _choose_team_and_save(
    console: _Console,
    organization: Entry,
    name_or_id: str | None,
    settings: Settings,
    settings_path: str,
) -> None:
    current = get_default_team(get_default_org(settings))
    team = select_team(
        organization,
        console.url,
        console.token,
        console.verify_tls,
        name_or_id,
        None if current is None else str(current["id"]),
    )
    set_settings(
        console.url,
        console.token if console.store_token else None,
        console.verify_tls,
        {"id": organization["id"], "name": organization["name"]},
        {"id": team["id"], "name": team["name"]},
        settings,
    )
    is_required = directory.requires_safeguards(
        console.url, organization, team, console.token, console.verify_tls
    )
    if is_required is not None:
        remember_requirement(settings, organization["id"], is_required)
    save(settings, settings_path)
    _prompts.say(
        f"Experiments and executions will be published to team '{team['name']}' "
        f"in organization '{organization['name']}'"
    )
    _prompts.say(f"ChaosIQ details saved at {settings_path}")
