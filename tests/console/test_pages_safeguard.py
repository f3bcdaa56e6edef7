"""Safeguards of every kind, set and looked after on their pages."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.safeguards import KINDS
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.team import TeamApi

PAGE = "/acme/checkout/safeguards"
ANY = {"name": "Be careful", "reason": "Somebody must be there", "enabled": "on"}
OWN: Mapping[str, Mapping[str, str]] = {
    "windows": {
        "mode": "allow",
        "time_zone": "Europe/Paris",
        **dict.fromkeys(("mon0", "tue0", "wed0"), "on"),
        "from0": "11:00",
        "to0": "17:30",
        "fri2": "on",
        "from2": "22:00",
        "to2": "00:00",
    },
    "tags": {"mode": "forbid", "tags": "kafka, production"},
    "limit": {"most": "2"},
    "webhook": {"url": "https://gate.example.com/", "when_unanswered": "deny", "every": "1 min"},
    "alert": {"forget_after": "6 h"},
    "stop": {"only": "kafka"},
}
DOES = {
    "windows": "Runs only Mon to Wed 11:00 to 17:30; Fri 22:00 to 00:00 (Europe/Paris)",
    "tags": "Nothing tagged kafka, production",
    "limit": "At most 2 runs at once",
    "webhook": "Asks https://gate.example.com/ every 1 min; without an answer it denies",
    "alert": "While an alert fires; one not repeated for 6 h is forgotten",
    "stop": "Nothing runs",
}


@pytest.fixture
def bobs(client: Client, bob: Member, checkout: Team) -> Browser:
    browser = Browser(client())
    browser.sign_in(bob.token)
    return browser


@pytest.fixture
def adas(client: Client, ada: Member, checkout: Team) -> Browser:
    browser = Browser(client())
    browser.sign_in(ada.token)
    return browser


@pytest.fixture
def api(client: Client, bob: Member, checkout: Team) -> TeamApi:
    return TeamApi(client(bob.token), checkout)


def set_up(browser: Browser, kind: str, **fields: str) -> Any:
    """The answer to a form that sets a safeguard."""
    typed = {**ANY, **OWN[kind], **fields, "kind": kind}
    return browser.submit(f"{PAGE}/new?kind={kind}", f"{PAGE}/new", **typed)


def page_of(browser: Browser, name: str = "Be careful") -> str:
    """The address of a safeguard's page, from the list."""
    match = re.search(rf'href="({PAGE}/[^"]+)">{re.escape(name)}<', browser.open(PAGE).text)
    assert match, f"{name} is not listed"
    return match[1]


def shown_in(page: Any) -> dict[str, str]:
    """What the last form but the one to remove it would submit as it stands."""
    fields: dict[str, str] = {}
    select = ""
    for tag, attributes in Seen(page).elements:
        name = attributes.get("name") or ""
        if tag == "select":
            select = name
        elif tag == "option" and "selected" in attributes:
            fields[select] = attributes["value"] or ""
        elif tag == "input" and name and (attributes.get("type") != "checkbox"):
            fields[name] = attributes.get("value") or ""
        elif tag == "input" and "checked" in attributes:
            fields[name] = "on"
    return fields


def test_every_kind_can_be_chosen(bobs: Browser) -> None:
    """The page leads to a form for each."""
    links = Seen(bobs.open(PAGE)).links

    assert {f"{PAGE}/new?kind={kind}" for kind in OWN} <= set(links)
    assert set(OWN) == set(KINDS)


@pytest.mark.parametrize("kind", OWN)
def test_each_kind_is_set_by_a_plain_form(bobs: Browser, api: TeamApi, kind: str) -> None:
    """It is listed with what it does and who set it, and the API has the same."""
    answer = set_up(bobs, kind, **{"for": "2h"})

    text = Seen(bobs.open(PAGE)).text
    [stored] = api.get("/safeguards").json()["items"]
    assert answer.status_code in (200, 303)
    assert DOES[kind] in text
    assert "Be careful Somebody must be there" in text
    assert (stored["kind"], stored["author"], stored["scope"]) == (kind, "Bob", "team")
    assert stored["expires_at"] == "2026-03-02T11:30:00Z"


@pytest.mark.parametrize("kind", OWN)
def test_a_form_shows_what_is_set_and_submits_it_unchanged(
    bobs: Browser, api: TeamApi, kind: str
) -> None:
    """Opening a safeguard and saving it changes nothing."""
    set_up(bobs, kind)
    page = page_of(bobs)
    before = api.get("/safeguards").json()

    fields = shown_in(bobs.open(page))
    del fields["csrf"]
    bobs.submit(page, page, **fields)

    assert api.get("/safeguards").json() == before


def test_a_change_reaches_runs_and_the_audit_log(bobs: Browser, api: TeamApi, now: Clock) -> None:
    """The limit is lowered: the second run is denied, and the audit log has it."""
    set_up(bobs, "limit")
    api.started()
    now.pass_by(seconds=1)
    second = api.started()
    page = page_of(bobs)

    bobs.submit(page, page, **{**ANY, "most": "1", "for": "keep"})

    body = api.get(second + "/policies").json()
    text = Seen(bobs.open(PAGE)).text
    assert [policy["name"] for policy in body["policies"]] == ["Be careful"]
    assert "Bob changed the safeguard Be careful: settings" in text


def test_a_safeguard_is_switched_off_and_on(bobs: Browser, api: TeamApi) -> None:
    """With one button; off, it denies nothing."""
    set_up(bobs, "tags")
    page, run = page_of(bobs), api.started()

    bobs.submit(PAGE, page + "/switch", on="off")
    off = api.get(run + "/policies").json()["allowed"]
    page_shown = Seen(bobs.open(PAGE)).text
    bobs.submit(PAGE, page + "/switch", on="on")

    assert (off, api.get(run + "/policies").json()["allowed"]) == (True, False)
    assert "Off Be careful" in page_shown


def test_a_safeguard_is_removed(bobs: Browser, api: TeamApi) -> None:
    """It is gone; that it was there is not forgotten."""
    set_up(bobs, "tags")
    page = page_of(bobs)

    bobs.submit(page, page + "/remove")

    assert api.get("/safeguards").json()["items"] == []
    assert bobs.open(page).status_code == 404
    assert "Bob removed the safeguard Be careful" in Seen(bobs.open(PAGE)).text


def test_an_alert_shows_its_secret_once(bobs: Browser, client: Client, now: Clock) -> None:
    """The secret opens its address, until it gets another."""
    first = set_up(bobs, "alert")
    page = page_of(bobs)
    address, secret = secret_in(first)
    alert = {"status": "firing", "labels": {"alertname": "OrdersFail"}}

    def send(secret: str) -> int:
        headers = {"Authorization": f"Bearer {secret}"}
        status: int = client().post(address, json={"alerts": [alert]}, headers=headers).status_code
        return status

    opened = send(secret)
    firing = Seen(bobs.open("/acme/checkout/executions")).text
    again = bobs.open(page).text
    _, other = secret_in(bobs.submit(page, page + "/secret"))

    assert opened == 200
    assert "Nothing may run. Be careful: Somebody must be there (OrdersFail)" in firing
    assert secret not in again
    assert (send(secret), send(other)) == (401, 200)


def secret_in(page: Any) -> tuple[str, str]:
    """The address and the secret that a page shows."""
    assert "it is not shown again" in page.text
    secret, address = re.findall(r'data-copy="([^"]+)"', page.text)
    return address.removeprefix("http://testserver"), secret


@pytest.mark.parametrize(
    ("kind", "fields", "text"),
    [
        ("tags", {"name": " "}, "Name it"),
        ("tags", {"reason": ""}, "Say why"),
        ("tags", {"tags": " , "}, "Name at least one tag"),
        ("tags", {"tags": "x" * 201}, "At most 50 tags"),
        ("windows", {"time_zone": "Europe/Atlantis"}, "The time zone: expected a name such as"),
        ("windows", {"from0": "", "to0": "11:00"}, "Each window needs its days"),
        ("limit", {"most": "none"}, "is a number"),
        ("limit", {"most": "0"}, "How many runs may go on at once: "),
        ("webhook", {"url": "ftp://gate.example.com"}, "The address: expected an address"),
        ("webhook", {"url": "http://169.254.169.254/"}, "must be a public one"),
        ("webhook", {"every": "now and then"}, "is a duration"),
        ("alert", {"forget_after": "1 s"}, "When an alert is forgotten: "),
        ("stop", {"only": ""}, "Name the tags"),
    ],
)
def test_what_cannot_be_is_said_beside_the_form(
    bobs: Browser, api: TeamApi, kind: str, fields: dict[str, str], text: str
) -> None:
    """Nothing is set, and what was typed is still there."""
    answer = set_up(bobs, kind, **fields)

    assert answer.status_code == 422
    assert text in Seen(answer).text
    assert api.get("/safeguards").json()["items"] == []
    assert shown_in(answer).items() >= {**OWN[kind], **fields}.items() - {("enabled", "on")}


def test_what_belongs_to_the_organization_is_its_owners(adas: Browser, bobs: Browser) -> None:
    """Ada sets it for all; Bob sees it, and cannot change it."""
    set_up(adas, "limit", scope="organization")
    page = page_of(bobs)

    changes = [
        bobs.submit("/settings/tokens", page + way, **ANY, most="9")
        for way in ("", "/switch", "/remove", "/secret")
    ]
    greedy = set_up(bobs, "limit", scope="organization")

    text = Seen(bobs.open(page)).text
    assert "an owner of Acme can change it" in text
    assert [answer.status_code for answer in changes] == [404] * 4
    assert greedy.status_code == 404


@pytest.mark.parametrize("way", ["", "/switch", "/remove", "/secret"])
def test_another_team_reaches_nothing(bobs: Browser, client: Client, eve: Member, way: str) -> None:
    """Not at the team's address, and not through her own."""
    set_up(bobs, "limit")
    page = page_of(bobs)
    eves = Browser(client())
    eves.sign_in(eve.token)

    for address in (page, page.replace("checkout", "payments")):
        assert eves.open(address).status_code == 404
        assert eves.submit("/settings/tokens", address + way, **ANY).status_code == 404


@pytest.mark.parametrize("path", ["/new", "/new?kind=", "/new?kind=magic", "/nothing", "/%00"])
def test_there_is_nothing_at_other_addresses(bobs: Browser, path: str) -> None:
    """A plain 404."""
    assert bobs.open(PAGE + path).status_code == 404


def test_a_run_is_simulated(bobs: Browser, api: TeamApi) -> None:
    """By its tags, or as an experiment; now, or at another time, with what denies it."""
    set_up(bobs, "tags", name="Not kafka")
    set_up(bobs, "windows", name="Office hours")
    kafka = api.published()

    def ask(**query: str) -> str:
        return Seen(bobs.open(PAGE, params={"simulate": "1", **query})).text

    assert "would be denied now, with the tags kafka, orders" in ask(experiment=kafka)
    assert "would be denied now, with the tags kafka" in ask(tags="kafka")
    assert "Office hours : Somebody must be there, until 2 Mar 2026 10:00" in ask(tags="web")
    assert "Yes, it would be allowed at 2 Mar 2026 10:00" in ask(at="2026-03-02T10:00")


@pytest.mark.parametrize("at", ["yesterday", "9999-01-01T00:00", "2026-13-01T00:00"])
def test_a_time_that_cannot_be_is_said(bobs: Browser, at: str) -> None:
    """There is no answer then."""
    text = Seen(bobs.open(PAGE, params={"simulate": "1", "at": at})).text

    assert "would be allowed" not in text
    assert "Give a time within ten years" in text


def test_an_owner_requires_an_answer(adas: Browser, bobs: Browser, api: TeamApi) -> None:
    """Runs are told, members see it, and only owners change it."""
    adas.submit(PAGE, PAGE + "/required", required="on")
    refused = bobs.submit(PAGE, PAGE + "/required", required="off")

    value = api.get("").json()["required"]
    text = Seen(bobs.open(PAGE)).text
    adas.submit(PAGE, PAGE + "/required", required="off")

    assert (value, refused.status_code) == (True, 404)
    assert "without an answer from its safeguards" in text
    assert "Ada required an answer of safeguards for every run" in text
    assert api.get("").json()["required"] is False


def test_a_webhook_nobody_asked_yet_does_not_close_the_bar(bobs: Browser) -> None:
    """It is asked when the first run wants to know; until then nothing is known."""
    set_up(bobs, "webhook")

    assert "Experiments may run" in Seen(bobs.open(PAGE)).text


def test_a_full_limit_is_no_emergency(bobs: Browser, api: TeamApi) -> None:
    """The bar says how many run, with links to them and to the limit; it does not say stop."""
    set_up(bobs, "limit", most="2")
    page = page_of(bobs)
    before = Seen(bobs.open(PAGE)).text
    api.started()
    api.started()

    full = bobs.open(PAGE)

    text = Seen(full).text
    assert "Experiments may run" in before
    assert "2 of 2 running : Be careful" in text
    assert "Nothing may run" not in text
    assert "Full Be careful" in text
    assert {"/acme/checkout/executions?status=running", page} <= set(Seen(full).links)


def test_a_stop_beside_a_full_limit_is_one(bobs: Browser, api: TeamApi) -> None:
    """What is an emergency comes first."""
    set_up(bobs, "limit", most="1")
    api.started()
    bobs.submit(PAGE, PAGE + "/stop", reason="Fire")

    text = Seen(bobs.open(PAGE)).text

    assert "Nothing may run. Fire" in text
    assert "1 of 1 running :" not in text


def test_a_safeguard_ends_by_itself(bobs: Browser, now: Clock) -> None:
    """When its time is over it is not listed any more."""
    set_up(bobs, "tags", **{"for": "30m"})
    now.at += timedelta(minutes=31)

    assert DOES["tags"] not in Seen(bobs.open(PAGE)).text


def test_a_mode_that_there_is_not_is_refused(bobs: Browser, api: TeamApi) -> None:
    """As no form offers it."""
    assert set_up(bobs, "tags", mode="perhaps").status_code == 422
    assert api.get("/safeguards").json()["items"] == []
