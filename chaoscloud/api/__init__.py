"""The wire: what the plugin says to the console, one file a resource.

People patch `build_base_url` here, so these are the functions themselves and not borrowed names,
and importing them stays cheap: no `requests` before a session is asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chaoscloud.api import urls
from chaoscloud.exceptions import SettingsException
from chaoscloud.extension import find_extension, get_extension, set_extension_value
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
    "set_execution_id",
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
    from chaoscloud.settings import ensure_usable_url, get_auth_token, get_auth_type, read_profile

    ensure_usable_url(url, "The console's url")
    tenancy = tenancy_of(organizations)
    if tenancy is None:
        raise SettingsException("No organization and team are chosen: run `chaos signin`.")
    settings = get_loaded_settings() if settings is None else settings
    profile = read_profile(settings)
    from_environment = profile.token_source == "environment"  # noqa: S105 - where it is from
    with ConsoleSession(
        build_base_url(url, tenancy.org_id, tenancy.team_id),
        profile.token if from_environment else get_auth_token(settings, url),
        verify_tls=verify_tls,
        scheme="Bearer" if from_environment else get_auth_type(settings, url),
    ) as session:
        yield session


def build_base_url(url: str, org_id: str, team_id: str) -> str:
    """The address of a team in the API of the console at `url`."""
    return urls.full(urls.base(url), org_id, team_id)


def get_chaosiq_extension_from_journal(journal: Journal) -> Extension | None:
    """The block that says which execution a journal is of: its own, else its experiment's."""
    return get_extension(journal) or get_extension(journal.get("experiment"))


def get_execution_id(extensions: Extensions | None) -> str | None:
    """The execution named in a list of extensions."""
    return _named(extensions, "execution_id")


def get_experiment_id(extensions: Extensions | None) -> str | None:
    """The experiment named in a list of extensions."""
    return _named(extensions, "experiment_id")


def set_execution_id(execution_id: str, experiment: Experiment) -> None:
    """Name the execution in an experiment."""
    set_extension_value(experiment, "execution_id", execution_id)


def _named(extensions: Extensions | None, key: str) -> str | None:
    identifier = (find_extension(extensions) or {}).get(key)
    return str(identifier) if identifier else None
