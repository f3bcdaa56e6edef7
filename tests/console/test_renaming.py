"""Renaming organizations, teams and people: by page, by command, and what addresses lead to."""

import pytest
from sqlalchemy import Connection

from chaoscloud.console.db import Database
from chaoscloud.console.records import AlreadyThere, audit, organizations, people, teams
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.access import Role
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member

PEOPLE = "/acme/checkout/people"


@pytest.fixture
def adas(client: Client, ada: Member, checkout: Team, payments: Team) -> Browser:
    browser = Browser(client())
    browser.sign_in(ada.token)
    return browser


@pytest.fixture
def bobs(client: Client, bob: Member) -> Browser:
    browser = Browser(client())
    browser.sign_in(bob.token)
    return browser


def rename(browser: Browser, what: str, name: str) -> str:
    """Rename on the page; the address it leads to."""
    answer = browser.submit("/settings/tokens", f"{PEOPLE}/rename", what=what, name=name)
    moved = browser.open(answer.headers["location"])
    return str(moved.headers["location"])


def test_an_owner_renames_a_team(adas: Browser) -> None:
    """The page comes back at the new address, under the new name."""
    address = rename(adas, "team", "Basket")

    page = Seen(adas.open(address))
    assert address == "/acme/basket/people?said=renamed"
    assert "Acme / Basket" in page.text
    assert "Renamed." in page.text


def test_an_owner_renames_the_organization(adas: Browser) -> None:
    """With it, the addresses of all its teams change."""
    address = rename(adas, "organization", "Umbrella")

    assert address == "/umbrella/checkout/people?said=renamed"
    assert adas.open("/umbrella/payments/executions").status_code == 200
    assert adas.open("/acme").headers["location"] == "/umbrella"


def test_an_earlier_address_leads_to_the_same_page(adas: Browser) -> None:
    """With all that stands behind it; after several names, too."""
    rename(adas, "team", "Basket")
    rename(adas, "team", "Cart")
    rename(adas, "organization", "Umbrella")

    for earlier in ("/acme/checkout", "/acme/basket", "/umbrella/basket", "/acme/cart"):
        answer = adas.open(f"{earlier}/executions?tag=kafka%20x")
        assert answer.status_code == 308
        assert answer.headers["location"] == "/umbrella/cart/executions?tag=kafka%20x"


def test_programs_go_on_with_an_earlier_address(
    client: Client, ada: Member, acme: Organization, checkout: Team, database: Database, now: Clock
) -> None:
    """A script that names the team by its slug need not change."""
    caller = client(ada.token)
    database.write(lambda c: teams.rename(c, checkout, "Basket", now())).result()
    database.write(lambda c: organizations.rename(c, acme, "Umbrella", now())).result()

    answer = caller.get("/api/v1/organizations/acme/teams/checkout/executions")

    assert answer.status_code == 200


def test_nobody_else_is_given_an_earlier_address(
    database: Database, acme: Organization, checkout: Team, now: Clock
) -> None:
    """It goes on to mean the team that had it."""
    database.write(lambda c: teams.rename(c, checkout, "Basket", now())).result()
    database.write(lambda c: organizations.rename(c, acme, "Umbrella", now())).result()

    team = database.write(lambda c: teams.add(c, acme.id, "Checkout", now())).result()
    organization = database.write(lambda c: organizations.add(c, "Acme", now())).result()

    assert (team.slug, organization.slug) == ("checkout-2", "acme-2")


def test_who_takes_the_earlier_name_back_has_the_earlier_address(
    database: Database, checkout: Team, now: Clock
) -> None:
    """The team is its own predecessor."""

    def rename_twice(connection: Connection) -> Team:
        basket = teams.rename(connection, checkout, "Basket", now())
        return teams.rename(connection, basket, "Checkout", now())

    assert database.write(rename_twice).result() == checkout


def test_the_address_of_a_removed_team_is_free(
    database: Database, acme: Organization, checkout: Team, now: Clock
) -> None:
    """Its earlier ones too: nothing is left that they could lead to."""

    def rename_and_remove(connection: Connection) -> Team:
        teams.remove(connection, teams.rename(connection, checkout, "Basket", now()), now())
        return teams.add(connection, acme.id, "Checkout", now())

    assert database.write(rename_and_remove).result().slug == "checkout"


def test_a_name_that_another_has_is_refused(adas: Browser) -> None:
    """The page says so, and nothing changes."""
    answer = adas.submit(PEOPLE, f"{PEOPLE}/rename", what="team", name="Payments")

    assert answer.status_code == 422
    assert "a team called Payments already" in Seen(answer).text
    assert adas.open(PEOPLE).status_code == 200


def test_a_member_renames_nothing(bobs: Browser) -> None:
    """The page does not offer it, and does not do it."""
    answer = bobs.submit(PEOPLE, f"{PEOPLE}/rename", what="team", name="Bobs")

    assert answer.status_code == 404
    assert "Rename" not in Seen(bobs.open(PEOPLE)).text
    assert bobs.open(PEOPLE).status_code == 200


def test_an_owner_renames_a_person(adas: Browser, bob: Member) -> None:
    """The audit log has both names."""
    page = f"{PEOPLE}/{bob.id}"

    adas.submit(page, f"{page}/rename", name="Robert")

    assert Seen(adas.open(page)).text.count("Robert") > 1
    assert "Ada renamed Bob to Robert" in Seen(adas.open("/acme/checkout/audit")).text


def test_a_person_is_not_given_another_s_name(adas: Browser, bob: Member, ada: Member) -> None:
    """Two of one name could not be told apart."""
    page = f"{PEOPLE}/{bob.id}"

    answer = adas.submit(page, f"{page}/rename", name="Ada")

    assert answer.status_code == 422
    assert "somebody else called Ada" in Seen(answer).text


def test_an_owner_does_not_rename_somebody_of_another_organization_too(
    adas: Browser, bob: Member, database: Database, now: Clock
) -> None:
    """Their name there is none of this owner's business; the operator may."""

    def join_another(connection: Connection) -> None:
        globex = organizations.add(connection, "Globex", now())
        organizations.admit(connection, globex.id, bob.id, Role.MEMBER)

    database.write(join_another).result()
    page = f"{PEOPLE}/{bob.id}"

    answer = adas.submit(page, f"{page}/rename", name="Robert")

    assert answer.status_code == 409
    assert "chaosiq-console person rename" in Seen(answer).text


def test_a_person_renamed_has_a_free_name_in_all_their_organizations(
    database: Database, bob: Member, ada: Member
) -> None:
    """A name that is taken in one of them is refused."""
    with pytest.raises(AlreadyThere, match="'Ada' in organization 'Acme'"):
        database.write(lambda c: people.rename(c, people.Person(bob.id, "Bob"), "Ada")).result()


def test_renaming_stands_in_the_audit_log(adas: Browser, database: Database, ada: Member) -> None:
    """What it was called, what it is called, and who changed it."""
    rename(adas, "team", "Basket")
    rename(adas, "organization", "Umbrella")

    with database.read() as connection:
        entries = audit.list_entries(connection, None, prefixes=["team.ren", "organization.ren"])

    assert [(entry.action, entry.subject, entry.person_id) for entry in entries] == [
        ("organization.renamed", "Acme to Umbrella", ada.id),
        ("team.renamed", "Checkout to Basket", ada.id),
    ]
