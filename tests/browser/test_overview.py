"""The overview as somebody leaves it open all day."""

import pytest
from playwright.sync_api import expect

from tests.browser.stories import Teller
from tests.browser.visitor import Visitor
from tests.console.documents import ended, experiment, journal
from tests.together.conftest import Console

HOME = "/my-organization/my-team"


@pytest.fixture
def teller(console: Console) -> Teller:
    return Teller(console)


def test_what_happens_appears_without_a_reload(owner: Visitor, teller: Teller) -> None:
    """A run that begins, and that it deviated; a note that is being typed stays."""
    aborted = experiment("Typed about")
    started = teller.started(teller.published(aborted), journal(experiment=aborted))
    teller.send("PUT", started, {"journal": ended("aborted", experiment=aborted)})
    owner.open(HOME)
    needs = owner.page.get_by_role("region", name="Needs attention")
    owner.page.evaluate("window.sameDocument = true")
    needs.get_by_text("Seen").first.click()
    needs.get_by_placeholder("Note, for your team").first.press_sequentially("OPS-")

    document = experiment("Live in the overview")
    started = teller.started(teller.published(document), journal(experiment=document))
    runs = owner.page.get_by_role("region", name="Running now")
    expect(runs).to_contain_text("Live in the overview")
    owner.page.keyboard.type("12")
    teller.send("PUT", started, {"journal": ended(deviated=True, experiment=document)})

    expect(needs).to_contain_text("Live in the overview")
    expect(needs.get_by_placeholder("Note, for your team").locator("visible=true")).to_have_value(
        "OPS-12"
    )
    assert owner.page.evaluate("window.sameDocument") is True
    assert owner.troubles == []


def test_what_was_seen_is_taken_off_and_put_back(owner: Visitor, teller: Teller) -> None:
    """By forms that need no script; the list says who has seen it."""
    document = experiment("Somebody will look")
    started = teller.started(teller.published(document), journal(experiment=document))
    teller.send("PUT", started, {"journal": ended("failed", experiment=document)})
    owner.open(HOME)
    needs = owner.page.get_by_role("region", name="Needs attention")
    item = needs.get_by_role("listitem").filter(has_text="Somebody will look")

    item.locator("summary").click()
    item.get_by_placeholder("Note, for your team").fill("Known")
    item.get_by_role("button", name="Take off the list").click()
    needs.locator("#seen > summary").click()
    expect(item).to_contain_text("Known")
    item.get_by_role("button", name="Put back").click()

    expect(item.locator("summary")).to_be_visible()


def test_a_week_s_runs_are_one_click_away(owner: Visitor, teller: Teller) -> None:
    """Each part of the drawing lists what it counts."""
    document = experiment("In the drawing")
    now = owner.page.evaluate("new Date().toISOString()")
    started = teller.started(teller.published(document), journal(experiment=document, start=now))
    teller.send("PUT", started, {"journal": ended(experiment=document, start=now, end=now)})
    owner.open(HOME)

    owner.page.get_by_role("region", name="Outcomes per week").locator("svg a").first.click()

    expect(owner.page.locator("tbody tr").filter(has_text="In the drawing")).to_be_visible()
