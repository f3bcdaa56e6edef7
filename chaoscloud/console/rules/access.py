"""Who may see and change what; decided from a person's standing alone."""

from enum import StrEnum


class Role(StrEnum):
    """What a person is in an organization."""

    OWNER = "owner"
    MEMBER = "member"


def sees_team(role: Role | None, on_the_team: bool) -> bool:
    """An owner sees every team of the organization; anybody else the teams they are on."""
    return role is Role.OWNER or (role is not None and on_the_team)


def may_stop_organization(role: Role | None) -> bool:
    """Who may stop every run of an organization at once: owners. Anybody stops their own teams."""
    return role is Role.OWNER
