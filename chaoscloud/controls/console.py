"""Which console a run is recorded in and guarded by, and in whose name."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chaoslib.settings import get_loaded_settings

from chaoscloud import api
from chaoscloud.settings import (
    get_endpoint_url,
    get_guard_mode,
    get_orgs,
    is_feature_enabled,
    read_profile,
)
from chaoscloud.tenancy import tenancy_of
from chaoscloud.types import GuardMode, Organizations, Settings

if TYPE_CHECKING:
    from chaoscloud.api._http import ConsoleSession

__all__ = ["Console", "console_of"]


@dataclass(frozen=True)
class Console:
    """Where a run is recorded: the control's arguments, completed by settings and environment."""

    settings: Settings
    url: str
    verify_tls: bool
    organizations: Organizations

    def open_session(self) -> AbstractContextManager["ConsoleSession"]:
        """A session with it, as the team that is chosen."""
        return api.client_session(self.url, self.organizations, self.verify_tls, self.settings)

    def wants(self, feature: str) -> bool:
        """Whether a feature is on in the settings."""
        return is_feature_enabled(self.settings, feature)

    @property
    def tenant(self) -> tuple[str, str | None, str | None]:
        """Its url, and the organization's and the team's id where they are chosen."""
        tenancy = tenancy_of(self.organizations)
        url = self.url.rstrip("/")
        if tenancy is None:
            return url, None, None
        return url, tenancy.org_id, tenancy.team_id

    @property
    def guard_mode(self) -> GuardMode:
        """How its runs are guarded."""
        return get_guard_mode(self.settings)


def console_of(
    settings: Settings | None,
    url: str | None,
    verify_tls: bool | None,
    organizations: Organizations | None,
) -> Console:
    """Complete what the host handed to a control. `CHAOSIQ_URL` wins over the control's `url`."""
    settings = get_loaded_settings() if settings is None else settings
    profile = read_profile(settings)
    overruled = profile.url != get_endpoint_url(settings, default="").rstrip("/") or not url
    return Console(
        settings=settings,
        url=profile.url if overruled else str(url),
        verify_tls=profile.verify_tls if overruled else verify_tls is not False,
        organizations=organizations or get_orgs(settings),
    )
