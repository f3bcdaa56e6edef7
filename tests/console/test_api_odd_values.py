"""Numbers and times at the ends of what there is: refused or understood, never an error of ours."""

import base64
import dataclasses
import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from chaoscloud.console.app import create_app
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import chaosiq, ended, event, experiment, journal
from tests.console.team import TeamApi

HUGE = "9" * 5000
ENDS = [
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59.999999Z",
]
FREEZE = {"kind": "stop", "name": "Freeze", "reason": "The launch is near"}


@pytest.mark.parametrize("number", [HUGE, "0", str(2**31), str(2**63), "-1", "one", "٣"])
def test_a_version_that_cannot_be_is_not_there(bobs: TeamApi, number: str) -> None:
    """However many digits its number has."""
    experiment_path = bobs.started().split("/executions/")[0]

    assert bobs.get(f"{experiment_path}/versions/{number}").status_code == 404


@pytest.mark.parametrize("at", ENDS)
def test_a_safeguard_ends_within_the_calendar(bobs: TeamApi, at: str) -> None:
    """A time that a zone, or a database, cannot tell is refused."""
    answer = bobs.post("/safeguards", {**FREEZE, "expires_at": at})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", "expires_at"]


@pytest.mark.parametrize("at", ENDS)
def test_nothing_is_simulated_beyond_the_calendar(bobs: TeamApi, at: str) -> None:
    """Windows are computed in zones that are ahead of and behind UTC."""
    assert bobs.post("/safeguards/simulate", {"at": at}).status_code == 422


@pytest.mark.parametrize("at", ENDS)
@pytest.mark.parametrize("path", ["/executions", "/experiments", "/objectives", "/verifications"])
def test_a_cursor_at_the_end_of_time_is_understood_or_refused(
    bobs: TeamApi, path: str, at: str
) -> None:
    """A list ends there."""
    raw = json.dumps({"at": at, "id": "x"}).encode()
    cursor = base64.urlsafe_b64encode(raw).decode().rstrip("=")

    assert bobs.get(f"{path}?cursor={cursor}").status_code in (200, 400)


@pytest.mark.parametrize("at", ENDS)
def test_journals_and_events_at_the_end_of_time_are_kept_or_refused(bobs: TeamApi, at: str) -> None:
    """What a machine without a clock writes."""
    run = bobs.started()

    answers = [
        bobs.post(run + "/events", {**event("starting-method"), "time": at}),
        bobs.put(run, {"journal": {**journal(), "start": at, "end": at}}),
    ]

    assert {answer.status_code for answer in answers} <= {201, 204, 422}


@pytest.mark.parametrize("seconds", [1e308, 1e12, -1])
def test_a_verification_lasts_no_longer_than_a_hundred_years(bobs: TeamApi, seconds: float) -> None:
    """Of its pace and its phases alike."""
    block = {"id": "v", "frequency-of-measurement": 1, "duration-of-conditions": seconds}

    answer = bobs.post("/verifications", experiment(**chaosiq(verification=block)))

    assert answer.status_code == 422


@pytest.mark.parametrize("duration", [1e308, -1, 0, 1e-300])
def test_an_execution_of_any_duration_has_a_page(
    bobs: TeamApi, client: Client, bob: Member, duration: float
) -> None:
    """What a journal says of it is shown, however odd."""
    run = bobs.started()
    bobs.put(run, {"journal": {**ended(), "duration": duration}})
    browser = Browser(client())
    browser.sign_in(bob.token)

    page = browser.open(f"/acme/checkout/executions/{run.rpartition('/')[2]}")

    assert page.status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        f"after={HUGE}",
        "since=0001-01-01&until=9999-12-31",
        "since=99999-01-01",
        "after=9999-12-31T23:59:59-14:00~x",
    ],
)
def test_a_page_of_odd_filters_opens(client: Client, bob: Member, query: str) -> None:
    """What makes no sense asks for nothing."""
    browser = Browser(client())
    browser.sign_in(bob.token)

    assert browser.open(f"/acme/checkout/executions?{query}").status_code == 200


def test_the_next_piece_of_a_list_is_where_the_public_address_is(
    config: Config, database: Database, now: Clock, bob: Member, checkout: Team, bobs: TeamApi
) -> None:
    """A proxy's clients do not know the address behind it."""
    for _ in range(2):
        bobs.started()
    public = dataclasses.replace(config, public_url="https://chaos.example.com")
    client = TestClient(create_app(public, database, now=now), headers=bob.headers)
    path = f"/api/v1/organizations/{checkout.organization_id}/teams/{checkout.id}/executions"

    answer: Any = client.get(f"{path}?limit=1&status=running")

    assert answer.headers["link"].startswith(f"<https://chaos.example.com{path}?limit=1&status=")
