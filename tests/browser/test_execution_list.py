"""The list of executions as somebody uses it all day: dense, filtered by clicks, never reloaded."""

import pytest
from playwright.sync_api import expect

from tests.browser.stories import Teller
from tests.browser.visitor import PHONE, Visitor
from tests.console.documents import ended, experiment, journal
from tests.together.conftest import Console

LIST = "/my-organization/my-team/executions"
ROWS_IN_SIGHT = """[...document.querySelectorAll("tbody tr")]
  .filter((row) => row.getBoundingClientRect().bottom <= innerHeight).length"""
TOO_WIDE = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture
def teller(console: Console) -> Teller:
    return Teller(console)


def run(teller: Teller, title: str, status: str = "completed") -> None:
    """A run of an experiment of this title that has ended."""
    document = experiment(title)
    started = teller.started(teller.published(document), journal(experiment=document))
    teller.send("PUT", started, {"journal": ended(status, experiment=document)})


def test_a_run_appears_and_ends_without_a_reload(owner: Visitor, teller: Teller) -> None:
    """What is typed into the search meanwhile stays."""
    owner.open(LIST)
    owner.page.evaluate("window.sameDocument = true")
    owner.page.get_by_role("searchbox").fill("zone")
    row = owner.page.locator("tbody tr").filter(has_text="Live in the list")

    document = experiment("Live in the list")
    started = teller.started(teller.published(document), journal(experiment=document))
    expect(row).to_contain_text("Running")
    teller.send("PUT", started, {"journal": ended("aborted", experiment=document)})

    expect(row).to_contain_text("Aborted")
    expect(owner.page.get_by_role("searchbox")).to_have_value("zone")
    assert owner.page.evaluate("window.sameDocument") is True
    assert owner.troubles == []


def test_a_screen_has_room_for_fifteen_runs(owner: Visitor, teller: Teller) -> None:
    """Of 900 pixels; a title of 500 letters without a space makes nothing wider."""
    for number in range(16):
        run(teller, f"Orders survive the loss of broker {number}")
    run(teller, "x" * 500)

    owner.open(LIST)

    assert owner.page.evaluate(ROWS_IN_SIGHT) >= 15
    assert owner.page.evaluate(TOO_WIDE) <= 0
    owner.page.set_viewport_size(PHONE)
    assert owner.page.evaluate(TOO_WIDE) <= 0


def test_what_went_wrong_is_one_click_away(owner: Visitor, teller: Teller) -> None:
    """One more click adds another state, and one on a chosen chip takes it back."""
    run(teller, "This one aborts", "aborted")
    run(teller, "This one passes")
    owner.open(LIST)
    wrong, right = (
        owner.page.locator("tbody tr").filter(has_text=title).first
        for title in ("This one aborts", "This one passes")
    )

    owner.page.get_by_role("link", name="Went wrong").click()
    expect(wrong).to_be_visible()
    expect(right).to_have_count(0)

    owner.page.get_by_role("link", name="Passed").click()
    expect(right).to_be_visible()
    owner.page.get_by_role("link", name="Passed").click()
    expect(right).to_have_count(0)


def test_a_search_is_a_link_to_pass_on(owner: Visitor, teller: Teller) -> None:
    """It keeps the chips that are chosen; what it finds can be taken away."""
    run(teller, "Payments survive the loss of a zone", "aborted")
    owner.open(f"{LIST}?outcome=went-wrong")

    owner.page.get_by_role("searchbox").fill("zone payments")
    owner.page.get_by_role("button", name="Search").click()

    expect(owner.page.locator("tbody tr")).to_have_count(1)
    assert owner.page.url.endswith("?outcome=went-wrong&q=zone+payments")
    with owner.page.expect_download() as download:
        owner.page.get_by_role("link", name="CSV").click()
    assert "Payments survive" in download.value.path().read_text()
