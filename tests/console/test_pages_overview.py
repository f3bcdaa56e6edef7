"""The overview: of a team, and of an organization over its teams."""

from typing import Any

import pytest

from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import ended, experiment, journal
from tests.console.team import TeamApi

HOME = "/acme/checkout"
UNMET = {
    "before": {"steady_state_met": True, "probes": []},
    "after": {"steady_state_met": False, "probes": []},
    "during": [],
}


@pytest.fixture
def api(client: Client, bob: Member, checkout: Team) -> TeamApi:
    return TeamApi(client(token=bob.token), checkout)


@pytest.fixture
def browser(client: Client, bob: Member, checkout: Team) -> Browser:
    visitor = Browser(client())
    visitor.sign_in(bob.token)
    return visitor


def run(api: TeamApi, now: Clock, title: str = "Orders", **more: Any) -> str:
    """The id of an execution of the experiment of this title, that has ended a moment ago."""
    now.pass_by(minutes=1)
    document = experiment(title, tags=more.pop("tags", ["service:orders"]))
    of = api.post("/experiments", {"experiment": document}).json()["id"]
    end = ended(**{"experiment": document, "start": now().isoformat(), **more})
    execution_id = api.post(f"/experiments/{of}/executions", {"journal": end}).json()["id"]
    return str(execution_id)


def deviate(api: TeamApi, now: Clock, title: str = "Orders", **more: Any) -> str:
    return run(api, now, title, deviated=True, steady_states=UNMET, **more)


def attention(api: TeamApi) -> list[tuple[str, str]]:
    """What needs attention, by the API: kinds and ids."""
    body = api.get("/overview").json()["attention"]["shown"]
    return [(item["kind"], item["id"]) for item in body]


def test_signing_in_leads_to_the_overview(browser: Browser) -> None:
    """Of the one team that one is on; an empty one says what to do."""
    assert browser.open("/").headers["location"] == HOME

    text = Seen(browser.open(HOME)).text

    assert "Nothing runs." in text
    assert "chaos run experiment.json" in text


def test_what_deviated_needs_attention_until_it_passes(
    browser: Browser, api: TeamApi, now: Clock
) -> None:
    """With its sentence and one link."""
    execution = deviate(api, now)

    page = Seen(browser.open(HOME))
    assert f"{HOME}/executions/{execution}" in page.links
    assert "the steady state did not hold after the method" in page.text
    assert attention(api) == [("deviated", execution)]

    run(api, now, status="interrupted")  # answers nothing
    assert attention(api) == [("deviated", execution)]

    run(api, now)
    assert attention(api) == []
    assert "Nothing needs attention." in Seen(browser.open(HOME)).text


def test_a_run_that_fell_silent_needs_attention(api: TeamApi, now: Clock) -> None:
    """It is not among those that run any more."""
    path = api.started()
    execution = path.rsplit("/", 1)[-1]
    assert api.get("/overview").json()["running"] == [execution]

    now.pass_by(hours=1)

    assert attention(api) == [("lost-contact", execution)]
    assert api.get("/overview").json()["running"] == []


def test_rollbacks_that_were_not_run_need_attention_whatever_passed_since(
    api: TeamApi, now: Clock
) -> None:
    """What the method did may still be there."""
    rollback = {"type": "action", "name": "start it", "provider": {"type": "process", "path": "x"}}
    document = experiment("Orders", rollbacks=[rollback])
    execution = run(api, now, status="aborted", experiment=document)
    run(api, now)

    assert attention(api) == [("left-behind", execution)]


def test_a_stop_in_force_needs_attention(browser: Browser, api: TeamApi) -> None:
    """With its reason; it ends with its release."""
    body = {"kind": "stop", "name": "Stop", "reason": "Black Friday", "settings": {}}
    stop = api.post("/safeguards", body).json()["id"]

    assert attention(api) == [("stop", stop)]
    assert "Black Friday" in Seen(browser.open(HOME)).text

    api.client.delete(f"{api.base}/safeguards/{stop}")
    assert attention(api) == []


def test_what_somebody_has_seen_is_off_the_list_with_their_note(
    browser: Browser, api: TeamApi, now: Clock
) -> None:
    """And can be put back; both stand in the audit log. Another run is another thing."""
    execution = deviate(api, now)
    fields = {"kind": "deviated", "id": execution}

    answer = browser.submit(HOME, f"{HOME}/attention/seen", note="OPS-12,  flaky", **fields)
    page = Seen(browser.open(answer.headers["location"]))

    assert "Taken off the list" in page.text
    assert "OPS-12, flaky" in page.text
    assert attention(api) == []
    log = Seen(browser.open(f"{HOME}/audit?kind=records")).text
    assert "saw what needed attention: deviated: OPS-12, flaky" in log

    second = deviate(api, now)
    assert attention(api) == [("deviated", second)]
    run(api, now)
    browser.submit(HOME, f"{HOME}/attention/return", **fields)
    assert attention(api) == []


def test_a_script_says_what_was_seen(api: TeamApi, eves: TeamApi, now: Clock) -> None:
    """What is not there, is of no such kind, or is another team's, is answered 404."""
    execution = deviate(api, now)
    path = f"/attention/deviated/{execution}"

    assert eves.put(path, {"note": ""}).status_code == 404
    assert api.put(f"/attention/nonsense/{execution}", {}).status_code == 404
    assert api.put(path, {"note": "x" * 501}).status_code == 422
    assert api.put(path, {"note": "known"}).status_code == 204
    [entries] = api.get("/overview").json()["attention"]["seen"]
    assert (entries["seen"]["person_name"], entries["seen"]["note"]) == ("Bob", "known")

    assert api.client.delete(api.base + path).status_code == 204
    assert api.client.delete(api.base + path).status_code == 404
    assert attention(api) == [("deviated", execution)]


def test_every_week_leads_to_its_runs(browser: Browser, api: TeamApi, now: Clock) -> None:
    """As many as the drawing says; dry runs are inconclusive, not passed."""
    run(api, now)
    run(api, now, experiment={**experiment("Orders"), "dry": "activities"})
    deviate(api, now)
    run(api, now, status="interrupted")

    week = api.get("/overview").json()["weeks"][-1]
    page = Seen(browser.open(HOME))

    counts = (week["held"], week["not_held"], week["inconclusive"], week["stopped"])
    assert counts == (1, 1, 1, 1)
    links = [link for link in page.links if "since=2026-03-02" in link]
    assert len(links) == 4
    for link in links:
        listed = Seen(browser.open(link))
        assert len([row for row in listed.all("tr") if row.get("id")]) == 1


def test_experiments_are_counted_by_what_they_showed(api: TeamApi, now: Clock) -> None:
    """Never run, stale by the team's own number of days, not known."""
    run(api, now, "Old")
    now.pass_by(days=8)
    run(api, now, "Holds")
    deviate(api, now, "Deviates")
    run(api, now, "Dry", experiment={**experiment("Dry"), "dry": "activities"})
    api.published(experiment("New"))

    assert api.put("/settings", {"stale_days": 7}).json() == {"stale_days": 7}
    counts = api.get("/overview").json()["experiments"]

    assert counts == {
        "total": 5,
        "holds": 2,
        "does_not_hold": 1,
        "not_known": 1,
        "never_run": 1,
        "stale": 1,
        "flapping": 0,
    }


def test_stale_days_are_the_team_s_to_choose(browser: Browser, api: TeamApi) -> None:
    """A whole number of days; every member may."""
    assert browser.submit(HOME, f"{HOME}/stale-days", days="never").status_code == 400
    assert browser.submit(HOME, f"{HOME}/stale-days", days="0").status_code == 400
    assert browser.submit(HOME, f"{HOME}/stale-days", days="14").status_code == 303

    assert api.get("/settings").json() == {"stale_days": 14}
    assert api.put("/settings", {"stale_days": 0}).status_code == 422


def test_coverage_says_since_when_all_of_a_tag_holds(
    browser: Browser, api: TeamApi, now: Clock
) -> None:
    """Since the first pass after the last deviation; what was stopped changes nothing."""
    deviate(api, now)
    run(api, now)
    since = now().isoformat().replace("+00:00", "Z")
    run(api, now)
    run(api, now, status="interrupted")
    last_at = api.get("/executions?outcome=passed").json()["items"][0]["started_at"]

    [line] = api.get("/overview").json()["coverage"]

    assert (line["tag"], line["holds"], line["never_tried"]) == ("service:orders", 1, 0)
    assert (line["since"], line["last_at"]) == (since, last_at)
    assert "service:orders" in Seen(browser.open(HOME)).text


def test_an_organization_s_overview_is_over_the_teams_one_may_see(
    client: Client,
    ada: Member,
    eve: Member,
    api: TeamApi,
    payments: Team,
    acme: Organization,
    now: Clock,
) -> None:
    """Those with most that needs attention first. Eve sees nothing of Checkout."""
    deviate(api, now)
    browser = Browser(client())
    browser.sign_in(ada.token)

    page = Seen(browser.open("/acme"))

    path = f"/api/v1/organizations/{acme.id}/overview"
    adas = client(token=ada.token).get(path).json()
    eves = client(token=eve.token).get(path).json()
    assert [one["team_name"] for one in adas] == ["Checkout", "Payments"]
    assert [one["team_name"] for one in eves] == ["Payments"]
    assert "the steady state did not hold after the method" in page.text
    assert f"{HOME}/experiments?state=does-not-hold" in page.links


def test_another_team_s_overview_does_not_exist(client: Client, eve: Member, api: TeamApi) -> None:
    """Neither its page nor its figures."""
    browser = Browser(client())
    browser.sign_in(eve.token)

    assert browser.open(HOME).status_code == 404
    assert client(token=eve.token).get(f"{api.base}/overview").status_code == 404


def test_a_running_experiment_says_what_it_does(browser: Browser, api: TeamApi) -> None:
    """Its phase, who runs it and where."""
    document = experiment("Live")
    of = api.published(document)
    api.post(f"/experiments/{of}/executions", {"journal": journal(experiment=document)})

    text = Seen(browser.open(HOME)).text

    assert "Live" in text
    assert "Starting · Bob on build-7" in text
