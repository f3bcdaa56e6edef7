"""The wire: what the plugin says to the console, one file a resource.

People patch `build_base_url` here, so these are the functions themselves and not borrowed names,
and importing them stays cheap: no `requests` before a session is asked for.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from chaoscloud.api import urls
from chaoscloud.exceptions import SettingsException
from chaoscloud.extension import (
    ensure_extension,
    find_extension,
    get_extension,
    set_extension_value,
)
from chaoscloud.tenancy import get_default_org, get_default_team, tenancy_of
from chaoscloud.types import Experiment, Extension, Extensions, Journal, Organizations, Settings

if TYPE_CHECKING:
    from chaoscloud.api._http import ConsoleSession

__all__ = [
    "build_base_url",
    "client_session",
    "get_chaosiq_extension_from_journal",
    "get_default_org",
    "get_default_team",
    "get_execution_id",
    "get_experiment_id",
    "open_session",
    "set_execution_id",
    "token_for",
]


@contextmanager
def client_session(
    url: str,
    organizations: Organizations | None,
    verify_tls: bool = True,
    settings: Settings | None = None,
) -> Iterator["ConsoleSession"]:
    """A session with the console at `url`, in the name of the default team; closed at the end.

    Its `base_url` is that team's address in the API. The token is CHAOSIQ_TOKEN, else the one the
    settings (the host's own when None) keep for the host of `url`. Raises `SettingsException` when
    no team is chosen, or `url` is none.
    """
    from chaoslib.settings import get_loaded_settings

    from chaoscloud.api._http import ConsoleSession
    from chaoscloud.settings import ensure_usable_url

    ensure_usable_url(url, "The console's url")
    tenancy = tenancy_of(organizations)
    if tenancy is None:
        raise SettingsException("No organization and team are chosen: run `chaos signin`.")
    token, scheme = token_for(url, get_loaded_settings() if settings is None else settings)
    base_url = build_base_url(url, tenancy.org_id, tenancy.team_id)
    with ConsoleSession(base_url, token, verify_tls=verify_tls, scheme=scheme) as session:
        yield session


def token_for(url: str, settings: Settings) -> tuple[str | None, str]:
    """The token for the console at `url`, and its scheme: CHAOSIQ_TOKEN, else that in settings."""
    from chaoscloud.settings import get_auth_token, get_auth_type, read_profile

    profile = read_profile(settings)
    if profile.token_source == "environment":  # noqa: S105 - where it is from
        return profile.token, "Bearer"
    return get_auth_token(settings, url), get_auth_type(settings, url)


def open_session(settings: Settings | None) -> AbstractContextManager["ConsoleSession"]:
    """A session with the console of these settings, as the team they choose."""
    from chaoscloud.settings import get_orgs, read_profile

    profile = read_profile(settings)
    return client_session(profile.url, get_orgs(settings), profile.verify_tls, settings)


def build_base_url(url: str, org_id: str, team_id: str) -> str:
    """The address of a team in the API of the console at `url`."""
    return urls.full(urls.base(url), org_id, team_id)


def get_chaosiq_extension_from_journal(journal: Journal) -> Extension:
    """The block that says which execution a journal is of: its own, else its experiment's.

    A journal that has neither gets one.
    """
    known = get_extension(journal) or get_extension(journal.get("experiment"))
    return known if known is not None else ensure_extension(journal)


def get_execution_id(extensions: Extensions | None) -> str | None:
    """The execution named in a list of extensions."""
    return _find_id(extensions, "execution_id")


def get_experiment_id(extensions: Extensions | None) -> str | None:
    """The experiment named in a list of extensions."""
    return _find_id(extensions, "experiment_id")


def set_execution_id(execution_id: str, experiment: Experiment) -> None:
    """Name the execution in an experiment."""
    set_extension_value(experiment, "execution_id", execution_id)


def _find_id(extensions: Extensions | None, key: str) -> str | None:
    identifier = (find_extension(extensions) or {}).get(key)
    return str(identifier) if identifier else None
