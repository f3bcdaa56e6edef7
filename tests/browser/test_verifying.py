"""Objectives and verifications made on the pages, and run by the url they give."""

import json
from typing import Any

from playwright.sync_api import expect

from tests.browser.visitor import Visitor
from tests.together.conftest import User

TEAM = "/my-organization/my-team"


def published(user: User, experiment: dict[str, Any]) -> None:
    """Run the experiment once, so that the console knows it."""
    done = user.chaos("run", user.keep("experiment.json", experiment))
    assert done.returncode == 0, done.stderr


def verify(visitor: Visitor, user: User) -> None:
    """Run what the page says to run, and come back to the page."""
    line = visitor.page.locator(".copy code").filter(has_text="chaos verify").inner_text()
    done = user.chaos(*line.split()[1:])
    assert done.returncode == 0, done.stderr
    visitor.page.reload()


def test_a_verification_is_made_on_the_page_and_run_by_its_url(
    owner: Visitor, user: User, experiment: dict[str, Any]
) -> None:
    """From a probe that was typed to the insight of its run."""
    published(user, experiment)
    probe = experiment["steady-state-hypothesis"]["probes"][0]
    owner.open(f"{TEAM}/objectives")
    owner.page.get_by_label("What must hold").fill("Orders are kept")
    owner.page.get_by_label("Or a probe of your own").fill(json.dumps(probe))
    owner.page.get_by_role("button", name="Make the objective").click()
    owner.page.get_by_role("link", name="Make another").click()
    owner.page.get_by_label("Name").fill("Orders are kept without a broker")
    owner.page.get_by_label("Condition: the method of").select_option(label=experiment["title"])
    owner.page.get_by_label("Sample every").fill("0.3 s")
    owner.page.get_by_label("Hold the condition for").fill("1 s")
    owner.page.get_by_role("button", name="Make the verification").click()

    verify(owner, user)

    assert owner.heading == "Orders are kept without a broker"
    [row] = owner.page.locator("#runs >> xpath=ancestor::section").locator("tbody tr").all()
    assert "Not impacted" in row.inner_text()
    row.locator("a.title").click()
    expect(owner.page.get_by_role("heading", name="Insight")).to_be_visible()
    assert owner.page.locator("svg.curve circle").count() > 1
    assert owner.troubles == []


def test_an_experiment_is_imported_and_run_as_a_verification(
    owner: Visitor, user: User, experiment: dict[str, Any]
) -> None:
    """One click: its hypothesis is the measurement, its method the condition."""
    experiment["title"] = "Orders survive the loss of two brokers"
    block = {"frequency-of-measurement": 0.3, "duration-of-conditions": 1}
    experiment["extensions"] = [{"name": "chaosiq", "verification": block}]
    published(user, experiment)
    owner.open(f"{TEAM}/verifications")
    owner.page.get_by_label("Experiment", exact=True).select_option(label=experiment["title"])
    owner.page.get_by_role("button", name="Import it").click()

    verify(owner, user)

    assert owner.heading == experiment["title"]
    assert "Not impacted" in owner.text
    assert owner.troubles == []
