"""A team's experiments as pages."""

from typing import Any

import pytest

from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import chaosiq, ended, experiment
from tests.console.team import TeamApi

LIST = "/acme/checkout/experiments"


@pytest.fixture
def api(client: Client, bob: Member, checkout: Team) -> TeamApi:
    return TeamApi(client(token=bob.token), checkout)


@pytest.fixture
def browser(client: Client, bob: Member, checkout: Team) -> Browser:
    visitor = Browser(client())
    visitor.sign_in(bob.token)
    return visitor


def test_an_empty_list_says_what_to_type(browser: Browser) -> None:
    """An experiment comes with its first run."""
    assert "chaos run experiment.json" in Seen(browser.open(LIST)).text


def test_an_experiment_shows_how_its_runs_went(browser: Browser, api: TeamApi) -> None:
    """One bar for each, oldest first; on its own page each leads to the run."""
    of = api.published()
    runs: list[str] = []
    for status in ("completed", "failed"):
        path = api.started(of)
        api.put(path, {"journal": ended(status, start=f"2026-03-0{len(runs) + 1}T09:00:00Z")})
        runs.append(path.rsplit("/", 1)[-1])

    list_page, page = Seen(browser.open(LIST)), Seen(browser.open(f"{LIST}/{of}"))

    bars = [rect["class"] for rect in list_page.all("rect")]
    assert f"{LIST}/{of}" in list_page.links
    assert [link[-36:] for link in page.links if link[-36:] in runs][-2:] == runs
    assert bars == ["bar completed", "bar failed"]


def test_it_can_be_run_again_by_address(browser: Browser, api: TeamApi) -> None:
    """The command to copy names the document this console serves."""
    of = api.published()

    text = Seen(browser.open(f"{LIST}/{of}")).text

    assert f"chaos run http://testserver/assets/acme/checkout/experiments/{of}.json" in text


def test_versions_show_what_changed(browser: Browser, api: TeamApi) -> None:
    """Line by line, the old and the new."""
    of = api.published()
    api.post(
        "/experiments", {"experiment": experiment("Orders go on", **chaosiq(experiment_id=of))}
    )

    page = Seen(browser.open(f"{LIST}/{of}"))

    assert '- "title": "Orders survive the loss of a broker"' in page.text
    assert '+ "title": "Orders go on"' in page.text
    assert "Version 2" in page.text


def test_another_team_s_experiment_does_not_exist(
    client: Client, eve: Member, api: TeamApi
) -> None:
    """Neither under its own team's address nor under Eve's."""
    of = api.published()
    browser = Browser(client())
    browser.sign_in(eve.token)

    assert browser.open(f"{LIST}/{of}").status_code == 404
    assert browser.open(f"/acme/payments/experiments/{of}").status_code == 404


def test_a_long_list_goes_on(browser: Browser, api: TeamApi) -> None:
    """Sixty experiments stand on two pages, each once."""
    experiment_id = {api.published(experiment(f"Orders survive {n}")) for n in range(60)}

    first = Seen(browser.open(LIST))
    older = next(a["href"] for a in first.all("a") if a.get("rel") == "next")
    second = Seen(browser.open(older or ""))

    links = [link for link in first.links + second.links if "?" not in link]
    list_page = [link[-36:] for link in links if link[-36:] in experiment_id]
    assert sorted(list_page) == sorted(experiment_id)


def ran(api: TeamApi, title: str, **more: Any) -> str:
    """The id of an experiment of this title that was run."""
    document = experiment(title)
    of = api.published(document)
    api.post(f"/experiments/{of}/executions", {"journal": ended(experiment=document, **more)})
    return of


def listed(browser: Browser, query: str = "") -> list[str]:
    """The ids of the experiments on a page, in their order."""
    page = Seen(browser.open(f"{LIST}{query}"))
    return [(row.get("id") or "")[1:] for row in page.all("tr") if row.get("id")]


def test_experiments_are_found_and_sorted(browser: Browser, api: TeamApi) -> None:
    """By words of name, tags and url; by last run, name or change."""
    beta = ran(api, "Beta survives", start="2026-03-02T08:00:00Z")
    alpha = ran(api, "Alpha survives", start="2026-03-02T07:00:00Z")
    gamma = api.published(experiment("Gamma survives", tags=["zone"]))

    assert listed(browser) == [beta, alpha, gamma]
    assert listed(browser, "?sort=name") == [alpha, beta, gamma]
    assert listed(browser, "?q=SURVIVES+kafka&sort=name") == [alpha, beta]
    assert listed(browser, "?tag=zone") == [gamma]
    assert listed(browser, "?state=never-run") == [gamma]
    assert listed(browser, "?state=holds&sort=name") == [alpha, beta]
    assert listed(browser, "?state=nonsense&page=x&q=%00") == [beta, alpha, gamma]


def test_a_line_says_how_the_last_run_ended_and_by_whom(browser: Browser, api: TeamApi) -> None:
    """With a link to it."""
    ran(api, "Orders", status="aborted")

    text = Seen(browser.open(LIST)).text

    assert "Not known" in text
    assert "Aborted · Bob" in text


def test_a_run_that_fell_silent_is_not_said_to_run(
    browser: Browser, api: TeamApi, now: Clock
) -> None:
    """The list of experiments knows as well."""
    api.started()
    assert "Running · Bob" in Seen(browser.open(LIST)).text

    now.pass_by(hours=1)

    assert "Lost contact · Bob" in Seen(browser.open(LIST)).text


def test_an_experiment_is_renamed_for_the_team(browser: Browser, api: TeamApi) -> None:
    """The name outlives a new version; without one it is the document's title again."""
    of = ran(api, "Orders")
    page = f"{LIST}/{of}"

    browser.submit(page, f"{page}/rename", name="  The   big one ")
    later = experiment("Orders, again", **chaosiq(experiment_id=of))
    assert api.post("/experiments", {"experiment": later}).status_code == 201

    assert "The big one" in Seen(browser.open(LIST)).text
    assert api.get(f"/experiments/{of}").json()["title"] == "The big one"
    browser.submit(page, f"{page}/rename", name="")
    assert api.get(f"/experiments/{of}").json()["title"] == "Orders, again"
    assert "renamed the experiment The big one" in Seen(browser.open("/acme/checkout/audit")).text


def test_an_experiment_is_archived_and_brought_back(browser: Browser, api: TeamApi) -> None:
    """Off the lists and the overview meanwhile; its own page says so, its runs stay."""
    of = ran(api, "Orders", status="aborted")
    page = f"{LIST}/{of}"

    browser.submit(page, f"{page}/archive")

    assert listed(browser) == []
    assert listed(browser, "?state=archived") == [of]
    assert "it stands on no list" in Seen(browser.open(page)).text
    overview = api.get("/overview").json()
    assert (overview["experiments"]["total"], overview["attention"]["total"]) == (0, 0)
    assert len(api.get("/executions").json()["items"]) == 1
    browser.submit(page, f"{page}/restore")
    assert listed(browser) == [of]


def test_scripts_rename_and_archive(browser: Browser, api: TeamApi, eves: TeamApi) -> None:
    """What they leave out stays; another team's experiment is not there."""
    of = ran(api, "Orders")
    path = f"{api.base}/experiments/{of}"

    assert api.client.patch(path, json={"name": "Ours"}).status_code == 204
    assert api.client.patch(path, json={"archived": True}).status_code == 204
    assert api.get(f"/experiments/{of}").json()["title"] == "Ours"
    assert listed(browser) == []
    assert api.client.patch(path, json={"title": "x"}).status_code == 422
    assert eves.client.patch(f"{eves.base}/experiments/{of}", json={}).status_code == 404


def test_a_verification_s_copy_is_not_listed_until_it_runs(browser: Browser, api: TeamApi) -> None:
    """Nobody runs it by itself, so it is not missing a run."""
    of = ran(api, "Orders")
    objective = {
        "name": "Orders are accepted",
        "target": 99.0,
        "window": 86_400,
        "measurement": experiment()["steady-state-hypothesis"],
    }
    made = api.post("/objectives", objective).json()["id"]
    body = {"name": "Verified", "objective_id": made, "experiment_id": of}
    answer = api.post("/verifications", {**body, "frequency": 10, "duration": 30})
    assert answer.status_code == 201
    copy = answer.json()["experiment_id"]

    assert copy != of
    assert listed(browser) == [of]
    assert api.get("/overview").json()["experiments"]["never_run"] == 0
    api.started(copy)
    assert set(listed(browser)) == {of, copy}


def test_versions_do_not_differ_by_what_the_console_wrote(browser: Browser, api: TeamApi) -> None:
    """Its ids in the document are no change of anybody's."""
    of = api.published()
    later = experiment("Orders go on", **chaosiq(experiment_id=of, execution_id="x-1"))
    api.post("/experiments", {"experiment": later})

    changes = Seen(browser.open(f"{LIST}/{of}")).text.partition("Versions")[2]

    assert '+ "title": "Orders go on"' in changes.partition("Document")[0]
    assert "x-1" not in changes.partition("Document")[0]


def test_what_would_refuse_it_stands_on_its_page(browser: Browser, api: TeamApi) -> None:
    """By its tags; a safeguard for other tags is not named."""
    of = ran(api, "Orders")
    stop = {"kind": "stop", "settings": {}, "reason": "Black Friday"}
    api.post("/safeguards", {**stop, "name": "For kafka", "tags": ["kafka"]})
    api.post("/safeguards", {**stop, "name": "For others", "tags": ["zone"]})

    text = Seen(browser.open(f"{LIST}/{of}")).text

    assert "It may not run now." in text
    assert "For kafka" in text
    assert "For others" not in text


def test_a_line_says_when_the_next_run_is_expected(
    browser: Browser, api: TeamApi, now: Clock
) -> None:
    """The earliest moment of the schedules by which the team expects it."""
    of = ran(api, "Every morning")
    for cron in ("0 6 * * *", "0 5 * * *"):
        body = {"experiment_id": of, "cron": cron, "zone": "UTC", "grace": 60}
        assert api.post("/expected-runs", body).status_code == 201

    assert "next 3 Mar 2026 05:00 UTC" in Seen(browser.open(LIST)).text
