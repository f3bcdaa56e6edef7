"""The stop button as a page."""

import re

import pytest

from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.team import TeamApi

PAGE = "/acme/checkout/safeguards"


@pytest.fixture
def bobs(client: Client, bob: Member, checkout: Team) -> Browser:
    browser = Browser(client())
    browser.sign_in(bob.token)
    return browser


@pytest.fixture
def adas(client: Client, ada: Member, checkout: Team, payments: Team) -> Browser:
    browser = Browser(client())
    browser.sign_in(ada.token)
    return browser


def test_the_button_stops_a_running_experiment(
    bobs: Browser, client: Client, bob: Member, checkout: Team
) -> None:
    """What the page does is in the decision, with the reason."""
    api = TeamApi(client(token=bob.token), checkout)
    run = api.started()

    answer = bobs.submit(PAGE, PAGE + "/stop", reason="Release day")

    body = api.get(run + "/policies").json()
    execution = run.rsplit("/", 1)[-1]
    counts = f"?said=stopped&runs=1&heard=0&ended=0&silent={execution}"
    assert answer.headers["location"] == PAGE + counts
    page_shown = Seen(bobs.open(answer.headers["location"]))
    assert "0 of 1 run heard it. 1 run did not answer. No answer from" in page_shown.text
    assert f"/acme/checkout/executions/{execution}" in page_shown.links
    assert body["allowed"] is False
    assert body["policies"][0]["name"] == "Release day"


def test_a_safeguard_that_is_switched_on_says_which_runs_heard_it(
    bobs: Browser, client: Client, bob: Member, checkout: Team
) -> None:
    """As the stop button does: what was off denies a run that goes on from now on."""
    api = TeamApi(client(token=bob.token), checkout)
    sale = {"kind": "stop", "name": "Sale", "reason": "Sale", "enabled": False}
    safeguard = api.post("/safeguards", sale)
    api.started()
    page = f"{PAGE}/{safeguard.json()['id']}"

    answer = bobs.submit(page, f"{page}/switch", on="on")

    page_shown = Seen(bobs.open(answer.headers["location"]))
    assert "The safeguard is changed. 0 of 1 run heard it. 1 run did not answer." in page_shown.text


def test_no_run_of_another_team_is_named_by_an_address(
    bobs: Browser, client: Client, eve: Member, payments: Team
) -> None:
    """Whatever ids an address carries, only the team's own runs are looked up."""
    run = TeamApi(client(token=eve.token), payments).started().rsplit("/", 1)[-1]

    page = bobs.open(f"{PAGE}?said=stopped&runs=1&heard=0&ended=0&silent={run}&silent=none")

    assert "1 run did not answer." in Seen(page).text
    assert "No answer from" not in Seen(page).text
    assert run not in page.text


def test_what_is_in_force_is_on_every_page(bobs: Browser) -> None:
    """In words, above everything else."""
    bobs.submit(PAGE, PAGE + "/stop", reason="Release day")

    text = Seen(bobs.open("/acme/checkout/executions")).text

    assert "Nothing may run. Release day" in text


def test_it_says_who_and_until_when(bobs: Browser) -> None:
    """Bob, for two hours from half past nine."""
    bobs.submit(PAGE, PAGE + "/stop", **{"reason": "Release day", "for": "2h"})

    text = Seen(bobs.open(PAGE)).text

    assert "Set by Bob 2 Mar 2026 09:30 UTC , until 2 Mar 2026 11:30 UTC" in text


def test_a_stop_ends_by_itself(bobs: Browser, now: Clock) -> None:
    """When its time is over."""
    bobs.submit(PAGE, PAGE + "/stop", **{"reason": "Release day", "for": "30m"})
    now.pass_by(minutes=31)

    assert "Experiments may run" in Seen(bobs.open(PAGE)).text


def release_form(browser: Browser, reason: str) -> str:
    """Where the button that releases the stop of this reason leads."""
    page = browser.open(PAGE).text
    pattern = r'action="([^"]+/release)"(?:(?!</form>).)*?> ' + re.escape(reason) + "<"
    form = re.search(pattern, page, re.DOTALL)
    assert form, f"no button releases {reason}"
    return form[1]


def test_a_release_lets_runs_go_on_and_both_are_in_the_audit_log(bobs: Browser) -> None:
    """The stop and the release, newest first."""
    bobs.submit(PAGE, PAGE + "/stop", reason="Release day")

    answer = bobs.submit(PAGE, release_form(bobs, "Release day"))

    text = Seen(bobs.open(answer.headers["location"])).text
    assert "Experiments may run" in text
    released = text.index("released the stop: Release day")
    assert released < text.index("stopped all runs: Release day")


def test_a_release_names_one_stop(bobs: Browser, adas: Browser) -> None:
    """Another of the same scope stays, and so does one that is switched off."""
    for browser, reason in ((bobs, "Release day"), (adas, "Audit"), (adas, "Migration")):
        browser.submit(PAGE, PAGE + "/stop", reason=reason)
    off = release_form(bobs, "Migration").removesuffix("/release")
    bobs.submit(PAGE, off + "/switch", on="off")

    bobs.submit(PAGE, release_form(bobs, "Release day"))

    text = Seen(bobs.open(PAGE)).text
    assert "Nothing may run. Audit" in text
    assert "Off Migration" in text
    assert "Release day" not in text.partition("Audit log")[0]


@pytest.mark.parametrize("before", ["released", "switched off"])
def test_a_release_that_comes_second_changes_nothing(bobs: Browser, before: str) -> None:
    """It says so, whether somebody released the stop or switched it off."""
    bobs.submit(PAGE, PAGE + "/stop", reason="Release day")
    release = release_form(bobs, "Release day")
    way = "/release" if before == "released" else "/switch"
    bobs.submit(PAGE, release.replace("/release", way), on="off")

    answer = bobs.submit(PAGE, release)

    text = Seen(bobs.open(answer.headers["location"])).text
    assert "nothing was changed" in text
    assert ("Off Release day" in text) == (before == "switched off")


def test_a_stop_of_all_runs_is_changed_on_its_page(bobs: Browser) -> None:
    """Another reason; no tags are asked for, which would make it another stop."""
    bobs.submit(PAGE, PAGE + "/stop", reason="Release day")
    page = release_form(bobs, "Release day").removesuffix("/release")

    form = {"name": "Release day", "reason": "Still", "for": "keep", "enabled": "on"}
    answer = bobs.submit(page, page, **form)

    tags = next(i for i in Seen(bobs.open(page)).all("input") if i.get("name") == "only")
    assert answer.status_code == 303
    assert "Nothing may run. Release day: Still" in Seen(bobs.open(PAGE)).text
    assert "required" not in tags


def test_a_release_is_of_a_stop(bobs: Browser, client: Client, bob: Member, checkout: Team) -> None:
    """A safeguard of another kind is switched off or removed, by buttons that say so."""
    body = {"kind": "limit", "name": "One", "reason": "One", "settings": {"most": 1}}
    api = TeamApi(client(bob.token), checkout)
    limit = api.post("/safeguards", body).json()["id"]

    assert bobs.submit(PAGE, f"{PAGE}/{limit}/release").status_code == 404
    assert api.get(f"/safeguards/{limit}").status_code == 200


@pytest.mark.parametrize("reason", ["", "   ", "x" * 301])
def test_a_stop_needs_a_reason_that_can_be_read(bobs: Browser, reason: str) -> None:
    """Nothing is stopped, and the form says why."""
    answer = bobs.submit(PAGE, PAGE + "/stop", reason=reason)

    assert answer.status_code == 422
    assert "Say " in Seen(answer).text
    assert "Experiments may run" in Seen(bobs.open(PAGE)).text


def test_an_owner_stops_the_whole_organization(adas: Browser, bobs: Browser) -> None:
    """Every team sees it; a member cannot release it."""
    adas.submit(PAGE, PAGE + "/stop", reason="Audit", scope="organization")

    refused = bobs.submit(PAGE, release_form(adas, "Audit"))

    assert "Nothing may run. Audit" in Seen(adas.open("/acme/payments/executions")).text
    assert "An owner of Acme can release it" in Seen(bobs.open(PAGE)).text
    assert refused.status_code == 404


def test_a_member_stops_their_team_and_no_other(bobs: Browser, adas: Browser) -> None:
    """Neither the organization, nor a team they are not on."""
    whole = bobs.submit(PAGE, PAGE + "/stop", reason="Mine", scope="organization")
    other = bobs.submit(PAGE, "/acme/payments/safeguards/stop", reason="Yours")

    assert (whole.status_code, other.status_code) == (404, 404)
    assert "Experiments may run" in Seen(adas.open("/acme/payments/executions")).text


def test_other_kinds_are_shown_while_they_deny(
    bobs: Browser, client: Client, bob: Member, checkout: Team, now: Clock
) -> None:
    """Outside of its windows nothing may run; within them, something may."""
    windows = [{"days": ["mon"], "from": "12:00", "to": "13:00"}]
    settings = {"mode": "allow", "time_zone": "UTC", "windows": windows}
    body = {"kind": "windows", "name": "Lunch", "reason": "All are out", "settings": settings}
    TeamApi(client(bob.token), checkout).post("/safeguards", body)

    before = Seen(bobs.open(PAGE)).text
    now.pass_by(hours=3)

    assert "Nothing may run. Lunch: All are out, until 2 Mar 2026 12:00" in before
    assert "Experiments may run" in Seen(bobs.open(PAGE)).text
