"""Load a verification from where it is: a file, the console, or somebody else's address."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaoslib.control import controls
from chaoslib.exceptions import InvalidExperiment, InvalidSource
from chaoslib.loader import load_experiment

from chaoscloud.api import urls
from chaoscloud.api.documents import fetch_document, is_same_origin
from chaoscloud.settings import Profile, get_endpoint_url
from chaoscloud.types import Experiment, Settings

__all__ = ["load_verification"]


def load_verification(
    source: str, settings: Settings, profile: Profile, verify_tls: bool = True
) -> Experiment:
    """The document at `source`, a path or a url. Raises `InvalidSource` with the reason.

    The console's token goes to the console's own scheme, host and port, and nowhere else.
    `verify_tls=False` leaves certificates unchecked, whatever the settings say.
    """
    if Path(source).exists() or not is_same_origin(source, profile.url):
        document = _from_elsewhere(source, without_our_token(settings, profile), verify_tls)
    else:
        document = _from_console(source, profile, verify_tls and profile.verify_tls)
    if not isinstance(document, dict):
        raise InvalidSource(f"{source} holds no verification")
    return document


def without_our_token(settings: Settings, profile: Profile) -> Settings:
    """The settings as the host's loader may see them for an address that is not the console's.

    It looks only at host and port when it gives away a token: `http://` instead of `https://` would
    do to get ours.
    """
    ours = {urls.host(url).lower() for url in (profile.url, get_endpoint_url(settings))} - {""}
    auths = settings.get("auths")
    known = auths if isinstance(auths, Mapping) else {}
    others = {host: auth for host, auth in known.items() if str(host).lower() not in ours}
    return {**settings, "auths": others}


def _from_console(source: str, profile: Profile, verify_tls: bool) -> Any:
    with controls(level="loader", context=source) as control:
        document = fetch_document(source, profile.token, profile.token_type, verify_tls)
        control.with_state(document)
        return document


def _from_elsewhere(source: str, settings: Settings, verify_tls: bool) -> Any:
    try:
        return load_experiment(source, settings, verify_tls)
    except (OSError, ValueError, TypeError, InvalidExperiment) as x:
        # No file to be read, nobody who answers, or no document: the host lets these through
        raise InvalidSource(f"Failed to load {source}: {x}") from x
