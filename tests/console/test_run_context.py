"""Where a run came from: kept, shown, filtered by and searched for."""

from typing import Any

import pytest

from chaoscloud.console.rules.run_context import CiBuild, RunContext, parse_label, read_context
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Member
from tests.console.documents import ended, journal
from tests.console.team import TeamApi

LIST = "/acme/checkout/executions"
CI = {
    "provider": "github",
    "url": "https://github.com/acme/shop/actions/runs/12",
    "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8",
    "branch": "main",
    "actor": "ada",
}
STAGING = {"labels": {"env": "staging", "ticket": "OPS-12"}, "ci": CI}


def block(context: object) -> dict[str, Any]:
    """The part of a journal that says where its run came from."""
    return {"extensions": [{"name": "chaosiq", "context": context}]}


@pytest.fixture
def browser(client: Client, bob: Member) -> Browser:
    browser = Browser(client())
    browser.sign_in(bob.token)
    return browser


def id_of(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def test_the_context_of_a_run_is_in_the_api(bobs: TeamApi) -> None:
    """Its labels, and the build that started it."""
    run = bobs.started(**block(STAGING))

    answer = bobs.get(f"/executions/{id_of(run)}").json()

    assert answer["labels"] == {"env": "staging", "ticket": "OPS-12"}
    assert answer["ci"] == CI


def test_a_later_journal_that_says_nothing_takes_nothing_away(bobs: TeamApi) -> None:
    """One that says something is believed."""
    run = bobs.started(**block(STAGING))

    bobs.put(run, {"journal": ended()})
    after_silence = bobs.get(f"/executions/{id_of(run)}").json()["labels"]
    bobs.put(run, {"journal": ended(duration=2.0, **block({"labels": {"env": "live"}}))})

    assert after_silence == {"env": "staging", "ticket": "OPS-12"}
    assert bobs.get(f"/executions/{id_of(run)}").json()["labels"] == {"env": "live"}


def test_executions_are_filtered_by_a_label(bobs: TeamApi, browser: Browser) -> None:
    """In the API and on the page; a fact about the build is no label."""
    staging = bobs.started(**block(STAGING))
    bobs.started(**block({"labels": {"env": "live"}, "ci": CI}))
    bobs.started(**block({"labels": {"env": 'staging"'}}))

    def listed(*labels: str) -> list[str]:
        query = "&".join(f"label={label}" for label in labels)
        return [item["id"] for item in bobs.get(f"/executions?{query}").json()["items"]]

    assert listed("env:staging") == [id_of(staging)]
    assert listed("env:staging", "ticket:OPS-12") == [id_of(staging)]
    assert listed("branch:main") == []
    links = Seen(browser.open(f"{LIST}?label=env:staging")).links
    assert [link for link in links if link.startswith(f"{LIST}/")] == [f"{LIST}/{id_of(staging)}"]


def test_a_label_that_is_none_is_refused(bobs: TeamApi) -> None:
    """A script that forgot the value is not given everything."""
    answer = bobs.get("/executions?label=staging")

    assert answer.status_code == 400
    assert "env:staging" in answer.json()["detail"]


@pytest.mark.parametrize("words", ["ops-12", "9fceb02d", "github", "main ada"])
def test_a_search_finds_a_run_by_where_it_came_from(bobs: TeamApi, words: str) -> None:
    """By any of its labels, and any fact about the build."""
    staging = bobs.started(**block(STAGING))
    bobs.started()

    items = bobs.get(f"/executions?q={words}").json()["items"]

    assert [item["id"] for item in items] == [id_of(staging)]


def test_the_page_of_a_run_shows_where_it_came_from(bobs: TeamApi, browser: Browser) -> None:
    """Each label leads to all runs that have it, the build to its page."""
    page = Seen(browser.open(f"{LIST}/{id_of(bobs.started(**block(STAGING)))}"))

    assert "env:staging" in page.text
    assert "GitHub Actions main, 9fceb02d0ae5, by ada" in page.text
    assert f"{LIST}?label=env%3Astaging" in page.links
    assert CI["url"] in page.links


@pytest.mark.parametrize(
    "context",
    [
        None,
        [],
        "staging",
        {"labels": None, "ci": 3, "else": {}},
        {"labels": {"": "x", "env": "", "n": 3}, "ci": {"url": "javascript:alert(1)"}},
        {"labels": ["env"], "ci": {"url": "https://[", "commit": {}}},
    ],
)
def test_no_context_keeps_a_run_from_being_recorded(bobs: TeamApi, context: object) -> None:
    """What cannot be understood is left out."""
    run = bobs.started(**block(context))

    answer = bobs.get(f"/executions/{id_of(run)}").json()

    assert (answer["labels"], answer["ci"]) == ({}, None)


def test_what_is_too_long_is_cut() -> None:
    """Names, values, facts and the number of labels; half an address would lead nowhere."""
    labels = {f"{number}".rjust(100, "n"): "v" * 300 for number in range(40)}
    ci = {"branch": "b" * 300, "url": f"https://ci.example/{'u' * 3_000}"}

    context = read_context({"labels": {"a" * 65: "v" * 300, **labels}, "ci": ci})

    assert context is not None
    assert context.labels["a" * 64] == "v" * 256
    assert len(context.labels) <= 32
    assert context.ci == CiBuild(branch="b" * 256)


def test_a_journal_without_a_context_says_nothing_of_it(bobs: TeamApi) -> None:
    """That is another thing than a context without labels."""
    assert read_context(None) is None
    assert read_context({}) == RunContext()
    assert bobs.get(f"/executions/{id_of(bobs.started(**journal()))}").json()["labels"] == {}


@pytest.mark.parametrize(
    ("text", "label"),
    [("env:staging", ("env", "staging")), ("url:http://x", ("url", "http://x")), ("env:", None)],
)
def test_a_filter_names_a_label_with_a_colon(text: str, label: tuple[str, str] | None) -> None:
    """The first one parts the name from the value."""
    assert parse_label(text) == label
