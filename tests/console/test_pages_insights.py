"""Insights as a page, and the run of a verification while it goes on."""

import json
from typing import Any

import pytest

from chaoscloud.console.pages import live
from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import ended, experiment, journal
from tests.console.team import TeamApi

PAGE = "/acme/checkout/insights"


@pytest.fixture
def browser(client: Client, bob: Member, checkout: Team) -> Browser:
    visitor = Browser(client())
    visitor.sign_in(bob.token)
    return visitor


def objective(api: TeamApi, name: str = "Orders are accepted", target: float = 95.0) -> str:
    """The id of an objective."""
    measurement = experiment()["steady-state-hypothesis"]
    body = {"name": name, "target": target, "window": 86_400, "measurement": measurement}
    return str(api.post("/objectives", body).json()["id"])


def verification(api: TeamApi, name: str, held_against: str) -> str:
    """The id of a verification that samples every ten seconds."""
    body = {"name": name, "objective_id": held_against, "frequency": 10, "duration": 100}
    return str(api.post("/verifications", body).json()["id"])


def started(api: TeamApi, of: str) -> str:
    """The path of a run that has just started, below the team."""
    execution = api.started().split("/")
    body = {
        "journal": journal(),
        "status": "started",
        "experiment_id": execution[2],
        "execution_id": execution[4],
    }
    return f"/verifications/{of}/runs/{api.post(f'/verifications/{of}/runs', body).json()['id']}"


def sample(api: TeamApi, run: str, met: bool) -> None:
    """One sample of a run."""
    state = {"steady_state_met": met, "probes": []}
    sent = {"category": "verification-sample", "payload": {"state": state}}
    assert api.post(run + "/events", sent).status_code == 201


def ran(api: TeamApi, of: str, deviated: int, sampled: int = 10) -> None:
    """A run of a hundred seconds that ended."""
    results = {
        "successful_samples": sampled - deviated,
        "deviated_samples": deviated,
        "not_run_samples": 10 - sampled,
        "total_number_of_samples": 10,
        "total_duration": 100.0,
    }
    sent = {"journal": ended(), "status": "completed", "results": results}
    assert api.post(started(api, of) + "/finished", sent).is_success


def bars(browser: Browser) -> list[dict[str, str | None]]:
    """The bars of all runs on the page."""
    return [rect for rect in Seen(browser.open(PAGE)).all("rect") if "bar" in (rect["class"] or "")]


def test_before_anything_is_known_it_says_what_to_do(browser: Browser) -> None:
    """There is a way on."""
    page_read = Seen(browser.open(PAGE))

    assert "Nothing is known yet" in page_read.text
    assert "/acme/checkout/verifications" in page_read.links


def test_each_verification_is_told_against_its_objective(
    browser: Browser, bobs: TeamApi, now: Clock
) -> None:
    """What is allowed, what was observed, and how many runs were impacted."""
    accepted, quick = objective(bobs), objective(bobs, "Orders are quick", 80)
    broker = verification(bobs, "While a broker is lost", accepted)
    verification(bobs, "While the cache is cold", quick)
    for deviated in (0, 3):
        ran(bobs, broker, deviated)
        now.pass_by(minutes=5)

    text = Seen(browser.open(PAGE)).text

    assert "Orders are accepted target 95 %, 5 % may fail" in text
    assert "Impacted While a broker is lost" in text
    assert "30 % of the time, 5 % allowed 1 of 2 impacted" in text
    assert "Orders are quick target 80 %, 20 % may fail" in text
    assert "Not run yet While the cache is cold" in text


def test_runs_are_drawn_oldest_first_against_the_budget(
    browser: Browser, bobs: TeamApi, now: Clock
) -> None:
    """What kept within it stays below the line, whatever it cost."""
    of = verification(bobs, "While a broker is lost", objective(bobs, target=80))
    for deviated, sampled in ((1, 10), (4, 10), (0, 0)):
        ran(bobs, of, deviated, sampled)
        now.pass_by(minutes=5)
    started(bobs, of)

    drawn = bars(browser)
    [line] = Seen(browser.open(PAGE)).all("line")

    looks = [(bar["class"] or "").removeprefix("bar ") for bar in drawn]
    assert looks == ["completed", "failed", "unknown", "running"]
    tops = [float((rect["y"] or "").rstrip("%")) for rect in drawn[:2]]
    assert tops[1] < float((line["y1"] or "").rstrip("%")) < tops[0]


def test_where_nothing_may_fail_the_line_is_the_ground(browser: Browser, bobs: TeamApi) -> None:
    """A target of all the time divides by nothing."""
    ran(bobs, verification(bobs, "At rest", objective(bobs, target=100)), 0)

    assert [bar["class"] for bar in bars(browser)] == ["bar completed"]


def test_very_many_verifications_come_in_pages(browser: Browser, bobs: TeamApi, now: Clock) -> None:
    """The rest is one link away."""
    of = objective(bobs)
    for number in range(31):
        verification(bobs, f"Condition {number}.", of)
        now.pass_by(seconds=1)

    first = Seen(browser.open(PAGE))
    rest = Seen(browser.open(next(link for link in first.links if "after=" in link)))

    assert "Condition 30." in first.text
    assert "Condition 0." not in first.text
    assert "Condition 0." in rest.text


def test_another_team_s_insights_are_not_there(
    client: Client, eve: Member, bobs: TeamApi, browser: Browser
) -> None:
    """Not the page, and nothing of it on her own."""
    ran(bobs, verification(bobs, "While a broker is lost", objective(bobs)), 1)
    eves = Browser(client())
    eves.sign_in(eve.token)

    assert eves.open(PAGE).status_code == 404
    assert "broker" not in Seen(eves.open("/acme/payments/insights")).text


# --- a run that goes on ------------------------------------------------------------------------


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch, now: Clock) -> None:
    """A stream that looks again at once; each look is a minute later."""

    async def pass_by(*_: object) -> None:
        now.pass_by(minutes=1)

    monkeypatch.setattr(live, "nap", pass_by)


def streamed(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream, decoded."""
    blocks = [block.split("\n") for block in text.split("\n\n") if block.startswith("event:")]
    return [(name[7:], json.loads(data[6:])) for name, data in blocks]


def test_a_run_that_goes_on_is_followed(browser: Browser, bobs: TeamApi, hasty: None) -> None:
    """Its page names its stream, which has the samples made so far."""
    run = started(bobs, verification(bobs, "While a broker is lost", objective(bobs)))
    sample(bobs, run, True)
    sample(bobs, run, False)
    page = f"/acme/checkout{run}"

    [region] = [
        element for element in Seen(browser.open(page)).all("div") if "data-live" in element
    ]
    events = streamed(browser.open(str(region["data-live"])).text)

    assert {name for name, _ in events} == {"page"}
    assert "1 held, 1 did not, 0 not run" in events[0][1]["html"]
    assert "Watch or stop it" in events[0][1]["html"]


def test_the_stream_of_a_run_that_has_ended_ends_itself(
    browser: Browser, bobs: TeamApi, hasty: None
) -> None:
    """And its page does not ask for one."""
    of = verification(bobs, "While a broker is lost", objective(bobs))
    ran(bobs, of, 1)
    page = next(
        link
        for link in Seen(browser.open(f"/acme/checkout/verifications/{of}")).links
        if "/runs/" in link
    )

    names = [name for name, _ in streamed(browser.open(page + "/live").text)]

    assert names == ["page", "over"]
    assert "data-live" not in browser.open(page).text


def test_a_run_that_fell_silent_says_so(browser: Browser, bobs: TeamApi, now: Clock) -> None:
    """It may have been cut off."""
    run = started(bobs, verification(bobs, "While a broker is lost", objective(bobs)))
    now.pass_by(minutes=20)

    text = Seen(browser.open(f"/acme/checkout{run}")).text

    assert "Lost contact" in text
    assert "has sent nothing since 2 Mar 2026 09:30" in text


def test_another_team_s_run_is_not_followed(client: Client, eve: Member, bobs: TeamApi) -> None:
    """It does not exist for her."""
    run = started(bobs, verification(bobs, "While a broker is lost", objective(bobs)))
    eves = Browser(client())
    eves.sign_in(eve.token)

    for team in ("checkout", "payments"):
        assert eves.open(f"/acme/{team}{run}/live").status_code == 404
