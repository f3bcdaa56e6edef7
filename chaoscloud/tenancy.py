"""Which organization and team we speak for.

The settings keep every organization the user chose once, and mark the current one, and its current
team, with `default: true`. These are functions of that list; where it is stored is not known here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from chaoscloud.types import Organization, Organizations, Team

__all__ = ["Tenancy", "get_default_org", "get_default_team", "tenancy_of"]

Entry = TypeVar("Entry", bound=Mapping[str, Any])


@dataclass(frozen=True)
class Tenancy:
    """One team of one organization: every request is made in its name."""

    org_id: str
    org_name: str
    team_id: str
    team_name: str


def get_default_org(organizations: Organizations | None) -> Organization | None:
    """The organization marked as the default, or None."""
    return _find_marked(organizations)


def get_default_team(organization: Organization | None) -> Team | None:
    """The team of `organization` marked as the default, or None."""
    if not isinstance(organization, dict):
        return None
    return _find_marked(organization.get("teams"))


def tenancy_of(organizations: Organizations | None) -> Tenancy | None:
    """The default team of the default organization; None as soon as one of the two is missing."""
    org = get_default_org(organizations)
    team = get_default_team(org)
    if org is None or team is None:
        return None
    return Tenancy(
        org_id=str(org["id"]),
        org_name=str(org.get("name", org["id"])),
        team_id=str(team["id"]),
        team_name=str(team.get("name", team["id"])),
    )


def _find_marked(entries: Iterable[Entry] | None) -> Entry | None:
    """The first entry with an id and a default mark; people edit this list by hand."""
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("default") and entry.get("id"):
            return cast(Entry, entry)
    return None
