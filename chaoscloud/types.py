"""The shapes of the documents that travel through the plugin.

The host's documents are plain dictionaries: the aliases below say which one is meant, and are the
same types `chaoslib.types` declares. The documents we own have their keys spelled out.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NotRequired, TypeAlias, TypedDict

__all__ = [
    "Activity",
    "Configuration",
    "Experiment",
    "Extension",
    "Extensions",
    "GuardMode",
    "Journal",
    "Organization",
    "Organizations",
    "Secrets",
    "Settings",
    "Team",
    "WorkspaceData",
    "WorkspaceEntry",
]

Experiment: TypeAlias = dict[str, Any]
Journal: TypeAlias = dict[str, Any]
Activity: TypeAlias = dict[str, Any]
Settings: TypeAlias = dict[str, Any]
Extension: TypeAlias = dict[str, Any]
Extensions: TypeAlias = list[Extension]

Configuration: TypeAlias = Mapping[str, Any]
# Resolved secrets: groups of values most of the time, `{"db": {"password": "…"}}`, but a reference
# at the first level resolves to a bare value, and Vault may hand over a whole nested payload.
Secrets: TypeAlias = Mapping[str, Any]


class GuardMode(StrEnum):
    """How a run is guarded: not at all, as far as the console answers, or not without an answer."""

    OFF = "off"
    ON = "on"
    REQUIRED = "required"


class Team(TypedDict):
    """A team as the console lists it; `default` marks the one the settings chose."""

    id: str
    name: str
    default: NotRequired[bool]


class Organization(TypedDict):
    """An organization as the console lists it; the settings add its known teams."""

    id: str
    name: str
    default: NotRequired[bool]
    teams: NotRequired[list[Team]]


Organizations: TypeAlias = list[Organization]


class WorkspaceEntry(TypedDict):
    """What the workspace knows about one experiment file."""

    experiment_id: str


class WorkspaceData(TypedDict, total=False):
    """A `.chaosiq` file: organization id, then team id, then file name, lead to an entry."""

    experiments: dict[str, dict[str, dict[str, WorkspaceEntry]]]
