"""`chaos signin --status`: the console, the team and the token in use, and what is to be sent."""

from collections.abc import Iterator
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from chaoscloud.commands import directory
from chaoscloud.commands.directory import REFUSED, TokenOwner
from chaoscloud.commands.environment import load_signed_in
from chaoscloud.commands.failures import CommandFailed, NotSignedIn, TokenRefused
from chaoscloud.commands.pending import count_pending, describe_pending
from chaoscloud.settings import Profile, load, read_profile, token_remedy

__all__ = ["describe_status", "mask_token", "read_status"]

_TOKEN_SOURCES = {"environment": "from CHAOSIQ_TOKEN", "settings": "from the settings"}


def describe_status(settings_path: str) -> Iterator[str]:
    """The lines of the status, first what is known here, then what the console says.

    Raises `CommandFailed` once the console is asked and something is wrong.
    """
    profile, failure = _read_profile(settings_path)
    tenancy = profile.tenancy
    features = [f"{name} {'on' if on else 'off'}" for name, on in profile.features.items()]
    yield _line("Console", _describe_console(profile))
    yield _line("Organization", tenancy.org_name if tenancy else "none")
    yield _line("Team", tenancy.team_name if tenancy else "none")
    yield _line("Features", ", ".join(features))
    yield _line("Token", _describe_token(profile))
    yield _line("Pending", describe_pending(profile, settings_path))
    if failure is not None:
        raise failure
    yield from _describe_owner(profile)
    yield _check_team(profile)


def read_status(settings_path: str) -> tuple[dict[str, Any], CommandFailed | None]:
    """The same as a document for machines (see docs/ci.md), and what is wrong, if anything is."""
    profile, failure = _read_profile(settings_path)
    tenancy, owner = profile.tenancy, None
    try:
        if failure is not None:
            raise failure
        owner = _find_owner(profile)
        _check_team(profile)
    except CommandFailed as x:
        failure = x
    token = profile.token and {"hint": mask_token(profile.token), "source": profile.token_source}
    return {
        "ok": failure is None,
        "problem": None if failure is None else str(failure),
        "console": profile.url or None,
        "verify_tls": profile.verify_tls,
        "organization": tenancy and {"id": tenancy.org_id, "name": tenancy.org_name},
        "team": tenancy and {"id": tenancy.team_id, "name": tenancy.team_name},
        "features": dict(profile.features),
        "token": token,
        "owner": owner and asdict(owner),
        "pending": asdict(count_pending(profile, settings_path)),
    }, failure


def _read_profile(settings_path: str) -> tuple[Profile, CommandFailed | None]:
    """The profile in use; where the environment cannot sign in, that of the file, and why."""
    try:
        return read_profile(load_signed_in(settings_path)), None
    except CommandFailed as x:
        return read_profile(load(settings_path)), x


def mask_token(token: str) -> str:
    """Enough of a token to know it again, and too little to use it."""
    return f"{token[:4]}…{token[-4:]}" if len(token) >= 20 else "…"


def _line(name: str, fact: str) -> str:
    return f"{name + ':':<14}{fact}"


def _describe_console(profile: Profile) -> str:
    if not profile.url:
        return "none"
    return profile.url if profile.verify_tls else f"{profile.url} (certificate not checked)"


def _describe_token(profile: Profile) -> str:
    if profile.token is None or profile.token_source is None:
        return "none"
    return f"{mask_token(profile.token)} ({_TOKEN_SOURCES[profile.token_source]})"


def _find_owner(profile: Profile) -> TokenOwner | None:
    if not profile.url or profile.token is None:
        raise NotSignedIn()
    return directory.owner_of(profile.url, profile.token, profile.verify_tls)


def _describe_owner(profile: Profile) -> Iterator[str]:
    """Who the token speaks for, its name and its end, from a console that says so."""
    owner = _find_owner(profile)
    if owner is not None:
        yield _line("You", owner.name)
        end = "no end" if owner.token_end is None else f"ends on {owner.token_end}"
        yield _line("Token name", f"{owner.token_name} ({end})")


def _check_team(profile: Profile) -> str:
    """Ask the console for the team; say that it accepts us, or raise with what is wrong."""
    assert profile.token is not None  # noqa: S101 - asked before
    if profile.tenancy is None:
        directory.organizations(profile.url, profile.token, profile.verify_tls)
        raise CommandFailed("The token is accepted, but no team is chosen: run `chaos org`.")
    status = directory.team_status(
        profile.url,
        profile.tenancy.org_id,
        profile.tenancy.team_id,
        profile.token,
        profile.verify_tls,
    )
    if status == HTTPStatus.OK:
        return "The console answers and accepts the token."
    if status in REFUSED:
        raise TokenRefused(f"The console answers, but refuses the token: {token_remedy()}.")
    if status == HTTPStatus.NOT_FOUND:
        raise CommandFailed("The console answers, but the team is not yours: run `chaos org`.")
    raise CommandFailed(f"The console at {profile.url} answers with an error (HTTP {status}).")
