"""Which organization and team we speak for, read from a list that people edit by hand."""

from typing import Any

import pytest

from chaoscloud.tenancy import Tenancy, get_default_org, get_default_team, tenancy_of
from chaoscloud.types import Organizations

NOT_A_LIST: list[Any] = [None, [], {}, "Acme", 3, [None], ["Acme"], [[]], [{}]]


def test_the_marked_team_of_the_marked_organization_is_spoken_for(
    organizations: Organizations,
) -> None:
    """Neither the first team nor another organization's default is taken."""
    assert tenancy_of(organizations) == Tenancy(
        org_id="org-acme", org_name="Acme", team_id="team-checkout", team_name="Checkout"
    )


def test_the_defaults_are_the_entries_of_the_list_themselves(organizations: Organizations) -> None:
    """Whoever changes what is returned changes the settings."""
    org = get_default_org(organizations)

    assert org is organizations[0]
    assert get_default_team(org) is organizations[0]["teams"][1]


def test_without_a_mark_nobody_is_guessed(organizations: Organizations) -> None:
    """An experiment recorded in somebody else's team is worse than one not recorded."""
    organizations[0]["default"] = False

    assert get_default_org(organizations) is None
    assert tenancy_of(organizations) is None


def test_an_organization_without_a_team_in_use_is_not_enough(organizations: Organizations) -> None:
    """Everything we ask for belongs to a team."""
    organizations[0]["teams"][1]["default"] = False

    assert get_default_team(organizations[0]) is None
    assert tenancy_of(organizations) is None


def test_an_entry_without_an_id_is_passed_over(organizations: Organizations) -> None:
    """A half-written entry cannot be asked for."""
    unfinished: Any = {"name": "Initech", "default": True}

    assert get_default_org([unfinished, *organizations]) is organizations[0]


def test_a_missing_name_is_the_id(organizations: Organizations) -> None:
    """The name is for people only, and an id is better than nothing."""
    del organizations[0]["name"]  # type: ignore[misc]  # what people do to their files

    tenancy = tenancy_of(organizations)

    assert tenancy is not None
    assert tenancy.org_name == "org-acme"


@pytest.mark.parametrize("damaged", NOT_A_LIST, ids=repr)
def test_a_damaged_list_speaks_for_nobody(damaged: Any) -> None:
    """No shape of this list may stop a command that could repair it."""
    assert get_default_org(damaged) is None
    assert get_default_team({"id": "org", "name": "Org", "teams": damaged}) is None
    assert tenancy_of(damaged) is None


@pytest.mark.parametrize("damaged", [None, [], "Acme", 3], ids=repr)
def test_no_organization_has_no_team(damaged: Any) -> None:
    """The default organization may be missing, and is handed on as it is."""
    assert get_default_team(damaged) is None
