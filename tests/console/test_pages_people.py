"""People, teams and tokens as pages, and the audit log of who changed them."""

import re
from unittest.mock import ANY

import pytest
from sqlalchemy import Connection

from chaoscloud.console.db import Database
from chaoscloud.console.records import organizations, people, teams, tokens
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.access import Role
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member

PEOPLE = "/acme/checkout/people"
TOKENS = "/settings/tokens"
SECRET = re.compile(r"ciq_[\w-]{43}")


@pytest.fixture
def adas(client: Client, ada: Member, checkout: Team, payments: Team) -> Browser:
    browser = Browser(client())
    browser.sign_in(ada.token)
    return browser


@pytest.fixture
def bobs(client: Client, bob: Member, checkout: Team) -> Browser:
    browser = Browser(client())
    browser.sign_in(bob.token)
    return browser


def secret_on(page: str) -> str:
    match = SECRET.search(page)
    assert match, "no token on the page"
    return match[0]


def test_a_token_is_shown_once_and_works(bobs: Browser, client: Client) -> None:
    """In the answer to the form; the list has its first characters only."""
    secret = secret_on(bobs.submit(TOKENS, TOKENS, name="CI").text)
    other = Browser(client())

    assert other.sign_in(secret).status_code == 303
    assert not SECRET.search(bobs.open(TOKENS).text)
    assert secret[:8] in Seen(bobs.open(TOKENS)).text


def test_a_token_can_end_by_itself(bobs: Browser, client: Client, now: Clock) -> None:
    """After thirty days it opens nothing."""
    secret = secret_on(bobs.submit(TOKENS, TOKENS, **{"name": "CI", "for": "30d"}).text)
    now.pass_by(days=30)

    assert Browser(client()).sign_in(secret).status_code == 401


def test_revoking_the_token_of_the_session_signs_out(bobs: Browser, bob: Member) -> None:
    """The door closes behind whoever closes it."""
    bobs.submit(TOKENS, f"{TOKENS}/{bob.token_id}/revoke")

    assert bobs.open(TOKENS).headers["location"].startswith("/signin")


def test_nobody_revokes_another_s_token(bobs: Browser, adas: Browser, ada: Member) -> None:
    """It does not exist to them."""
    answer = bobs.submit(TOKENS, f"{TOKENS}/{ada.token_id}/revoke")

    assert answer.status_code == 404
    assert adas.open(TOKENS).status_code == 200


def test_a_token_needs_a_name(bobs: Browser) -> None:
    """So that it is known again when it is to be revoked."""
    answer = bobs.submit(TOKENS, TOKENS, name="  ")

    assert answer.status_code == 422
    assert not SECRET.search(answer.text)


def test_an_owner_adds_a_person_with_a_token(adas: Browser, client: Client, checkout: Team) -> None:
    """Grace is on the team at once, and her token is shown once."""
    added = adas.submit(PEOPLE, PEOPLE, name="Grace", team=checkout.id, role="member")
    grace = added.headers["location"]
    secret = secret_on(adas.submit(grace, grace + "/tokens", name="laptop").text)
    hers = Browser(client())

    hers.sign_in(secret)

    assert hers.open("/").headers["location"] == "/acme/checkout"
    assert hers.open("/acme/payments/executions").status_code == 404


def test_a_name_that_is_taken_is_told(adas: Browser, bob: Member) -> None:
    """Two Bobs would be one too many."""
    answer = adas.submit(PEOPLE, PEOPLE, name="Bob", team="", role="member")

    assert answer.status_code == 422
    assert "somebody called Bob" in Seen(answer).text


def test_an_owner_moves_people_between_teams(
    adas: Browser, bobs: Browser, bob: Member, checkout: Team, payments: Team
) -> None:
    """Off one, onto another: what Bob sees changes at once."""
    page = f"{PEOPLE}/{bob.id}"
    adas.submit(page, page + "/join", team=payments.id)
    adas.submit(page, page + "/leave", team=checkout.id)

    assert bobs.open("/acme/payments/executions").status_code == 200
    assert bobs.open("/acme/checkout/executions").status_code == 404


def test_an_owner_takes_a_person_out(adas: Browser, bobs: Browser, bob: Member) -> None:
    """His tokens open nothing here any more, so his browser is signed out."""
    page = f"{PEOPLE}/{bob.id}"
    adas.submit(page, page + "/dismiss")

    assert bobs.open("/acme/checkout/executions").headers["location"].startswith("/signin")
    assert bobs.sign_in(bob.token).status_code == 401


def test_the_last_owner_stays(adas: Browser, ada: Member) -> None:
    """An organization nobody can change would help nobody."""
    page = f"{PEOPLE}/{ada.id}"

    assert "Take out of Acme" not in Seen(adas.open(page)).text
    assert adas.submit(page, page + "/dismiss").status_code == 404
    assert adas.open(page).status_code == 200


def test_an_owner_adds_a_team(adas: Browser) -> None:
    """It is there to be opened."""
    adas.submit(PEOPLE, PEOPLE + "/teams", name="Billing & more")

    assert "/acme/billing-more/executions" in Seen(adas.open(PEOPLE)).links


def test_what_somebody_has_elsewhere_is_not_an_owner_s_to_handle(
    adas: Browser, bob: Member, client: Client, database: Database, now: Clock
) -> None:
    """Neither to see nor to revoke; a token that Ada makes for Bob opens her organization alone."""

    def also_at_globex(connection: Connection) -> str:
        globex = organizations.add(connection, "Globex", now())
        organizations.admit(connection, globex.id, bob.id, Role.OWNER)
        teams.add(connection, globex.id, "Attack", now())
        token, _ = tokens.add(connection, bob.id, "elsewhere", now(), organization_id=globex.id)
        return token.id

    elsewhere = database.write(also_at_globex).result()
    page = f"{PEOPLE}/{bob.id}"
    secret = secret_on(adas.submit(page, page + "/tokens", name="made here").text)
    as_bob = Browser(client(secret))
    as_bob.sign_in(secret)

    assert "elsewhere" not in Seen(adas.open(page)).text
    assert adas.submit(page, page + "/revoke", token=elsewhere).status_code == 404
    assert as_bob.open("/globex/attack/executions").status_code == 404
    assert "Globex" not in Seen(as_bob.open("/settings/teams")).text
    assert "elsewhere" not in Seen(as_bob.open(TOKENS)).text
    assert as_bob.submit(TOKENS, f"{TOKENS}/{elsewhere}/revoke").status_code == 404
    assert as_bob.open("/api/v1/organizations").json() == [{"id": ANY, "name": "Acme"}]


def test_a_name_of_another_organization_is_free(
    adas: Browser, database: Database, now: Clock
) -> None:
    """Who is called what elsewhere shows nowhere."""
    database.write(lambda c: people.add(c, "Mallory", now())).result()

    answer = adas.submit(PEOPLE, PEOPLE, name="Mallory", team="", role="member")

    assert answer.status_code == 303


@pytest.mark.parametrize("path", ["", "/teams", "/{bob}/join", "/{bob}/tokens", "/{bob}/dismiss"])
def test_members_change_nobody(bobs: Browser, bob: Member, path: str) -> None:
    """They see who is there; the forms are for owners."""
    address = PEOPLE + path.replace("{bob}", bob.id)

    assert bobs.submit(PEOPLE, address, name="Mallory").status_code == 404
    assert "Mallory" not in Seen(bobs.open(PEOPLE)).text
    assert bobs.open(f"{PEOPLE}/{bob.id}").status_code == 404


def test_a_stranger_of_the_organization_has_no_page(
    adas: Browser, database: Database, now: Clock
) -> None:
    """Somebody of another organization is nobody here."""
    mallory = database.write(lambda c: people.add(c, "Mallory", now())).result()

    assert adas.open(f"{PEOPLE}/{mallory.id}").status_code == 404


def test_the_audit_log_says_who_did_what(adas: Browser, bobs: Browser, payments: Team) -> None:
    """Each sees what concerns the organization and their own teams, by kind if asked."""
    adas.submit(PEOPLE, PEOPLE, name="Grace", team=payments.id, role="member")
    bobs.submit("/acme/checkout/safeguards", "/acme/checkout/safeguards/stop", reason="Release")

    whole = Seen(adas.open("/acme/checkout/audit")).text
    bobs_view = Seen(bobs.open("/acme/checkout/audit")).text
    stops = Seen(adas.open("/acme/checkout/audit?kind=safeguards")).text

    assert "Ada put Grace on the team Payments" in whole
    assert "Bob stopped all runs: Release Checkout" in whole
    assert "put Grace on the team" not in bobs_view
    assert "made Grace a member" in bobs_view
    assert "Grace" not in stops


def test_the_audit_log_goes_on_page_by_page(bobs: Browser) -> None:
    """Sixty entries stand on two pages."""
    where = "/acme/checkout/safeguards"
    for number in range(60):
        bobs.submit(where, where + "/stop", reason=f"Reason {number};")

    first = Seen(bobs.open("/acme/checkout/audit?kind=safeguards&before=x"))
    older = next(a["href"] for a in first.all("a") if a.get("rel") == "next")
    text = first.text + Seen(bobs.open(older or "")).text

    matches = re.findall(r"all runs: Reason (\d+);", text)
    assert [int(number) for number in matches] == list(range(59, -1, -1))
