"""Coming in, being put out, and not getting in at all."""

import re

from playwright.sync_api import expect

from tests.browser.visitor import Visitor
from tests.together.conftest import Console

TEAM = "/my-organization/my-team"


def token_of(text: str) -> str:
    """The token in what the operator's command printed."""
    match = re.search(r"ciq_\S+", text)
    assert match, text
    return match[0]


def test_a_token_opens_the_team_s_overview(owner: Visitor) -> None:
    """By way of the list of teams for whom sees several."""
    if owner.page.url != f"{owner.url}{TEAM}":
        owner.page.get_by_role("link", name="My team").click()

    expect(owner.page.get_by_text("Nothing runs.")).to_be_visible()
    assert owner.troubles == []


def test_a_wrong_token_is_refused_with_a_reason(stranger: Visitor) -> None:
    """The form says so, and is still there."""
    stranger.sign_in("ciq_not-one-of-ours")

    expect(stranger.page.get_by_role("alert")).to_contain_text("not accepted")
    expect(stranger.page.get_by_label("Token")).to_be_editable()


def test_signing_in_leads_to_where_one_wanted_to_go(stranger: Visitor, console: Console) -> None:
    """A link from a colleague asks for the token first."""
    stranger.open(f"{TEAM}/safeguards")
    stranger.page.get_by_label("Token").fill(console.token)
    stranger.page.get_by_role("button", name="Sign in").click()

    expect(stranger.page).to_have_url(f"{stranger.url}{TEAM}/safeguards")


def test_signing_out_closes_the_door(owner: Visitor) -> None:
    """The page asks for a token again, also under "Back"."""
    owner.page.get_by_role("button", name="Sign out").click()
    owner.page.wait_for_url("**/signin")

    owner.page.go_back()

    expect(owner.page.get_by_label("Token")).to_be_visible()


def test_the_session_s_cookie_is_out_of_reach_of_scripts(owner: Visitor) -> None:
    """And of other sites' forms."""
    [session] = owner.page.context.cookies()

    assert session.get("httpOnly") is True
    assert session.get("sameSite") == "Lax"
    assert owner.page.evaluate("document.cookie") == ""


def test_a_revoked_token_signs_its_browser_out(stranger: Visitor, console: Console) -> None:
    """Revoked on the page of tokens, by the very session it opened."""
    stranger.sign_in(token_of(console.operate("token", "add", "--person", "owner", "--name", "ci")))
    stranger.open("/settings/tokens")

    stranger.page.get_by_role("button", name="Revoke ci").click()

    expect(stranger.page.get_by_label("Token")).to_be_visible()
    stranger.open(f"{TEAM}/executions")
    expect(stranger.page).to_have_url(re.compile("/signin"))


def test_a_new_token_is_shown_once_and_opens_the_console(owner: Visitor, console: Console) -> None:
    """Made on the page; a reload does not show it again."""
    owner.open("/settings/tokens")
    owner.page.get_by_label("Name").fill("laptop")
    owner.page.get_by_role("button", name="Make a token").click()
    token = owner.page.locator("code.secret").inner_text()

    owner.open("/settings/tokens")

    assert token not in owner.page.content()
    owner.page.get_by_role("button", name="Sign out").click()
    owner.sign_in(token)
    expect(owner.page.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_member_of_another_team_finds_nothing(stranger: Visitor, console: Console) -> None:
    """The same answer as for a team that does not exist: nothing tells the two apart."""
    console.operate("team", "add", "Payments")
    output = console.operate("person", "add", "Eve", "--team", "Payments")
    if "ciq_" not in output:
        output = console.operate("token", "add", "--person", "Eve")
    stranger.sign_in(token_of(output))

    assert stranger.open(f"{TEAM}/executions") == 404
    theirs = stranger.text
    assert stranger.open("/my-organization/nobodys-team/executions") == 404
    assert stranger.text == theirs
    assert stranger.open("/my-organization/payments/executions") == 200
