"""What holds for every page: its headers, its errors, and forms only from where they were shown."""

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from chaoscloud.console.pages import home, routes
from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Member

PAGES = [
    "/",
    "/signin",
    "/settings/teams",
    "/acme",
    "/settings/tokens",
    "/acme/checkout/executions",
    "/acme/checkout/experiments",
    "/acme/checkout/objectives",
    "/acme/checkout/verifications",
    "/acme/checkout/safeguards",
    "/acme/checkout/people",
    "/acme/checkout/audit",
    "/acme/checkout/executions/none",
    "/acme/checkout/nothing/here",
    "/static/console.css",
]


@pytest.fixture
def browser(client: Client, ada: Member, checkout: Team, payments: Team) -> Browser:
    visitor = Browser(client())
    visitor.sign_in(ada.token)
    return visitor


@pytest.mark.parametrize("path", PAGES)
def test_every_page_forbids_what_is_not_ours(browser: Browser, path: str) -> None:
    """Nothing inline, nothing from elsewhere, no frame around it, no guessing of types."""
    headers = browser.open(path).headers

    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", PAGES[:-1])
def test_no_page_needs_anything_inline_or_from_elsewhere(browser: Browser, path: str) -> None:
    """What the policy forbids is not in the pages: no style, no handler, no foreign address."""
    page = Seen(browser.open(path))

    for tag, attributes in page.elements:
        assert tag != "style"
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        for name in ("href", "src", "action"):
            assert (attributes.get(name) or "/").startswith(("/", "#", "?"))


@pytest.mark.parametrize("path", PAGES[2:12])
def test_every_page_has_its_landmarks(browser: Browser, path: str) -> None:
    """A language, a title, one main part with one heading, and a way to skip to it."""
    page = Seen(browser.open(path))

    assert page.all("html")[0]["lang"] == "en"
    assert page.links[0] == "#main"
    assert len(page.all("main")) == len(page.all("h1")) == 1
    assert page.all("main")[0]["id"] == "main"


def test_what_a_team_sees_is_not_kept_by_browsers(browser: Browser) -> None:
    """The next person at the machine finds nothing under "Back"."""
    assert browser.open("/acme/checkout/executions").headers["cache-control"] == "no-store"


def posts() -> list[str]:
    """The address of every form, with names filled in."""
    forms = [
        route for route in routes if isinstance(route, Route) and "POST" in (route.methods or ())
    ]
    return [
        route.path.replace("{org:name}", "acme").replace("{team}", "checkout").replace("{id}", "x")
        for route in forms
    ]


@pytest.mark.parametrize("path", posts())
@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
def test_no_form_is_taken_from_elsewhere(browser: Browser, path: str, token: str) -> None:
    """A signed-in browser that another site sends here changes nothing."""
    answer = browser.client.post(path, data={"csrf": token, "reason": "x"})

    assert answer.status_code == 403
    assert "not accepted" in Seen(answer).text


def test_a_page_that_is_not_there_says_what_to_do(browser: Browser) -> None:
    """In HTML, with a way home."""
    answer = browser.open("/acme/nowhere/at/all")

    assert answer.status_code == 404
    assert "ask an owner" in Seen(answer).text
    assert "/" in Seen(answer).links


def test_programs_still_get_their_own_errors(browser: Browser) -> None:
    """The pages' last route does not catch what the API does not know."""
    assert browser.open("/api/none").headers["content-type"] == "application/problem+json"


def test_a_fault_of_the_console_shows_nothing_of_its_inside(
    app: Starlette, client: Client, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page says so, and where to look."""

    def broken(*_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(home, "_load_teams", broken)
    browser = Browser(client())
    browser.sign_in(ada.token)

    answer = browser.open("/settings/teams")

    assert answer.status_code == 500
    assert "The console failed" in Seen(answer).text
    assert "secret" not in answer.text


def test_static_files_may_be_kept_because_their_addresses_change(browser: Browser) -> None:
    """Each address carries a fingerprint of the file."""
    sheet = Seen(browser.open("/settings/teams")).all("link")[-1]["href"] or ""

    answer = browser.open(sheet)

    assert "?v=" in sheet
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/css")


def test_static_files_are_not_a_way_into_the_house(browser: Browser) -> None:
    """Only what lies in the folder."""
    assert browser.open("/static/../app.py").status_code == 404
    assert browser.open("/static/%2e%2e/app.py").status_code == 404
    assert [route for route in routes if isinstance(route, Mount)]
