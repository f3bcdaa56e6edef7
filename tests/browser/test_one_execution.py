"""The page of an execution on paper, and its times in the zone of whoever looks."""

from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.browser.visitor import Visitor
from tests.console.documents import ended, experiment
from tests.together.conftest import Console

FAILED_ACTION = {
    "activity": {"name": "kill", "type": "action"},
    "status": "failed",
    "exception": ["OSError: no broker\n"],
}


@pytest.fixture
def address(console: Console) -> str:
    """The page of a run whose action failed, on 2 March 2026 at 09:29 UTC."""

    def post(path: str, body: dict[str, Any]) -> str:
        answer = requests.post(
            f"{console.url}/api/v1{console.team}{path}",
            json=body,
            headers={"Authorization": f"Bearer {console.token}"},
            timeout=30,
        )
        answer.raise_for_status()
        return str(answer.json()["id"])

    published = post("/experiments", {"experiment": experiment()})
    journals = [ended(), ended(run=[FAILED_ACTION])]
    ids = [post(f"/experiments/{published}/executions", {"journal": item}) for item in journals]
    return f"/my-organization/my-team/executions/{ids[-1]}"


def test_on_paper_errors_are_open_and_nothing_is_there_to_click(
    owner: Visitor, address: str
) -> None:
    """In light colours, whatever the screen has."""
    owner.open(address)
    expect(owner.page.get_by_role("link", name="Read the journal")).to_be_visible()

    owner.page.emulate_media(media="print", color_scheme="dark")

    expect(owner.page.get_by_text("OSError: no broker", exact=True)).to_be_visible()
    expect(owner.page.get_by_role("link", name="Read the journal")).to_be_hidden()
    expect(owner.page.locator(".top")).to_be_hidden()
    ink = owner.page.locator("h1").evaluate("heading => getComputedStyle(heading).color")
    assert ink == "rgb(0, 0, 0)"


def test_every_time_is_in_the_zone_of_whoever_looks(
    browser: Browser, console: Console, address: str
) -> None:
    """Those of elements, in options, and the page says which zone it is."""
    with Visitor.of(browser, console.url, timezone_id="Asia/Tokyo") as visitor:
        visitor.sign_in(console.token)
        visitor.open(f"{address}/compare")

        expect(visitor.page.locator("time").first).to_have_text("2 Mar 2026 18:29")
        expect(visitor.page.locator("option").first).to_contain_text("2 Mar 2026 18:29: Passed")
        expect(visitor.page.locator(".foot")).to_contain_text("Asia/Tokyo")
        assert "UTC" not in visitor.page.locator("main").inner_text()
