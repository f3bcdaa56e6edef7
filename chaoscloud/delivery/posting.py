"""How records find their way: which console, as which team, from which folder."""

from collections.abc import Mapping
from typing import Any

from chaoscloud import api
from chaoscloud.api import urls
from chaoscloud.delivery.outbox import Post
from chaoscloud.delivery.shelf import Addressee, Shelf
from chaoscloud.settings import path_in_use
from chaoscloud.tenancy import Tenancy

__all__ = ["post_to"]


def post_to(url: str, tenancy: Tenancy, session: Any) -> Post:
    """The way to the console at `url`, for a session that speaks as this team.

    Records of other teams, a verification's for instance, go with it in their own name.
    """

    def team_url(header: Mapping[str, Any]) -> str:
        if (header.get("org_id"), header.get("team_id")) == (tenancy.org_id, tenancy.team_id):
            return str(session.base_url)
        return api.build_base_url(url, str(header["org_id"]), str(header["team_id"]))

    to = Addressee(urls.host(url), tenancy.org_id, tenancy.team_id)
    return Post(Shelf(path_in_use().parent), to, session, team_url)
