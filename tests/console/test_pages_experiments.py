"""A team's experiments as pages."""

import pytest

from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Member
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
    assert [link.rsplit("/", 1)[-1] for link in page.links if link[-36:] in runs] == runs
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
    """Forty experiments stand on two pages, each once."""
    experiment_id = {api.published(experiment(f"Orders survive {n}")) for n in range(40)}

    first = Seen(browser.open(LIST))
    older = next(a["href"] for a in first.all("a") if a.get("rel") == "next")
    second = Seen(browser.open(older or ""))

    links = [link for link in first.links + second.links if "?" not in link]
    list_page = [link[-36:] for link in links if link[-36:] in experiment_id]
    assert sorted(list_page) == sorted(experiment_id)
