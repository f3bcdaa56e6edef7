"""Which console the runs of these settings are told to."""

from contextlib import AbstractContextManager
from typing import NamedTuple

from chaoscloud import api
from chaoscloud.api._http import ConsoleSession
from chaoscloud.settings import get_orgs, read_profile
from chaoscloud.types import Organizations, Settings

__all__ = ["CallContext", "get_call_context", "open_session"]


class CallContext(NamedTuple):
    """The first arguments of `chaoscloud.api.client_session`, in its order."""

    url: str
    organizations: Organizations
    verify_tls: bool


def get_call_context(settings: Settings | None) -> CallContext:
    """The console's url, the organizations and whether certificates are checked."""
    profile = read_profile(settings)
    return CallContext(profile.url, get_orgs(settings), profile.verify_tls)


def open_session(settings: Settings | None) -> AbstractContextManager[ConsoleSession]:
    """A session with the console of these settings, as the team they choose."""
    return api.client_session(*get_call_context(settings), settings=settings)
