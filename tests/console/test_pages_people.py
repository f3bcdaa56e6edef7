"""People, teams and tokens as pages, and the timeline of who changed them."""

import re

import pytest

from chaoscloud.console.db import Database
from chaoscloud.console.records import organizations, people
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.access import Role
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member

PEOPLE = "/acme/checkout/people"
TOKENS = "/settings/tokens"
SECRET = re.compile(r"ciq_[\w-]{43}")


@pytest.fixture
def adas(client: Client, ada: Member, checkout: Team, payments: Team) -> Browser:
    made = Browser(client())
    made.sign_in(ada.token)
    return made


@pytest.fixture
def bobs(client: Client, bob: Member, checkout: Team) -> Browser:
    made = Browser(client())
    made.sign_in(bob.token)
    return made


def secret_on(page: str) -> str:
    found = SECRET.search(page)
    assert found, "no token on the page"
    return found[0]


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

    assert hers.open("/").headers["location"] == "/acme/checkout/executions"
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
    """Bob still signs in, but there is nothing here for him."""
    page = f"{PEOPLE}/{bob.id}"
    adas.submit(page, page + "/dismiss")

    assert bobs.open("/acme/checkout/executions").status_code == 404
    assert "You belong to no organization" in Seen(bobs.open("/")).text


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


def test_the_tokens_of_somebody_from_elsewhere_are_not_an_owner_s_to_handle(
    adas: Browser, bob: Member, database: Database, now: Clock
) -> None:
    """A token made here would open another organization too."""

    def also_at_globex(connection: object) -> None:
        house = organizations.add(connection, "Globex", now())  # type: ignore[arg-type]
        organizations.admit(connection, house.id, bob.id, Role.MEMBER)  # type: ignore[arg-type]

    database.write(also_at_globex).result()
    page = f"{PEOPLE}/{bob.id}"

    assert "belongs to other organizations too" in Seen(adas.open(page)).text
    assert adas.submit(page, page + "/tokens", name="mine").status_code == 404
    assert adas.submit(page, page + "/revoke", token=bob.token_id).status_code == 404


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


def test_the_timeline_tells_who_did_what(adas: Browser, bobs: Browser, payments: Team) -> None:
    """Each sees what concerns the organization and their own teams, by kind if asked."""
    adas.submit(PEOPLE, PEOPLE, name="Grace", team=payments.id, role="member")
    bobs.submit("/acme/checkout/safeguards", "/acme/checkout/safeguards/stop", reason="Release")

    whole = Seen(adas.open("/acme/checkout/timeline")).text
    bobs_view = Seen(bobs.open("/acme/checkout/timeline")).text
    stops = Seen(adas.open("/acme/checkout/timeline?kind=safeguards")).text

    assert "Ada put on the team Grace Payments" in whole
    assert "Bob stopped all runs: Release Checkout" in whole
    assert "put on the team Grace" not in bobs_view
    assert "made a member of Grace" in bobs_view
    assert "Grace" not in stops


def test_the_timeline_goes_on_page_by_page(bobs: Browser) -> None:
    """Sixty deeds stand on two pages."""
    where = "/acme/checkout/safeguards"
    for number in range(60):
        bobs.submit(where, where + "/stop", reason=f"Reason {number};")

    first = Seen(bobs.open("/acme/checkout/timeline?kind=safeguards&before=x"))
    older = next(a["href"] for a in first.all("a") if a.get("rel") == "next")
    text = first.text + Seen(bobs.open(older or "")).text

    told = re.findall(r"all runs: Reason (\d+);", text)
    assert [int(number) for number in told] == list(range(59, -1, -1))
