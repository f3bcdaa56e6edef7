"""The audit log: who did what with which token, for whom it is to read."""

import json
from collections.abc import Callable

import pytest

from chaoscloud.console.db import Database
from chaoscloud.console.records import audit, teams
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.audit_words import KINDS, SENTENCES, describe
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import chaosiq, ended, experiment
from tests.console.team import TeamApi
from tests.console.test_api_objectives import objective

LOG = "/api/v1/organizations/acme/audit"
Sentences = Callable[..., list[str]]


@pytest.fixture
def sentences(client: Client) -> Sentences:
    """What somebody reads in the log, the latest first: who, and what they did."""

    def read(member: Member, query: str = "") -> list[str]:
        answer = client(member.token).get(LOG + query)
        assert answer.status_code == 200, answer.text
        return [f"{e['person_name']} {e['sentence']}" for e in answer.json()["items"]]

    return read


def test_what_is_recorded_stands_in_the_log(
    bobs: TeamApi, bob: Member, ada: Member, client: Client, sentences: Sentences
) -> None:
    """Experiments, objectives, verifications, and journals that were replaced."""
    source = chaosiq(source="https://example.com/orders.json")
    of = bobs.published(experiment("Orders", **source))
    bobs.published(experiment("Orders hold", **source))
    bobs.published(experiment("Orders hold", **source))
    bobs.post("/objectives", {**objective(), "name": "Accepted"})
    run = bobs.started(of)
    bobs.put(run, {"journal": ended("failed")})
    bobs.put(run, {"journal": ended("completed")})

    assert sentences(ada, "?kind=records") == [
        "Bob replaced the journal of Orders survive the loss of a broker",
        "Bob added the objective Accepted",
        "Bob published a new version of the experiment Orders hold",
        "Bob published the experiment Orders",
    ]
    [entry, *_] = client(ada.token).get(LOG).json()["items"]
    assert entry["token_id"] == bob.token_id
    assert entry["token_name"] == "laptop"
    assert (entry["object_type"], entry["object_id"]) == ("execution", run.rpartition("/")[2])


def test_signing_in_and_out_stand_in_the_log(
    client: Client, ada: Member, bob: Member, checkout: Team, sentences: Sentences
) -> None:
    """For owners and for who did; a colleague reads nothing of it."""
    browser = Browser(client())
    browser.sign_in(bob.token)
    browser.submit("/settings/tokens", "/signout")

    expected = ["Bob signed out", f"Bob signed in with the token laptop ({bob.token[:8]}…)"]
    assert sentences(ada, "?kind=tokens") == expected
    assert sentences(bob, "?kind=tokens") == expected


def test_a_colleague_reads_nothing_of_sign_ins_and_tokens(
    client: Client, bob: Member, eve: Member, sentences: Sentences
) -> None:
    """When somebody works is theirs and the owners' to know."""
    Browser(client()).sign_in(bob.token)

    assert sentences(eve, "?kind=tokens") == []


def test_a_failed_sign_in_stands_in_the_log(
    client: Client, ada: Member, bob: Member, database: Database, now: Clock, sentences: Sentences
) -> None:
    """With a revoked token under its person; with a token that nobody has for the operator."""
    from chaoscloud.console.records import tokens

    database.write(lambda c: tokens.revoke(c, bob.token_id, now())).result()
    Browser(client()).sign_in(bob.token)
    Browser(client()).sign_in("ciq_guessed")

    assert sentences(ada, "?kind=tokens") == [
        f"Bob could not sign in with the token laptop ({bob.token[:8]}…)"
    ]
    with database.read() as connection:
        [latest, *_] = audit.list_entries(connection, None)
    assert (latest.action, latest.person_id, latest.organization_id) == (
        "session.refused",
        None,
        None,
    )


def test_a_token_made_for_somebody_names_both(
    client: Client, ada: Member, bob: Member, checkout: Team, sentences: Sentences
) -> None:
    """Made by Ada, for Bob, and revoked again."""
    browser = Browser(client())
    browser.sign_in(ada.token)
    page = f"/acme/checkout/people/{bob.id}"
    browser.submit(page, page + "/tokens", name="ci")
    browser.submit(page, page + "/revoke", token=bob.token_id)

    assert sentences(ada, "?kind=tokens")[:2] == [
        f"Ada revoked the token laptop ({bob.token[:8]}…) of Bob",
        "Ada made the token ci for Bob",
    ]


def test_a_renewed_secret_stands_in_the_log(
    client: Client, bob: Member, bobs: TeamApi, sentences: Sentences
) -> None:
    """The address that others call opens to another secret from now on."""
    alert = {"kind": "alert", "name": "Pager", "reason": "An incident"}
    place = f"/acme/checkout/safeguards/{bobs.post('/safeguards', alert).json()['id']}"
    browser = Browser(client())
    browser.sign_in(bob.token)

    browser.submit(place, place + "/secret")

    assert sentences(bob, "?kind=safeguards") == [
        "Bob renewed the secret of the alert address of Pager",
        "Bob set the safeguard Pager",
    ]


def test_the_log_is_read_page_by_page(bobs: TeamApi, bob: Member, client: Client) -> None:
    """Each entry once, the latest first; the export has the same ones, one a line."""
    for number in range(5):
        bobs.published(experiment(f"Orders {number}"))
    reader = client(bob.token)
    subjects: list[str] = []
    address: str | None = LOG + "?limit=2"
    while address:
        page = reader.get(address).json()
        subjects += [entry["subject"] for entry in page["items"]]
        address = page["next"] and f"{LOG}?limit=2&cursor={page['next']}"

    export = reader.get(LOG + ".ndjson")

    assert subjects == [f"Orders {number}" for number in (4, 3, 2, 1, 0)]
    assert export.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line)["subject"] for line in export.text.splitlines()] == subjects


@pytest.mark.parametrize(("query", "status"), [("?kind=gossip", 400), ("?cursor=x", 400)])
def test_an_odd_question_is_refused(client: Client, bob: Member, query: str, status: int) -> None:
    """With what it may be."""
    assert client(bob.token).get(LOG + query).status_code == status


def test_the_log_of_a_removed_team_stays_with_those_who_saw_it(
    database: Database,
    acme: Organization,
    ada: Member,
    eve: Member,
    bob: Member,
    payments: Team,
    now: Clock,
    sentences: Sentences,
) -> None:
    """Bob, who was never on it, reads nothing of it; its name is free for another team."""

    def stop_and_remove(connection: object) -> None:
        audit.add_entry(
            connection,  # type: ignore[arg-type]
            "safeguard.stopped",
            "Secret launch",
            now(),
            organization_id=acme.id,
            team_id=payments.id,
            person_id=eve.id,
        )
        teams.remove(connection, payments, now())  # type: ignore[arg-type]
        teams.add(connection, acme.id, "Payments", now())  # type: ignore[arg-type]

    database.write(stop_and_remove).result()

    assert sentences(eve) == ["Eve stopped all runs: Secret launch"]
    assert sentences(ada) == ["Eve stopped all runs: Secret launch"]
    assert sentences(bob) == []


def test_the_page_reads_the_right_way_round_and_links(
    client: Client, ada: Member, bob: Member, bobs: TeamApi, payments: Team
) -> None:
    """Who did what to whom, with the way to it."""
    browser = Browser(client())
    browser.sign_in(ada.token)
    page = f"/acme/checkout/people/{bob.id}"
    browser.submit(page, page + "/join", team=payments.id)
    of = bobs.published(experiment("Orders"))

    log = Seen(browser.open("/acme/checkout/audit"))

    assert "Ada put Bob on the team Payments" in log.text
    assert f"/acme/payments/people/{bob.id}" in log.links
    assert f"/acme/checkout/experiments/{of}" in log.links


def test_the_earlier_address_of_the_log_leads_to_it(
    client: Client, ada: Member, checkout: Team
) -> None:
    """It was called the timeline, and people keep bookmarks; strangers learn nothing by it."""
    browser = Browser(client())
    browser.sign_in(ada.token)

    answer = browser.client.get(f"/acme/{checkout.slug}/timeline")
    elsewhere = browser.client.get("/acme/nothing-here/timeline")

    assert (answer.status_code, answer.headers["location"]) == (308, "/acme/checkout/audit")
    assert elsewhere.status_code == 404


def test_a_member_is_shown_no_link_that_leads_nowhere(
    client: Client, ada: Member, bob: Member, checkout: Team, payments: Team
) -> None:
    """The pages of people are for owners; everything else that is linked opens."""
    owner, member = Browser(client()), Browser(client())
    owner.sign_in(ada.token)
    member.sign_in(bob.token)
    page = f"/acme/checkout/people/{bob.id}"
    owner.submit(page, page + "/leave", team=checkout.id)
    owner.submit(page, page + "/join", team=checkout.id)

    log = Seen(member.open("/acme/checkout/audit"))

    assert "Ada put Bob on the team Checkout" in log.text
    assert page not in log.links


def test_what_is_not_there_any_more_is_not_linked(
    client: Client, ada: Member, bobs: TeamApi
) -> None:
    """A stop that was released, whichever of its entries."""
    browser = Browser(client())
    browser.sign_in(ada.token)
    created = bobs.post("/safeguards", {"kind": "stop", "name": "Freeze", "reason": "Black Friday"})
    path = f"/safeguards/{created.json()['id']}"
    page = f"/acme/checkout{path}"
    before = Seen(browser.open("/acme/checkout/audit"))
    assert bobs.client.delete(bobs.base + path).is_success

    log = Seen(browser.open("/acme/checkout/audit"))

    assert page in before.links
    assert "Freeze" in log.text
    assert page not in log.links


def test_every_action_has_a_kind_and_words() -> None:
    """A filter hides nothing for ever, and no sentence has a hole."""
    prefixes = [prefix for _, begins in KINDS.values() for prefix in begins]

    for action in SENTENCES:
        assert any(action.startswith(prefix) for prefix in prefixes), action
        assert "{" not in str(describe(action, "Bob", "Checkout"))
    assert str(describe("team.left", "Bob", "Checkout")) == "took Bob off the team Checkout"
