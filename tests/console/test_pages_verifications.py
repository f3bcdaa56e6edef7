"""Objectives and verifications as pages, made there and read there."""

import json
import re
from typing import Any

import pytest

from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import ended, experiment, journal
from tests.console.team import TeamApi

OBJECTIVES = "/acme/checkout/objectives"
VERIFICATIONS = "/acme/checkout/verifications"
PROBE = json.dumps(
    {
        "type": "probe",
        "name": "latency",
        "tolerance": [0, 100],
        "provider": {"type": "http", "url": "http://orders.local"},
    }
)


@pytest.fixture
def api(client: Client, bob: Member, checkout: Team) -> TeamApi:
    return TeamApi(client(token=bob.token), checkout)


@pytest.fixture
def browser(client: Client, bob: Member, checkout: Team) -> Browser:
    visitor = Browser(client())
    visitor.sign_in(bob.token)
    return visitor


def objective(browser: Browser, **more: str) -> Any:
    """Submit the form for an objective."""
    fields = {"name": "Orders are quick", "target": "99", "window": "1 day", "measurement": PROBE}
    return browser.submit(OBJECTIVES, OBJECTIVES, **{**fields, **more})


def verification(browser: Browser, **more: str) -> Any:
    """Submit the form for a verification of a new objective."""
    new_id = objective(browser).headers["location"].rsplit("/", 1)[-1]
    fields = {
        "name": "Quick while a broker is lost",
        "objective": new_id,
        "frequency": "10 s",
        "duration": "5 min",
        "warm_up": "",
        "cool_down": "0",
    }
    return browser.submit(VERIFICATIONS, VERIFICATIONS, **{**fields, **more})


def finished(api: TeamApi, verification_id: str, **counted: Any) -> str:
    """The id of a run that ended after ten samples, one every ten seconds."""
    execution = api.started()
    experiment_id, execution_id = execution.split("/")[2], execution.split("/")[4]
    body = {
        "journal": journal(),
        "status": "started",
        "experiment_id": experiment_id,
        "execution_id": execution_id,
    }
    run = api.post(f"/verifications/{verification_id}/runs", body).json()["id"]
    path = f"/verifications/{verification_id}/runs/{run}"
    activity = {"name": "latency", "tolerance": [0, 100]}
    for number in range(3):
        probe = {"activity": activity, "output": 40 * (number + 1)}
        state = {"steady_state_met": number < 2, "probes": [probe]}
        sent = {"category": "verification-sample", "payload": {"state": state}}
        assert api.post(path + "/events", sent).status_code == 201
    results = {
        "successful_samples": 9,
        "deviated_samples": 1,
        "not_run_samples": 0,
        "total_number_of_samples": 10,
        "total_duration": 100.0,
        **counted,
    }
    sent = {"journal": ended(), "status": "completed", "results": results}
    assert api.post(path + "/finished", sent).is_success
    return str(run)


def test_empty_pages_say_what_these_are_for(browser: Browser) -> None:
    """And what to do first."""
    assert "No objective yet" in Seen(browser.open(OBJECTIVES)).text
    assert "first make an objective" in Seen(browser.open(VERIFICATIONS)).text


def test_an_objective_is_made_of_a_probe(browser: Browser) -> None:
    """Its page says how much may fail: one percent of a day."""
    response = objective(browser)

    text = Seen(browser.open(response.headers["location"])).text

    for words in ("Orders are quick", "99 %", "1 day", "14 min 24 s", '"name": "latency"'):
        assert words in text


def test_an_objective_is_made_of_an_experiment_s_hypothesis(browser: Browser, api: TeamApi) -> None:
    """Nothing has to be typed again."""
    experiment_id = objective(browser, measurement="", experiment=api.published())

    assert "an order is accepted" in Seen(browser.open(experiment_id.headers["location"])).text


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("name", " ", "needs a name"),
        ("target", "most", "a percentage"),
        ("target", "101", "a percentage"),
        ("target", "nan", "a percentage"),
        ("window", "long", "The window is a duration"),
        ("measurement", "{", "in JSON"),
        ("measurement", "[]", "in JSON"),
        ("measurement", "[" * 15_000, "in JSON"),
        ("measurement", '{"name": "no tolerance"}', "in JSON"),
        ("measurement", "", "Say what is measured"),
        ("experiment", "none", "Say what is measured"),
    ],
)
def test_an_objective_that_makes_no_sense_comes_back_with_the_reason(
    browser: Browser, field: str, typed: str, message: str
) -> None:
    """What was typed stays in the form, and nothing is kept."""
    answer = objective(browser, **{"description": "", field: typed})

    assert answer.status_code == 422
    assert message in Seen(answer).text
    assert "No objective yet" in Seen(browser.open(OBJECTIVES)).text


def test_a_verification_is_made_and_can_be_run_by_address(
    browser: Browser, api: TeamApi, client: Client, bob: Member
) -> None:
    """The document behind the address is the objective's probe under the experiment's method."""
    experiment_id = verification(browser, experiment=api.published())

    text = Seen(browser.open(experiment_id.headers["location"])).text
    url = re.search(r"chaos verify http://testserver(\S+)", text)
    assert url
    document = client(token=bob.token).get(url[1]).json()
    block = document["extensions"][-1]["verification"]
    assert document["method"] == experiment()["method"]
    assert document["steady-state-hypothesis"]["probes"][0]["name"] == "latency"
    assert (block["frequency-of-measurement"], block["duration-of-conditions"]) == (10, 300)


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("name", "", "needs a name"),
        ("frequency", "0", "The pace is a duration"),
        ("duration", "ever", "The condition's time is a duration"),
        ("warm_up", "-1", "The warm-up is a duration"),
        ("objective", "none", "Choose an objective of this team"),
        ("experiment", "none", "Choose an experiment of this team"),
    ],
)
def test_a_verification_that_makes_no_sense_comes_back_with_the_reason(
    browser: Browser, field: str, typed: str, message: str
) -> None:
    """And what was typed stays in the form."""
    answer = verification(browser, **{field: typed})

    assert answer.status_code == 422
    assert message in Seen(answer).text
    assert not [link for link in Seen(answer).links if link.startswith(VERIFICATIONS + "/")]


def test_an_experiment_is_imported_whole(browser: Browser, api: TeamApi) -> None:
    """Its hypothesis is the objective; a second import is another verification."""
    of = api.published()

    response = browser.submit(OBJECTIVES, VERIFICATIONS + "/import", experiment=of)

    text = Seen(browser.open(response.headers["location"])).text
    assert "Orders survive the loss of a broker" in text
    assert "Orders are accepted" in text


def test_an_experiment_without_probes_is_not_imported(browser: Browser, api: TeamApi) -> None:
    """There would be nothing to sample."""
    document = experiment() | {"steady-state-hypothesis": {"title": "None", "probes": []}}
    of = api.published(document)

    answer = browser.submit(OBJECTIVES, VERIFICATIONS + "/import", experiment=of)

    assert answer.status_code == 422
    assert "no steady-state hypothesis with probes" in Seen(answer).text


def test_a_run_shows_what_it_cost(browser: Browser, api: TeamApi) -> None:
    """One of ten samples deviated: ten percent, of the one that is allowed."""
    page = verification(browser).headers["location"]
    run = finished(api, page.rsplit("/", 1)[-1])

    list_page = Seen(browser.open(page))
    page_shown = Seen(browser.open(f"{page}/runs/{run}"))

    assert f"{page}/runs/{run}" in list_page.links
    for text in (list_page.text, Seen(browser.open(VERIFICATIONS)).text):
        assert "Impacted" in text
        assert "10 % of the time, 1 % allowed" in text
    assert "2 held, 1 did not, 0 not run" in page_shown.text
    assert [dot["class"] for dot in page_shown.all("circle")][-1] == "bar deviated"
    assert len([line for line in page_shown.all("line") if line["class"] == "bound"]) == 2


def test_lists_show_the_latest_run(browser: Browser, api: TeamApi, now: Clock) -> None:
    """Of each verification, whatever the earlier ones came to; none where there was none."""
    page = verification(browser).headers["location"]
    verification(browser, name="Quick while a zone is lost")
    finished(api, page.rsplit("/", 1)[-1])
    now.pass_by(minutes=1)
    finished(api, page.rsplit("/", 1)[-1], successful_samples=10, deviated_samples=0)

    text = Seen(browser.open(VERIFICATIONS)).text

    assert text.count("Not impacted") == 1
    assert text.count("mpacted") == 1
    assert text.count("Not run yet") == 1


def test_a_run_without_samples_is_not_known(browser: Browser, api: TeamApi) -> None:
    """Neither impacted nor not."""
    page = verification(browser).headers["location"]
    finished(api, page.rsplit("/", 1)[-1], successful_samples=0, deviated_samples=0)

    assert "Not known" in Seen(browser.open(page)).text


def test_another_team_s_do_not_exist(
    client: Client, eve: Member, browser: Browser, api: TeamApi
) -> None:
    """For Eve there is nothing under any of these addresses."""
    page = verification(browser).headers["location"]
    run = finished(api, page.rsplit("/", 1)[-1])
    [stored] = [x for x in Seen(browser.open(OBJECTIVES)).links if x.startswith(OBJECTIVES + "/")]
    hers = Browser(client())
    hers.sign_in(eve.token)

    for path in (page, f"{page}/runs/{run}", stored):
        assert hers.open(path).status_code == 404
        assert hers.open(path.replace("checkout", "payments")).status_code == 404
