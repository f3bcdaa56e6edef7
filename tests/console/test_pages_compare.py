"""Two executions of one experiment side by side."""

from typing import Any

import pytest

from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Member
from tests.console.documents import ended, experiment
from tests.console.team import TeamApi


@pytest.fixture
def api(client: Client, bob: Member, checkout: Team) -> TeamApi:
    return TeamApi(client(token=bob.token), checkout)


@pytest.fixture
def browser(client: Client, bob: Member, checkout: Team) -> Browser:
    visitor = Browser(client())
    visitor.sign_in(bob.token)
    return visitor


def ran(api: TeamApi, of: str, **more: Any) -> str:
    """The id of an execution that has ended."""
    path = api.started(of)
    assert api.put(path, {"journal": ended(**more)}).is_success
    return path.rsplit("/", 1)[-1]


def page_of(one: str, other: str = "") -> str:
    return f"/acme/checkout/executions/{one}/compare" + (f"?with={other}" if other else "")


def played(status: str) -> dict[str, Any]:
    return {"activity": experiment()["method"][0], "status": status, "duration": 3.0}


def test_the_other_runs_of_the_experiment_can_be_chosen(browser: Browser, api: TeamApi) -> None:
    """Not the run itself, and none of another experiment."""
    of, elsewhere = api.published(), api.published(experiment("Payments survive"))
    one, other, foreign = ran(api, of), ran(api, of), ran(api, elsewhere)

    choices = [element["value"] for element in Seen(browser.open(page_of(one))).all("option")]

    assert choices == [other]
    assert foreign not in choices


def test_what_differs_stands_out(browser: Browser, api: TeamApi) -> None:
    """Versions, outcomes and the document."""
    of = api.published()
    one = ran(api, of, run=[played("succeeded")])
    other = ran(
        api,
        of,
        run=[played("failed")],
        experiment=experiment("Orders go on"),
        **{"chaoslib-version": "1.44.0"},
    )

    page = Seen(browser.open(page_of(one, other)))

    assert "1.45.1 1.44.0 (differs)" in page.text
    assert "kill a broker Succeeded 3 s Failed 3 s" in page.text
    assert '+ "title": "Orders go on"' in page.text


def test_a_document_that_is_the_same_is_said_to_be(browser: Browser, api: TeamApi) -> None:
    """Rather than an empty space."""
    of = api.published()

    text = Seen(browser.open(page_of(ran(api, of), ran(api, of)))).text

    assert "The same in both" in text


@pytest.mark.parametrize("other", ["none", "%00"])
def test_what_is_not_there_is_not_compared(browser: Browser, api: TeamApi, other: str) -> None:
    """A plain 404."""
    assert browser.open(page_of(ran(api, api.published()), other)).status_code == 404


def test_a_run_of_another_experiment_is_not_compared(browser: Browser, api: TeamApi) -> None:
    """There would be nothing to hold against each other."""
    one = ran(api, api.published())
    other = ran(api, api.published(experiment("Payments survive")))

    assert browser.open(page_of(one, other)).status_code == 404


def test_a_run_of_another_team_is_not_compared(
    browser: Browser, client: Client, eve: Member, payments: Team, api: TeamApi
) -> None:
    """It does not exist to Bob, and Bob's not to Eve."""
    hers = TeamApi(client(token=eve.token), payments)
    one, other = ran(api, api.published()), ran(hers, hers.published())
    eves = Browser(client())
    eves.sign_in(eve.token)

    assert browser.open(page_of(one, other)).status_code == 404
    assert eves.open(page_of(one)).status_code == 404


def test_without_a_choice_the_last_run_that_passed_is_compared(
    browser: Browser, api: TeamApi
) -> None:
    """Not a later one, nor one that failed; the run's page leads there."""
    published = api.published()

    def run_at(day: int, **changes: Any) -> str:
        return ran(api, published, start=f"2026-03-{day:02}T09:00:00+00:00", **changes)

    run_at(1)
    good = run_at(2)
    run_at(3, deviated=True)
    bad = run_at(4, deviated=True)
    run_at(5)

    page = Seen(browser.open(page_of(bad)))

    assert f"/acme/checkout/executions/{good}" in page.links
    assert "What is different from the last run that passed?" in page.text
    assert "Outcome Deviated Passed (differs)" in page.text
    assert page_of(bad) in Seen(browser.open(page_of(bad).removesuffix("/compare"))).links


def test_the_probes_of_the_hypothesis_are_compared_with_their_values(
    browser: Browser, api: TeamApi
) -> None:
    """Those that gave the same are folded."""

    def states(after: int) -> dict[str, Any]:
        def state(value: int) -> dict[str, Any]:
            probe = {"name": "orders", "tolerance": 201}
            run = {"activity": probe, "status": "succeeded", "output": value}
            met = value == 201
            return {"steady_state_met": met, "probes": [{**run, "tolerance_met": met}]}

        return {"before": state(201), "during": [], "after": state(after)}

    published = api.published()
    good = ran(api, published, steady_states=states(201))
    bad = ran(api, published, steady_states=states(503))

    text = Seen(browser.open(page_of(bad, good))).text

    assert "orders after the method Outside tolerance 503 Succeeded 201 (differs)" in text
    assert "1 is the same Probe" in text
