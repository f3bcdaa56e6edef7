"""Signing in and out through the pages."""

from urllib.parse import quote

import pytest

from chaoscloud.console.db import Database
from chaoscloud.console.records import sessions, tokens
from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member


@pytest.fixture
def browser(client: Client) -> Browser:
    return Browser(client())


def test_a_token_opens_the_only_team_of_its_owner(browser: Browser, bob: Member) -> None:
    """Bob is on one team, so that is where he lands."""
    signed_in = browser.sign_in(bob.token)
    home = browser.open(signed_in.headers["location"])

    assert signed_in.status_code == 303
    assert home.headers["location"] == "/acme/checkout"
    assert "Bob" in Seen(browser.open("/acme/checkout")).text


def test_who_sees_several_teams_chooses(
    browser: Browser, ada: Member, checkout: Team, payments: Team
) -> None:
    """Ada owns the organization and is asked which team to look at."""
    browser.sign_in(ada.token)

    links = Seen(browser.open("/")).links

    assert {"/acme/checkout", "/acme/payments"} <= set(links)


def test_the_session_cookie_is_out_of_reach(browser: Browser, bob: Member) -> None:
    """No script reads it, no other site sends it."""
    cookie = next(
        text
        for text in browser.sign_in(bob.token).headers.get_list("set-cookie")
        if text.startswith("chaosiq_session=")
    )

    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert bob.token not in cookie


def test_a_token_that_is_not_accepted_is_told_so(browser: Browser) -> None:
    """The form comes back with the reason, and nobody is signed in."""
    answer = browser.sign_in("ciq_wrong")

    assert answer.status_code == 401
    assert "not accepted" in Seen(answer).text
    assert browser.open("/").headers["location"] == "/signin"


def test_the_token_is_never_shown_again(browser: Browser) -> None:
    """A refused token does not stand in the page that refuses it."""
    assert "ciq_nearly" not in browser.sign_in("ciq_nearly").text


def test_a_form_of_another_site_signs_nobody_in(client: Client, bob: Member) -> None:
    """Without the cookie of the form that was shown, the token is not even looked at."""
    answer = client().post("/signin", data={"token": bob.token, "csrf": "0" * 64})

    assert answer.status_code == 403
    assert "Nothing was changed" in Seen(answer).text


def test_a_stranger_signs_in_first_and_comes_back(
    browser: Browser, bob: Member, checkout: Team
) -> None:
    """The address that was asked for is where the sign-in leads to, query included."""
    entry = "/acme/checkout/executions?status=failed"
    sent = browser.open(entry)
    form = Seen(browser.open(sent.headers["location"]))
    onward = next(field["value"] for field in form.all("input") if field.get("name") == "next")

    assert sent.headers["location"] == f"/signin?next={quote(entry)}"
    assert browser.sign_in(bob.token, onward or "").headers["location"] == entry


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "evil", ""],
)
def test_signing_in_leads_nowhere_else(browser: Browser, bob: Member, elsewhere: str) -> None:
    """A link somebody sent cannot use the sign-in to lead away from the console."""
    assert browser.sign_in(bob.token, elsewhere).headers["location"] == "/"


def test_who_is_signed_in_is_not_asked_again(browser: Browser, bob: Member) -> None:
    """The form sends them on."""
    browser.sign_in(bob.token)

    assert browser.open("/signin").headers["location"] == "/"


def test_signing_out_ends_the_session_everywhere(
    browser: Browser, client: Client, bob: Member, checkout: Team
) -> None:
    """A copy of the cookie opens nothing any more."""
    browser.sign_in(bob.token)
    copy = client()
    copy.cookies.set("chaosiq_session", browser.client.cookies["chaosiq_session"])

    answer = browser.submit("/acme/checkout/executions", "/signout")

    assert answer.headers["location"] == "/signin"
    assert copy.get("/acme/checkout/executions").headers["location"].startswith("/signin")


def test_the_session_ends_with_its_token(
    browser: Browser, database: Database, bob: Member, checkout: Team, now: Clock
) -> None:
    """Revoking the token closes the browser's door at once."""
    browser.sign_in(bob.token)
    database.write(lambda c: tokens.revoke(c, bob.token_id, now())).result()

    assert browser.open("/acme/checkout/executions").status_code == 303


def test_a_form_far_too_large_is_refused(browser: Browser) -> None:
    """Nobody's token is 64 KiB long."""
    answer = browser.sign_in("x" * 70_000)

    assert answer.status_code == 413


# --- by an address that signs in once ----------------------------------------------------------


@pytest.fixture
def link(database: Database, bob: Member, now: Clock) -> str:
    """An address that signs in as Bob."""
    secret = database.write(lambda c: sessions.add_link(c, bob.token_id, now())).result()
    return f"/signin?once={secret}"


def test_an_address_signs_one_browser_in(client: Client, link: str) -> None:
    """Whoever comes second, with the same address, is shown why not."""
    first, second = Browser(client()), Browser(client())

    signed_in, refused = first.open(link), second.open(link)

    assert signed_in.headers["location"] == "/"
    assert first.open("/").headers["location"] == "/acme/checkout"
    assert refused.status_code == 401
    assert "signs in once" in Seen(refused).text
    assert second.open("/").headers["location"] == "/signin"


def test_an_address_signs_in_for_ten_minutes(browser: Browser, link: str, now: Clock) -> None:
    """Whoever finds it in a terminal later finds nothing."""
    now.pass_by(minutes=10)

    assert browser.open(link).status_code == 401


def test_an_address_is_not_used_up_by_looking(browser: Browser, link: str) -> None:
    """A program that fetches it ahead of its reader, or asks for its head, leaves it whole."""
    ahead = browser.open(link, headers={"Sec-Purpose": "prefetch"})
    head = browser.client.head(link)

    assert ahead.status_code == 503
    assert head.status_code == 200
    assert browser.open(link).status_code == 303


def test_no_other_site_signs_a_browser_in(browser: Browser, link: str) -> None:
    """Who follows a link from elsewhere might be signed in as somebody else, unknowingly."""
    answer = browser.open(link, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert "into the browser's address bar" in Seen(answer).text
    assert browser.open("/").headers["location"] == "/signin"


def test_an_address_ends_with_its_token(
    browser: Browser, link: str, database: Database, bob: Member, now: Clock
) -> None:
    """A token that is revoked signs nobody in, by no way."""
    database.write(lambda c: tokens.revoke(c, bob.token_id, now())).result()

    assert browser.open(link).status_code == 401


def test_tries_with_addresses_are_counted(browser: Browser) -> None:
    """Guessing is as slow as with tokens."""
    answers = [browser.open("/signin?once=guess").status_code for _ in range(61)]

    assert answers[0] == 401
    assert answers[-1] == 429
