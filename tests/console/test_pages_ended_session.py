"""A form whose session has ended: nothing is done, nothing that was typed is lost."""

import re
from collections.abc import Mapping

import pytest

from chaoscloud.console.db import Database
from chaoscloud.console.records import tokens
from chaoscloud.console.records.teams import Team
from tests.console.browser import FORM_TOKEN, Browser, Response, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import ended
from tests.console.team import TeamApi

TEAM = "/acme/checkout"
SAFEGUARDS = f"{TEAM}/safeguards"
ODD = 'Customers \u2028 notice "<b>&amp;'


@pytest.fixture
def bobs(client: Client, bob: Member, checkout: Team) -> Browser:
    browser = Browser(client())
    browser.sign_in(bob.token)
    return browser


@pytest.fixture
def api(client: Client, ada: Member, checkout: Team) -> TeamApi:
    """The team by the token of somebody else, which goes on."""
    return TeamApi(client(ada.token), checkout)


@pytest.fixture
def end_session(database: Database, bob: Member, now: Clock) -> "EndSession":
    return EndSession(database, bob, now)


class EndSession:
    """Ends Bob's session while a form of his is open; he has another token to sign in with."""

    def __init__(self, database: Database, bob: Member, now: Clock) -> None:
        self.database, self.bob, self.now = database, bob, now

    def __call__(self) -> str:
        """Revoke the token of the session; give another."""
        now = self.now()
        self.database.write(lambda c: tokens.revoke(c, self.bob.token_id, now)).result()
        bob = self.bob
        return self.database.write(
            lambda c: tokens.add(c, bob.id, "another", now, organization_id=bob.organization_id)
        ).result()[1]


def token_at(browser: Browser, path: str) -> str:
    token = FORM_TOKEN.search(browser.open(path).text)
    assert token, f"no form at {path}"
    return token[1]


def come_back(browser: Browser, answer: Response, token: str) -> Response:
    """Sign in on the page that says what was not done, and follow to where that leads."""
    csrf = FORM_TOKEN.findall(answer.text)[-1]
    onward = next(i["value"] for i in Seen(answer).all("input") if i.get("name") == "next")
    form = {"csrf": csrf, "token": token, "next": onward or ""}
    signed_in = browser.client.post("/signin", data=form)
    assert signed_in.status_code == 303
    return browser.open(signed_in.headers["location"])


def typed_in(page: Response) -> dict[str, str]:
    """What stands in the fields of a page that people see; the last of each name."""
    fields: dict[str, str] = {}
    select = ""
    for tag, attributes in Seen(page).elements:
        name = attributes.get("name") or ""
        if tag == "select":
            select = name
        elif tag == "option" and "selected" in attributes:
            fields[select] = attributes.get("value") or ""
        elif tag == "input" and attributes.get("type") == "checkbox":
            fields |= {name: "on"} if "checked" in attributes else {}
        elif tag == "input" and attributes.get("type") != "hidden":
            fields[name] = attributes.get("value") or ""
    return fields


def test_a_stop_that_was_not_set_says_so_and_keeps_its_reason(
    bobs: Browser, api: TeamApi, end_session: EndSession
) -> None:
    """The run goes on; after signing in the form is open with the reason, and works."""
    execution = api.started()
    page = f"{TEAM}/executions/{execution.rpartition('/')[2]}"
    csrf = token_at(bobs, page)
    token = end_session()

    answer = bobs.client.post(page + "/stop", data={"csrf": csrf, "reason": "Customers notice"})
    allowed = api.get(execution + "/policies").json()["allowed"]
    back = come_back(bobs, answer, token)
    details = next(
        element for element in Seen(back).all("details") if element.get("id") == "stop-run"
    )
    reason = typed_in(back)["reason"]
    bobs.submit(page, page + "/stop", reason=reason)

    assert answer.status_code == 401
    assert "Nothing was stopped Your session had ended" in Seen(answer).text
    assert "Why: Customers notice" in Seen(answer).text
    assert allowed is True
    assert back.url.path == page
    assert (reason, "open" in details) == ("Customers notice", True)
    assert "nothing was sent yet" in Seen(back).text
    assert api.get(execution + "/policies").json()["allowed"] is False


@pytest.mark.parametrize(
    ("page", "way", "fields"),
    [
        (SAFEGUARDS, "/stop", {"reason": ODD, "for": "2h"}),
        (f"{SAFEGUARDS}/new?kind=limit", "", {"name": "Two", "reason": ODD, "most": "7"}),
        (
            f"{SAFEGUARDS}/new?kind=windows",
            "",
            {"name": "Late", "mode": "forbid", "sun3": "on", "from3": "22:00", "to3": "23:00"},
        ),
        ("/settings/tokens", "", {"name": ODD, "for": "30d"}),
        (f"{TEAM}/objectives", "", {"name": ODD, "target": "99.5"}),
    ],
)
def test_every_form_comes_back_as_it_was_typed(
    bobs: Browser, end_session: EndSession, page: str, way: str, fields: Mapping[str, str]
) -> None:
    """Text, choices and boxes, whatever stands in them; what was not ticked is not."""
    csrf = token_at(bobs, page)
    token = end_session()

    answer = bobs.client.post(page + way, data={"csrf": csrf, **fields})
    back = come_back(bobs, answer, token)

    assert answer.status_code == 401
    assert back.status_code == 200
    assert typed_in(back).items() >= fields.items()
    assert "mon0" not in typed_in(back)
    assert "nothing was sent yet" not in Seen(bobs.open(page)).text  # once is enough


def test_text_areas_come_back_too(bobs: Browser, end_session: EndSession) -> None:
    """With what stood in them, and nothing else."""
    csrf = token_at(bobs, f"{TEAM}/objectives")
    token = end_session()

    form = {"csrf": csrf, "name": "Fast", "measurement": '{"a": "</textarea><b>"}'}
    back = come_back(bobs, bobs.client.post(f"{TEAM}/objectives", data=form), token)

    assert "&quot;a&quot;: &quot;&lt;/textarea&gt;&lt;b&gt;&quot;}</textarea>" in back.text


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://testserver"}, True),
        ({"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
    ],
)
def test_only_forms_of_this_console_are_kept(
    client: Client, checkout: Team, headers: dict[str, str], expected: bool
) -> None:
    """A browser that has lost its cookie says where the form came from; others may not fill it."""
    form = {"csrf": "0" * 128, "reason": "Not mine"}

    answer = client().post(f"{SAFEGUARDS}/stop", data=form, headers=headers)

    onward = next(i["value"] for i in Seen(answer).all("input") if i.get("name") == "next")
    assert answer.status_code == 401
    assert ("chaosiq_draft" in answer.cookies) is expected
    assert ("Not mine" in answer.text) is expected
    assert onward == (SAFEGUARDS if expected else "/")


def test_what_is_too_long_to_be_kept_can_be_copied(bobs: Browser, end_session: EndSession) -> None:
    """A cookie has no room for it, so the page shows all of it."""
    csrf = token_at(bobs, f"{TEAM}/objectives")
    end_session()
    measurement = "".join(chr(0x4E00 + number) for number in range(4_000))

    form = {"csrf": csrf, "measurement": measurement}
    answer = bobs.client.post(f"{TEAM}/objectives", data=form)

    assert "too long to be kept: copy it now" in Seen(answer).text
    assert measurement in answer.text
    assert "chaosiq_draft" not in answer.cookies


@pytest.mark.parametrize("value", ["", "x", "e30=", "eJyrrgUAAXUA-Q==", "\x7f"])
def test_a_damaged_draft_is_none(bobs: Browser, value: str) -> None:
    """The page opens as if it were not there."""
    answer = bobs.open(SAFEGUARDS, headers={"Cookie": _cookies(bobs, value)})

    assert answer.status_code == 200
    assert "signed in again" not in Seen(answer).text


def _cookies(browser: Browser, draft: str) -> str:
    return f"chaosiq_session={browser.client.cookies['chaosiq_session']}; chaosiq_draft={draft}"


def test_a_form_that_is_there_no_more_says_so(
    bobs: Browser, api: TeamApi, end_session: EndSession
) -> None:
    """The run has ended meanwhile: there is nothing left to stop."""
    execution = api.started()
    page = f"{TEAM}/executions/{execution.rpartition('/')[2]}"
    csrf = token_at(bobs, page)
    token = end_session()
    answer = bobs.client.post(page + "/stop", data={"csrf": csrf, "reason": "Customers notice"})
    api.put(execution, {"journal": ended()})

    back = come_back(bobs, answer, token)

    assert "What you sent was not done, and there is no form for it here" in Seen(back).text


def test_a_session_that_goes_on_accepts_no_form_of_others(bobs: Browser, api: TeamApi) -> None:
    """Keeping forms makes none of them pass without the token of the page."""
    execution = api.started()

    page = f"{TEAM}/executions/{execution.rpartition('/')[2]}"

    answer = bobs.client.post(f"{page}/stop", data={"reason": "Not mine"})

    assert answer.status_code == 403
    assert api.get(execution + "/policies").json()["allowed"] is True


def test_signing_out_twice_leads_to_the_way_in(bobs: Browser, end_session: EndSession) -> None:
    """There is nothing that was not done."""
    csrf = token_at(bobs, SAFEGUARDS)
    end_session()

    answer = bobs.client.post("/signout", data={"csrf": csrf})

    assert (answer.status_code, answer.headers["location"]) == (303, "/signin")


def test_a_wrong_token_keeps_the_form(bobs: Browser, end_session: EndSession) -> None:
    """Whoever mistypes once still comes back to it."""
    csrf = token_at(bobs, SAFEGUARDS)
    token = end_session()
    answer = bobs.client.post(f"{SAFEGUARDS}/stop", data={"csrf": csrf, "reason": "Fire"})
    again = FORM_TOKEN.findall(answer.text)[-1]
    form = {"csrf": again, "token": "ciq_wrong", "next": SAFEGUARDS}

    refused = bobs.client.post("/signin", data=form)
    back = come_back(bobs, refused, token)

    assert refused.status_code == 401
    assert re.search(r'name="reason" value="Fire"', back.text)
