"""A real `chaos run`, watched and stopped from its page."""

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.stories import Teller
from tests.browser.visitor import Visitor
from tests.console import documents
from tests.together.conftest import LIMIT, Console, User, command

WAITING = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)"


@pytest.fixture
def run(user: User, experiment: dict[str, Any]) -> Iterator["subprocess.Popen[str]"]:
    """A run that waits in its first activity, until there is a file called "go"."""
    experiment["method"][0] = command("wait-for-the-broker", WAITING)
    with user.running("run", user.keep("experiment.json", experiment)) as process:
        yield process
        go(user.home)


def go(home: Path) -> None:
    """Let the run go on."""
    (home / "go").touch()


def printed_address(process: "subprocess.Popen[str]") -> str:
    """The address of the execution's page, as `chaos run` prints it."""
    assert process.stdout is not None
    for line in process.stdout:
        match = re.search(r"http://\S+/executions/[0-9a-f-]{36}", line)
        if match:
            return match[0]
    raise AssertionError("chaos printed no address of the execution")


def activity(visitor: Visitor, name: str) -> Locator:
    """The part of the page that tells of an activity."""
    return visitor.page.locator(".acts li").filter(has_text=name)


def test_a_run_is_followed_to_its_end_without_a_reload(
    owner: Visitor, run: "subprocess.Popen[str]", user: User
) -> None:
    """At the address `chaos run` prints: activities come, the status turns, nobody reloads."""
    owner.open(printed_address(run))
    status = owner.page.locator(".lead .status")
    expect(status).to_have_text("Running")
    expect(activity(owner, "wait-for-the-broker")).to_contain_text("Running")
    owner.page.evaluate("window.sameDocument = true")

    go(user.home)

    expect(status).to_have_text("Passed")
    expect(activity(owner, "wait-for-the-broker")).to_contain_text("Succeeded")
    expect(activity(owner, "count-the-orders")).to_contain_text("Succeeded")
    assert owner.page.title().startswith("Passed: ")
    assert owner.page.evaluate("window.sameDocument") is True
    assert owner.troubles == []


@pytest.fixture
def play(owner: Visitor, console: Console) -> Callable[[str], None]:
    """A page of a run that goes on, and what lets the run tell of one activity more."""
    teller = Teller(console)
    run = teller.started(teller.published(documents.experiment("Live")), documents.journal())
    owner.open(f"/my-organization/my-team/executions/{run.rsplit('/', 1)[-1]}")

    def tell(name: str) -> None:
        context = {"type": "action", "name": name}
        data = {"context": context, "state": None}
        teller.told(run, documents.event(f"starting {name}", data=data))
        expect(activity(owner, name)).to_be_visible()

    return tell


def test_what_the_reader_opened_stays_open_while_the_page_changes(
    owner: Visitor, play: Callable[[str], None]
) -> None:
    """The details of an activity, with the focus on it."""
    play("kill another broker")
    opened = activity(owner, "kill another broker")
    opened.locator("summary").click()

    play("kill the last broker")

    expect(opened.locator("details")).to_have_attribute("open", "")
    assert owner.page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_what_is_typed_stays_while_the_page_changes(
    owner: Visitor, play: Callable[[str], None]
) -> None:
    """Somebody who writes a reason is not interrupted by what the run tells."""
    owner.page.get_by_text("Stop this run").click()
    owner.page.get_by_label("Why").press_sequentially("Customers")

    play("kill another broker")
    owner.page.keyboard.type(" notice")

    expect(owner.page.get_by_label("Why")).to_have_value("Customers notice")


def test_what_is_selected_stays_selected_while_the_page_changes(
    owner: Visitor, play: Callable[[str], None]
) -> None:
    """Somebody who copies a line is not interrupted; what could not change changes afterwards."""
    play("kill another broker")
    owner.page.evaluate("getSelection().selectAllChildren(document.querySelector('#method'))")
    owner.page.evaluate(
        "getSelection().extend(document.querySelector('.acts .status').lastChild, 3)"
    )
    selected = owner.page.evaluate("String(getSelection())")

    play("kill the last broker")

    assert selected.startswith("Method")
    assert owner.page.evaluate("String(getSelection())") == selected
    owner.page.evaluate("getSelection().removeAllRanges()")
    expect(owner.page.locator("main")).to_contain_text("kill the last broker")


def test_rows_stay_the_same_elements_while_the_page_changes(
    owner: Visitor, play: Callable[[str], None]
) -> None:
    """Only what differs is touched: a pointer on a row, or a reader's place in it, is not lost."""
    play("kill another broker")
    row = activity(owner, "kill another broker")
    row.evaluate("row => { row.isTheSame = true; }")

    play("kill the last broker")

    assert row.evaluate("row => row.isTheSame") is True


def test_a_clock_ticks_by_itself(owner: Visitor, console: Console) -> None:
    """Also while the console says nothing."""
    teller = Teller(console)
    started = documents.journal(start=datetime.now(UTC).isoformat())
    run = teller.started(teller.published(documents.experiment("Clock")), started)
    owner.open(f"/my-organization/my-team/executions/{run.rsplit('/', 1)[-1]}")
    clock = owner.page.locator("[data-took]")
    console.process.send_signal(signal.SIGSTOP)
    try:
        before = clock.inner_text()
        expect(clock).not_to_have_text(before)
    finally:
        console.process.send_signal(signal.SIGCONT)


def test_the_page_keeps_its_place_while_activities_fail(owner: Visitor, console: Console) -> None:
    """Each that fails is shown opened; whoever reads another is not moved."""
    teller = Teller(console)
    activities = [{"type": "action", "name": f"kill broker {number}"} for number in range(60)]
    document = documents.experiment("Many brokers", method=activities)
    run = teller.started(teller.published(document), documents.journal(experiment=document))

    def fail(number: int) -> None:
        data = {"context": activities[number], "state": None}
        teller.told(run, documents.event(f"start-{number}", data=data))
        state = {
            "activity": activities[number],
            "status": "failed",
            "exception": ["Traceback\n"] * 20,
        }
        ended = {"context": activities[number], "state": state}
        teller.told(run, documents.event(f"end-{number}", type_="activity-finished", data=ended))

    for number in range(20):
        fail(number)
    owner.open(f"/my-organization/my-team/executions/{run.rsplit('/', 1)[-1]}")
    read = activity(owner, "kill broker 10")
    read.scroll_into_view_if_needed()
    top = read.evaluate("row => row.getBoundingClientRect().top")

    for number in range(20, 30):
        fail(number)

    expect(activity(owner, "kill broker 29")).to_contain_text("Failed")
    moved = read.evaluate("row => row.getBoundingClientRect().top") - top
    assert abs(moved) <= 2


# --- every page --------------------------------------------------------------------------------


def test_the_bar_of_every_page_changes_by_itself(owner: Visitor, console: Console) -> None:
    """A stop that somebody else sets shows at once, and so does its release."""
    owner.open("/my-organization/my-team/people")
    bar = owner.page.locator("#safeguards-bar")
    expect(bar).to_contain_text("Experiments may run")
    owner.page.get_by_label("Name", exact=True).first.fill("Grace")

    console.operate("stop", "--reason", "Release day")
    expect(bar).to_contain_text("Nothing may run.")
    console.operate("resume")

    expect(bar).to_contain_text("Experiments may run")
    expect(owner.page.get_by_label("Name", exact=True).first).to_have_value("Grace")
    assert owner.troubles == []


def test_every_page_says_when_the_console_is_away(owner: Visitor, console: Console) -> None:
    """What its bar says may be out of date then."""
    owner.open("/my-organization/my-team/people")
    console.process.send_signal(signal.SIGSTOP)
    try:
        note = owner.page.get_by_role("alert")
        expect(note).to_contain_text("No contact with the console since", timeout=5_000)
    finally:
        console.process.send_signal(signal.SIGCONT)

    expect(note).to_have_count(0)


# --- of one run --------------------------------------------------------------------------------


def test_a_page_says_when_the_console_is_away_and_when_it_is_back(
    owner: Visitor, play: Callable[[str], None], console: Console
) -> None:
    """A console that hangs raises no error in the browser; the page says so within 5 seconds."""
    note = owner.page.get_by_role("alert")
    play("kill another broker")
    console.process.send_signal(signal.SIGSTOP)
    try:
        expect(note).to_contain_text("No contact with the console since", timeout=5_000)
    finally:
        console.process.send_signal(signal.SIGCONT)

    expect(note).to_have_count(0)
    play("kill the last broker")


def test_a_page_says_when_its_reader_is_signed_out(
    owner: Visitor, play: Callable[[str], None]
) -> None:
    """Elsewhere, say: within 5 seconds, with the way back in."""
    play("kill another broker")
    address = owner.page.url
    other = owner.page.context.new_page()
    other.goto(owner.url)

    other.get_by_role("button", name="Sign out").click()

    note = owner.page.get_by_role("alert")
    expect(note).to_contain_text("You are signed out", timeout=5_000)
    link = note.get_by_role("link", name="Sign in").get_attribute("href")
    assert link == "/signin?next=" + quote(address.removeprefix(owner.url), safe="")


def test_a_stop_of_an_ended_session_is_not_lost(
    owner: Visitor, play: Callable[[str], None], console: Console
) -> None:
    """The page says that nothing was stopped, and after signing in the form is filled in."""
    play("kill another broker")
    address = owner.page.url
    owner.page.get_by_text("Stop this run").click()
    owner.page.get_by_label("Why").fill("Customers notice")
    owner.page.context.clear_cookies(name="chaosiq_session")

    owner.page.get_by_role("button", name="Stop it now").click()
    expect(owner.page.get_by_role("heading", level=1)).to_have_text("Nothing was stopped")
    owner.page.get_by_label("Token").fill(console.token)
    owner.page.get_by_role("button", name="Sign in").click()

    expect(owner.page).to_have_url(address)
    expect(owner.page.get_by_label("Why")).to_have_value("Customers notice")
    owner.page.get_by_role("button", name="Stop it now").click()
    expect(owner.page.get_by_text("Being stopped:", exact=True)).to_be_visible()


def test_one_run_is_stopped_from_its_own_page_with_a_reason(
    owner: Visitor, run: "subprocess.Popen[str]", user: User
) -> None:
    """The process ends with exit code 1, the page says why and how fast; the next run passes."""
    owner.open(printed_address(run))
    expect(activity(owner, "wait-for-the-broker")).to_contain_text("Running")
    owner.page.get_by_text("Stop this run").click()

    owner.page.get_by_label("Why").fill("Customers notice")
    owner.page.get_by_role("button", name="Stop it now").click()
    run.communicate(timeout=LIMIT)

    assert run.returncode == 1
    expect(owner.page.locator(".lead .status")).to_have_text("Interrupted")
    region = owner.page.get_by_role("region", name="Safeguards stopped this run")
    expect(region).to_contain_text("Customers notice")
    expect(region).to_contain_text("Decision to interruption")
    assert owner.troubles == []
    go(user.home)
    assert user.chaos("run", "experiment.json").returncode == 0


def test_all_runs_are_stopped_from_the_page_with_a_reason(
    owner: Visitor, run: "subprocess.Popen[str]", user: User
) -> None:
    """The process ends with exit code 1, and the page tells why."""
    address = printed_address(run)
    owner.open(address)
    expect(activity(owner, "wait-for-the-broker")).to_contain_text("Running")
    owner.page.get_by_role("link", name="Stop runs, set safeguards").click()

    owner.page.get_by_label("Why").fill("Black Friday")
    owner.page.get_by_role("button", name="Stop all runs").click()
    run.communicate(timeout=LIMIT)

    assert run.returncode == 1
    owner.open(address)
    expect(owner.page.locator(".lead .status")).to_have_text("Interrupted")
    expect(owner.page.locator("main")).to_contain_text("Black Friday")
    release(owner)


def test_a_run_is_refused_while_runs_are_stopped(
    browser: Browser, console: Console, user: User, experiment: dict[str, Any]
) -> None:
    """Pressed and released by somebody whose browser runs no scripts."""
    name = user.keep("experiment.json", experiment)
    with Visitor.of(browser, console.url, java_script_enabled=False) as plain:
        plain.sign_in(console.token)
        plain.open("/my-organization/my-team/safeguards")
        plain.page.get_by_label("Why").fill("Release day")
        plain.page.get_by_role("button", name="Stop all runs").click()
        refused = user.chaos("run", name)
        release(plain)

    assert refused.returncode == 1
    assert "Release day" in refused.stderr + refused.stdout


def release(visitor: Visitor) -> None:
    """Release the one stop there is."""
    visitor.open("/my-organization/my-team/safeguards")
    visitor.page.get_by_role("button", name="Release").click()
    expect(visitor.page.get_by_role("status")).to_contain_text("Released")
