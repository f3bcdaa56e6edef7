"""Who may see and change what."""

import pytest

from chaoscloud.console.rules.access import Role, may_stop_organization, sees_team


@pytest.mark.parametrize(
    ("role", "on_the_team", "sees"),
    [
        (Role.OWNER, False, True),
        (Role.MEMBER, True, True),
        (Role.MEMBER, False, False),
        (None, True, False),
        (None, False, False),
    ],
)
def test_owners_see_every_team_and_members_their_own(
    role: Role | None, on_the_team: bool, sees: bool
) -> None:
    """Being on a team counts only for those who belong to the organization."""
    assert sees_team(role, on_the_team) is sees


@pytest.mark.parametrize(("role", "may"), [(Role.OWNER, True), (Role.MEMBER, False), (None, False)])
def test_only_owners_stop_the_whole_organization(role: Role | None, may: bool) -> None:
    """Members stop the teams they see; strangers nothing."""
    assert may_stop_organization(role) is may
