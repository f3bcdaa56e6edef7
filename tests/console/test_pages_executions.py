"""A team's executions as a page: what runs, what ran, and what to do when nothing did."""

import csv

import pytest

from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import ended, event, experiment
from tests.console.team import TeamApi

LIST = "/acme/checkout/executions"


@pytest.fixture
def api(client: Client, bob: Member, checkout: Team) -> TeamApi:
    return TeamApi(client(token=bob.token), checkout)


@pytest.fixture
def browser(client: Client, bob: Member, checkout: Team) -> Browser:
    visitor = Browser(client())
    visitor.sign_in(bob.token)
    return visitor


def ran(api: TeamApi, *, of: str | None = None, **more: object) -> str:
    """The id of an execution that has ended."""
    of = of or api.published()
    path = api.started(of)
    assert api.put(path, {"journal": ended(**more)}).is_success  # type: ignore[arg-type]
    return path.rsplit("/", 1)[-1]


def test_an_empty_team_is_told_what_to_type(browser: Browser) -> None:
    """The way from nothing to the first execution, with this console's own address."""
    text = Seen(browser.open(LIST)).text

    assert "Nothing was run yet" in text
    assert "chaos signin --url http://testserver" in text
    assert "chaos run experiment.json" in text


def test_an_execution_is_a_line(browser: Browser, api: TeamApi) -> None:
    """Status, title, by whom, from where, how long."""
    execution = ran(api)

    page = Seen(browser.open(LIST))

    assert f"{LIST}/{execution}" in page.links
    for text in ("Passed", "Orders survive the loss of a broker", "Bob", "build-7"):
        assert text in page.text
    assert "1 min 12 s" in page.text


def test_a_running_execution_says_what_it_does(browser: Browser, api: TeamApi) -> None:
    """From the last event it told."""
    api.post(api.started() + "/events", event())

    text = Seen(browser.open(LIST)).text

    assert "Running kill a broker" in text
    assert "so far" in text


def test_a_run_that_fell_silent_is_lost(browser: Browser, api: TeamApi, now: Clock) -> None:
    """It is not said to run when nobody has heard of it for long."""
    api.started()
    now.pass_by(hours=1)

    assert "Lost contact" in row_of(Seen(browser.open(LIST + "?status=lost")))
    assert "Nothing matches" in Seen(browser.open(LIST + "?status=running")).text


def row_of(page: Seen) -> str:
    """The text of the table alone."""
    return page.text.partition("Started")[2]


@pytest.mark.parametrize(
    ("query", "is_listed"),
    [
        ("status=completed", True),
        ("status=failed", False),
        ("status=failed&status=completed", True),
        ("status=lost", False),
        ("outcome=failed&outcome=passed", True),
        ("outcome=went-wrong&outcome=dry&status=running", False),
        ("q=broker", True),
        ("q=BROKER+kafka", True),
        ("q=bob", True),
        ("q=build-7+bob+orders", True),
        ("q=held+before", False),
        ("q=broker+mallory", False),
        ("q=%25", False),
        ("q=%00", True),
        ("tag=kafka&tag=orders", True),
        ("tag=kafka&tag=payments", False),
        ("sort=longest", True),
        ("sort=oldest&status=completed", True),
        ("sort=shortest&after=1000.5~x", False),
        ("sort=longest&after=nan~x", True),
        ("sort=sideways", True),
        ("outcome=passed", True),
        ("outcome=went-wrong", False),
        ("outcome=inconclusive", False),
        ("outcome=dry", False),
        ("outcome=nothing", False),
        ("since=2026-03-02&zone=Pacific/Auckland", True),
        ("until=2026-03-01&zone=America/Los_Angeles", False),
        ("until=2026-03-01&zone=Pacific/Auckland", False),
        ("since=2026-03-03&zone=Pacific/Kiritimati", False),
        ("until=2026-03-02&zone=nowhere/../..", True),
        ("tag=kafka", True),
        ("tag=kaf", False),
        ("tag=%25", False),
        ("since=2026-03-02", True),
        ("since=2026-03-03", False),
        ("until=2026-03-02", True),
        ("until=2026-03-01", False),
        ("since=yesterday", True),
        ("after=nonsense", True),
        ("tag=%00kafka", True),
        ("person=nobody", False),
    ],
)
def test_filters_stand_in_the_address(
    browser: Browser, api: TeamApi, query: str, is_listed: bool
) -> None:
    """Each narrows the list; what makes no sense in one is as if it were not there."""
    execution = ran(api)

    links = Seen(browser.open(f"{LIST}?{query}")).links

    assert (f"{LIST}/{execution}" in links) is is_listed


def test_a_search_finds_what_a_list_shows_of_a_run(browser: Browser, api: TeamApi) -> None:
    """Its sentence, and a title in letters of any size and alphabet."""
    of = api.published(experiment("ÜBERGABE der Bestellungen"))
    execution = ran(
        api, of=of, status="aborted", experiment=experiment("ÜBERGABE der Bestellungen")
    )

    for query in ("übergabe", "bestellungen+aborted"):
        assert f"{LIST}/{execution}" in Seen(browser.open(f"{LIST}?q={query}")).links


def test_chips_count_what_they_would_list(browser: Browser, api: TeamApi) -> None:
    """Several are chosen at once; one that is chosen is taken back by a second click."""
    of = api.published()
    ran(api, of=of)
    ran(api, of=of)
    ran(api, of=of, status="aborted")
    api.started(of)

    everything = Seen(browser.open(LIST))
    one = Seen(browser.open(chip(everything, "outcome=aborted")))
    both = Seen(browser.open(chip(one, "outcome=aborted&outcome=passed")))

    assert "Running 1 Went wrong 1 Passed 2 Aborted 1" in everything.text
    assert "Deviated" not in everything.text
    assert rows_of(one) == 1
    assert rows_of(both) == 3
    assert chip(both, "outcome=passed").endswith("?outcome=passed")
    assert [a for a in both.all("a") if a.get("aria-current") == "true"] != []


def chip(page: Seen, query: str) -> str:
    """The address with this query that the page leads to."""
    return next(link for link in page.links if link == f"{LIST}?{query}")


def rows_of(page: Seen) -> int:
    return len([tr for tr in page.all("tr") if tr.get("id")])


def test_a_search_says_how_far_it_looked(
    browser: Browser, api: TeamApi, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks through so many executions, and goes on further back when asked to."""
    monkeypatch.setattr("chaoscloud.console.records.execution_lists.WINDOW", 2)
    of = api.published()
    rare = ran(api, of=of, start="2026-03-01T08:00:00Z", node="build-99")
    for minute in range(3):
        ran(api, of=of, start=f"2026-03-02T08:0{minute}:00Z")

    first = Seen(browser.open(f"{LIST}?q=build-99"))
    further = next(a["href"] for a in first.all("a") if a.get("rel") == "next") or ""

    assert "back to 2 Mar 2026 08:01 UTC ; none matches. Search further back" in first.text
    assert f"{LIST}/{rare}" in Seen(browser.open(further)).links


def test_counts_of_a_part_say_at_least(
    browser: Browser, api: TeamApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that looked through two of three runs has counted no more than those."""
    of = api.published()
    for minute in range(3):
        ran(api, of=of, start=f"2026-03-02T08:0{minute}:00Z", node="build-99")
    whole = Seen(browser.open(f"{LIST}?q=build-99")).text
    monkeypatch.setattr("chaoscloud.console.records.execution_lists.WINDOW", 2)

    part = Seen(browser.open(f"{LIST}?q=build-99")).text

    assert "Passed 3 " in whole
    assert "Passed 2+ " in part


def test_a_list_is_sorted_by_how_long_runs_took(browser: Browser, api: TeamApi) -> None:
    """A click on the column's head, and another one the other way round."""
    of = api.published()
    short, long = ran(api, of=of, duration=2.0), ran(api, of=of, duration=500.0)

    def ids(query: str) -> list[str]:
        links = Seen(browser.open(f"{LIST}?{query}")).links
        return [link[-36:] for link in links if link[-36:] in (short, long)]

    assert f"{LIST}?sort=longest" in Seen(browser.open(LIST)).links
    assert ids("sort=longest") == [long, short]
    assert f"{LIST}?sort=shortest" in Seen(browser.open(f"{LIST}?sort=longest")).links
    assert ids("sort=shortest") == [short, long]


def test_what_is_filtered_can_be_taken_away(
    browser: Browser, api: TeamApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As CSV and as JSON, every row of it, however many pages that is."""
    monkeypatch.setattr("chaoscloud.console.records.execution_exports.CHUNK", 2)
    of = api.published(experiment("=HYPERLINK(1)"))
    titled = experiment("=HYPERLINK(1)")
    ids = {ran(api, of=of, status="aborted", experiment=titled) for _ in range(5)}
    ran(api, of=of)

    page = Seen(browser.open(f"{LIST}?outcome=aborted"))
    csv_link, json_link = (a["href"] or "" for a in page.all("a") if "download" in a)
    table = list(csv.DictReader(browser.open(csv_link).text.splitlines()))
    items = browser.open(json_link).json()

    assert {row["id"] for row in table} == {item["id"] for item in items} == ids
    assert {row["title"] for row in table} == {"'=HYPERLINK(1)"}
    assert {item["title"] for item in items} == {"=HYPERLINK(1)"}
    assert items[0]["url"] == f"http://testserver{LIST}/{items[0]['id']}"
    assert browser.open(f"{LIST}.json?outcome=refused").json() == []


def test_filters_for_experiment_and_person(browser: Browser, api: TeamApi, bob: Member) -> None:
    """One experiment's executions, and one person's."""
    first, second = api.published(), api.published(experiment("Payments survive"))
    mine, other = ran(api, of=first), ran(api, of=second)

    links = Seen(browser.open(f"{LIST}?experiment={first}&person={bob.id}")).links

    assert f"{LIST}/{mine}" in links
    assert f"{LIST}/{other}" not in links


def test_a_long_list_goes_on_where_it_ended(browser: Browser, api: TeamApi) -> None:
    """Sixty executions stand on two pages, each exactly once, in spite of equal times."""
    of = api.published()
    entry = {ran(api, of=of) for _ in range(60)}

    first = Seen(browser.open(LIST + "?status=completed"))
    older = next(a["href"] for a in first.all("a") if a.get("rel") == "next")
    second = Seen(browser.open(older or ""))

    ids = [link.rsplit("/", 1)[-1] for link in first.links + second.links]
    list_page = [one for one in ids if one in entry]
    assert sorted(list_page) == sorted(entry)
    assert "status=completed" in (older or "")
    assert not [a for a in second.all("a") if a.get("rel") == "next"]


def test_another_team_s_list_does_not_exist(client: Client, eve: Member, checkout: Team) -> None:
    """Eve is on Payments; Checkout is nothing to her."""
    browser = Browser(client())
    browser.sign_in(eve.token)

    assert browser.open(LIST).status_code == 404


def test_a_list_shows_only_its_own_team(
    client: Client, ada: Member, api: TeamApi, payments: Team
) -> None:
    """Ada sees both teams, each on its own page."""
    execution = ran(api)
    browser = Browser(client())
    browser.sign_in(ada.token)

    assert (
        f"/acme/payments/executions/{execution}"
        not in browser.open("/acme/payments/executions").text
    )
    assert browser.open(f"/acme/payments/executions/{execution}").status_code == 404


def test_the_state_of_the_safeguards_is_in_sight(browser: Browser) -> None:
    """Nothing stops anything: the page says that too."""
    assert "Experiments may run" in Seen(browser.open(LIST)).text
