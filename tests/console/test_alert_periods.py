"""Alerts that fired during a run, on its timeline; and the trace that it belongs to."""

from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette

from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import ended, event
from tests.console.team import TeamApi

ALERT = {"kind": "alert", "name": "Pages", "reason": "Somebody is paged"}
LATENCY = {"alertname": "OrdersSlow", "severity": "page"}


class Alertmanager:
    """Sends alerts to the address of a safeguard."""

    def __init__(self, api: TeamApi, **more: Any) -> None:
        created = api.post("/safeguards", {**ALERT, **more}).json()
        self.client = api.client
        self.path = f"/api/v1/alerts/{created['id']}"
        self.headers = {"Authorization": f"Bearer {created['secret']}"}

    def send(self, status: str, starts_at: str = "2026-03-02T09:30:10Z") -> None:
        alert = {"status": status, "labels": LATENCY, "startsAt": starts_at, "fingerprint": "f1"}
        answer = self.client.post(self.path, json={"alerts": [alert]}, headers=self.headers)
        assert answer.status_code == 200


@pytest.fixture
def browser(client: Client, bob: Member, checkout: Team) -> Browser:
    browser = Browser(client())
    browser.sign_in(bob.token)
    return browser


def timeline_of(browser: Browser, execution: str) -> list[str]:
    """Return what the lanes of the drawing on an execution's page say."""
    shown = browser.open(f"/acme/checkout/executions/{execution.rpartition('/')[2]}")
    return [svg["aria-label"] or "" for svg in Seen(shown).all("svg") if svg.get("aria-label")]


def test_an_alert_that_fired_during_a_run_is_on_its_timeline(
    bobs: TeamApi, browser: Browser, now: Clock
) -> None:
    """From when it fired until it was resolved; kept when it fires no more."""
    alertmanager = Alertmanager(bobs)
    execution = bobs.started()
    now.pass_by(seconds=10)
    alertmanager.send("firing")
    now.pass_by(seconds=20)
    alertmanager.send("firing")
    alertmanager.send("resolved")
    bobs.put(execution, {"journal": ended(run=[])})

    assert timeline_of(browser, execution)[0] == "OrdersSlow: fired after 12 s, for 20 s"


def test_an_alert_before_or_after_a_run_is_not_on_its_timeline(
    bobs: TeamApi, browser: Browser, now: Clock
) -> None:
    """Nor one of another run's tags."""
    early, other = Alertmanager(bobs), Alertmanager(bobs, name="Other", tags=["payments"])
    early.send("firing", "2026-03-02T09:00:00Z")
    early.send("resolved")
    now.pass_by(seconds=30)
    execution = bobs.started(start="2026-03-02T09:30:30Z")
    other.send("firing", "2026-03-02T09:30:31Z")
    over = ended(start="2026-03-02T09:30:30Z", end="2026-03-02T09:31:00Z")
    bobs.put(execution, {"journal": over})
    now.pass_by(minutes=5)
    early.send("firing", "2026-03-02T09:35:00Z")

    assert "OrdersSlow" not in str(timeline_of(browser, execution))


def test_an_alert_of_another_team_is_not_on_its_timeline(
    bobs: TeamApi, eves: TeamApi, browser: Browser
) -> None:
    """A team's alerts are its own."""
    execution = bobs.started()

    Alertmanager(eves).send("firing")

    assert "OrdersSlow" not in str(timeline_of(browser, execution))


def test_an_alert_that_began_before_the_run_and_goes_on_is_said_so(
    bobs: TeamApi, browser: Browser, now: Clock
) -> None:
    """It was firing at the start already."""
    Alertmanager(bobs).send("firing", "2026-03-02T09:00:00Z")
    execution = bobs.started()
    now.pass_by(seconds=30)

    assert "OrdersSlow: fired before the start" in timeline_of(browser, execution)


# --- traces ------------------------------------------------------------------------------------

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("parents", "is_linked"),
    [
        ([PARENT], True),
        ([PARENT, f"00-{'a' * 32}-00f067aa0ba902b7-01"], True),
        ([f"00-{'0' * 32}-00f067aa0ba902b7-01"], False),
        (["<script>"], False),
        ([f"00-{TRACE.upper()}-00f067aa0ba902b7-01"], False),
    ],
)
def test_a_run_whose_events_carry_a_trace_is_linked_to_it(
    app: Starlette, bobs: TeamApi, browser: Browser, parents: list[str], is_linked: bool
) -> None:
    """By the first that came; only where the operator says where traces are."""
    execution = bobs.started()
    for number, parent in enumerate(parents):
        sent = event(f"e-{number}", traceparent=parent)
        assert bobs.post(f"{execution}/events", sent).status_code == 201
    address = f"/acme/checkout/executions/{execution.rpartition('/')[2]}"
    assert "Trace" not in Seen(browser.open(address)).text

    config = replace(app.state.config, trace_url="https://traces.example.com/t/{trace_id}")
    app.state.config = config

    links = Seen(browser.open(address)).links
    assert (f"https://traces.example.com/t/{TRACE}" in links) is is_linked
