"""How records find their way: which console, as which team, from which folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaoscloud import _settings_file, api
from chaoscloud.api import urls
from chaoscloud.delivery.shelf import Addressee, Shelf
from chaoscloud.tenancy import Tenancy

__all__ = ["Post", "TeamUrl", "post_to"]

TeamUrl = Callable[[Mapping[str, Any]], str]
"""The address of the team that a spool's header names."""


@dataclass(frozen=True)
class Post:
    """Where records are kept, for whom, and over what they go."""

    shelf: Shelf
    to: Addressee
    session: Any
    team_url: TeamUrl


def post_to(url: str, tenancy: Tenancy, session: Any, folder: Path | None = None) -> Post:
    """The way to the console at `url`, for a session that speaks as this team.

    What is kept lies in `folder`, unless given that of the settings in use.

    Records of other teams, a verification's for instance, go with it in their own name.
    """

    def team_url(header: Mapping[str, Any]) -> str:
        if (header.get("org_id"), header.get("team_id")) == (tenancy.org_id, tenancy.team_id):
            return str(session.base_url)
        return api.build_base_url(url, str(header["org_id"]), str(header["team_id"]))

    to = Addressee(urls.host(url), tenancy.org_id, tenancy.team_id)
    return Post(Shelf(folder or _settings_file.in_use().parent), to, session, team_url)
