"""Where we stand: what `chaos signin --status` shows."""

from http import HTTPStatus

from chaoscloud.commands.directory import REFUSED, organizations, team_status
from chaoscloud.commands.failures import CommandFailed, NotSignedIn, TokenRefused
from chaoscloud.commands.keeping import kept_line
from chaoscloud.settings import DEFAULT_URL, Profile, load, read_profile

__all__ = ["answer_of", "described", "kept", "masked", "profile_at"]

_ORIGINS = {"environment": "from CHAOSIQ_TOKEN", "settings": "from the settings"}


def profile_at(settings_path: str) -> Profile:
    """What the settings and the environment say about us."""
    return read_profile(load(settings_path))


def described(profile: Profile) -> list[str]:
    """The lines about what is known without asking anybody."""
    tenancy = profile.tenancy
    features = ", ".join(f"{name} {'on' if on else 'off'}" for name, on in profile.features.items())
    facts = {
        "Console": _console(profile),
        "Organization": tenancy.org_name if tenancy else "none",
        "Team": tenancy.team_name if tenancy else "none",
        "Features": features,
        "Token": _token(profile),
    }
    return [f"{name + ':':<14}{fact}" for name, fact in facts.items()]


def kept(profile: Profile, settings_path: str) -> str:
    """The line about what is still to be sent."""
    return f"{'Kept:':<14}{kept_line(profile, settings_path)}"


def answer_of(profile: Profile) -> str:
    """Ask the console; say that it accepts us, or raise `CommandFailed` with what is amiss."""
    if profile.token is None:
        raise NotSignedIn()
    if profile.tenancy is None:
        organizations(profile.url, profile.token, profile.verify_tls)
        raise CommandFailed("The token is accepted, but no team is chosen: run `chaos org`.")
    status = team_status(
        profile.url,
        profile.tenancy.org_id,
        profile.tenancy.team_id,
        profile.token,
        profile.verify_tls,
    )
    return _meaning(status, profile)


def masked(token: str) -> str:
    """Enough of a token to know it again, and too little to use it."""
    return f"{token[:4]}…{token[-4:]}" if len(token) >= 20 else "…"


def _console(profile: Profile) -> str:
    if profile.token is None and profile.url == DEFAULT_URL:
        return "none"
    return profile.url if profile.verify_tls else f"{profile.url} (certificate not checked)"


def _token(profile: Profile) -> str:
    if profile.token is None or profile.token_source is None:
        return "none"
    return f"{masked(profile.token)} ({_ORIGINS[profile.token_source]})"


def _meaning(status: int, profile: Profile) -> str:
    if status == HTTPStatus.OK:
        return "The console answers and accepts the token."
    if status in REFUSED:
        raise TokenRefused("The console answers, but refuses the token: run `chaos signin`.")
    if status == HTTPStatus.NOT_FOUND:
        raise CommandFailed("The console answers, but the team is not yours: run `chaos org`.")
    raise CommandFailed(f"The console at {profile.url} answers with an error (HTTP {status}).")
