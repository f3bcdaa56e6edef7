"""Safeguards through the API: set, changed, taken away, asked about, and what is wrong."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from chaoscloud.console.db import Database
from chaoscloud.console.records import audit
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import chaosiq, ended, event, experiment
from tests.console.team import TeamApi
from tests.console.test_journal_versions import STOP_TEST

FREEZE = {"kind": "stop", "name": "Freeze", "reason": "The launch is near"}
WINDOWS = {
    "mode": "allow",
    "time_zone": "Europe/Paris",
    "windows": [{"days": ["mon"], "from": "09:00", "to": "17:00"}],
}


@pytest.fixture
def adas(client: Client, ada: Member, checkout: Team) -> TeamApi:
    """Ada's calls below Checkout; its organization's are hers, too."""
    return TeamApi(client(ada.token), checkout)


def create_safeguard(api: TeamApi, **more: Any) -> dict[str, Any]:
    answer = api.post("/safeguards", {**FREEZE, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def read_policies(api: TeamApi, run: str) -> dict[str, Any]:
    return dict(api.get(run + "/policies").json())


def test_a_safeguard_says_no_from_the_moment_it_is_set(bobs: TeamApi) -> None:
    """By its name, with its reason, its id and since when."""
    run = bobs.started()

    safeguard = create_safeguard(bobs)

    [policy] = read_policies(bobs, run)["policies"]
    assert (policy["id"], policy["name"], policy["reason"]) == (
        safeguard["id"],
        "Freeze",
        "The launch is near",
    )
    assert policy["decided_at"] == "2026-03-02T09:30:00Z"


def test_what_is_in_force_is_listed_with_its_author(bobs: TeamApi) -> None:
    """Who set it, for whom, and whether it says no right now."""
    create_safeguard(bobs, expires_in=7200)

    [item] = bobs.get("/safeguards").json()["items"]

    assert (item["author"], item["scope"], item["refuses"]) == ("Bob", "team", True)
    assert item["until"] == "2026-03-02T11:30:00Z"


def test_switched_off_it_says_nothing_and_is_listed_on_demand(bobs: TeamApi) -> None:
    """Off is not gone."""
    run, safeguard = bobs.started(), create_safeguard(bobs)

    answer = bobs.client.patch(f"{bobs.base}/safeguards/{safeguard['id']}", json={"enabled": False})

    assert (answer.status_code, answer.json()["in_force"]) == (200, False)
    assert read_policies(bobs, run)["allowed"] is True
    assert bobs.get("/safeguards").json()["items"] == []
    assert len(bobs.get("/safeguards?all=true").json()["items"]) == 1


def test_who_changed_what_and_when_is_kept(
    bobs: TeamApi, bob: Member, acme: Organization, database: Database, now: Clock
) -> None:
    """Set, changed twice, taken away: four lines, each with its person."""
    place = f"{bobs.base}/safeguards/{create_safeguard(bobs)['id']}"
    now.pass_by(minutes=1)
    bobs.client.patch(place, json={"reason": "The launch was moved"})
    bobs.client.patch(place, json={"enabled": False})
    bobs.client.patch(place, json={"enabled": False})
    response = bobs.client.delete(place)

    with database.read() as connection:
        entries = audit.list_entries(connection, None, prefixes=("safeguard.",))
    assert response.status_code == 204
    assert {entry.person_id for entry in entries} == {bob.id}
    assert [(entry.action, entry.subject) for entry in reversed(entries)] == [
        ("safeguard.added", "Freeze"),
        ("safeguard.changed", "Freeze: reason The launch is near → The launch was moved"),
        ("safeguard.changed", "Freeze: switched off"),
        ("safeguard.removed", "Freeze"),
    ]


def test_another_wording_is_no_other_decision(bobs: TeamApi, now: Clock) -> None:
    """Since when a safeguard says no does not move with its words, but does with its switch."""
    place = f"{bobs.base}/safeguards/{create_safeguard(bobs)['id']}"
    now.pass_by(minutes=1)

    worded = bobs.client.patch(place, json={"name": "Launch"}).json()
    bobs.client.patch(place, json={"enabled": False})
    switched = bobs.client.patch(place, json={"enabled": True}).json()

    assert worded["decided_at"] == "2026-03-02T09:30:00Z"
    assert switched["decided_at"] == "2026-03-02T09:31:00Z"


def test_narrowed_by_tags_it_concerns_only_those(bobs: TeamApi) -> None:
    """The run's experiment carries `kafka`, not `billing`."""
    run = bobs.started()
    create_safeguard(bobs, name="Billing", tags=["billing"])
    before = read_policies(bobs, run)["allowed"]

    create_safeguard(bobs, name="Kafka", tags=["kafka"])

    assert before is True
    assert [policy["name"] for policy in read_policies(bobs, run)["policies"]] == ["Kafka"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"kind": "moon"}, ["body", "kind"]),
        ({"name": ""}, ["body", "name"]),
        ({"reason": "  "}, ["body", "reason"]),
        ({"colour": "red"}, ["body"]),
        ({"expires_at": "2026-03-02T09:29:00Z"}, ["body", "expires_at"]),
        ({"expires_at": "2026-03-02T10:00:00"}, ["body", "expires_at"]),
        ({"tags": [""]}, ["body", "tags", 0]),
        ({"kind": "limit", "settings": {"most": 0}}, ["body", "settings", "most"]),
        ({"kind": "limit", "settings": {}}, ["body", "settings"]),
        ({"kind": "stop", "settings": {"now": True}}, ["body", "settings"]),
        ({"kind": "tags", "settings": {"mode": "x", "tags": ["a"]}}, ["body", "settings", "mode"]),
        (
            {"kind": "windows", "settings": {**WINDOWS, "time_zone": "Europe/Atlantis"}},
            ["body", "settings", "time_zone"],
        ),
        (
            {
                "kind": "windows",
                "settings": {
                    **WINDOWS,
                    "windows": [{"days": ["mon"], "from": "9 am", "to": "17:00"}],
                },
            },
            ["body", "settings", "windows", 0, "from"],
        ),
        (
            {"kind": "webhook", "settings": {"url": "https://gate.example.com"}},
            ["body", "settings"],
        ),
        *(
            (
                {"kind": "webhook", "settings": {"url": url, "when_unanswered": "deny"}},
                ["body", "settings", "url"],
            )
            for url in (
                "ftp://gate.example.com",
                "https://bob:secret@gate.example.com",
                "http://127.0.0.1/",
                "http://169.254.169.254/latest/meta-data",
                "http://[::1]/",
                "http://[::ffff:10.0.0.1]/",
                "http://[",
                "https://gate.example.com/a b",
            )
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_key(
    bobs: TeamApi, body: dict[str, Any], where: list[Any]
) -> None:
    """And nothing is set."""
    answer = bobs.post("/safeguards", {**FREEZE, **body})

    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["loc"] == where
    assert bobs.get("/safeguards?all=true").json()["items"] == []


# --- who may -----------------------------------------------------------------------------------


def test_an_owner_sets_one_for_the_whole_organization(
    adas: TeamApi, bobs: TeamApi, eves: TeamApi
) -> None:
    """Every team is concerned; who is on a team sees it and cannot change it."""
    runs = bobs.started(), eves.started()

    answer = adas.client.post("/api/v1/organizations/acme/safeguards", json=FREEZE)

    place = f"/safeguards/{answer.json()['id']}"
    assert (answer.status_code, answer.json()["scope"]) == (201, "organization")
    assert [read_policies(bobs, runs[0])["allowed"], read_policies(eves, runs[1])["allowed"]] == [
        False,
        False,
    ]
    assert bobs.get(place).json()["name"] == "Freeze"
    assert bobs.client.delete(bobs.base + place).status_code == 403
    assert adas.client.delete("/api/v1/organizations/acme" + place).status_code == 204
    assert read_policies(bobs, runs[0])["allowed"] is True


def test_a_member_cannot_stop_the_organization(bobs: TeamApi) -> None:
    """403: that it can be done is no secret; the organization of a stranger is 404."""
    mine = bobs.client.post("/api/v1/organizations/acme/safeguards", json=FREEZE)
    strange = bobs.client.post("/api/v1/organizations/globex/safeguards", json=FREEZE)

    assert (mine.status_code, strange.status_code) == (403, 404)


def test_another_teams_safeguards_are_not_there(bobs: TeamApi, eves: TeamApi) -> None:
    """Neither to read, nor to change, nor to take away."""
    place = f"/safeguards/{create_safeguard(bobs)['id']}"

    assert eves.get("/safeguards").json()["items"] == []
    assert eves.get(place).status_code == 404
    assert eves.client.patch(eves.base + place, json={"enabled": False}).status_code == 404
    assert eves.client.delete(eves.base + place).status_code == 404


# --- required ----------------------------------------------------------------------------------


def test_an_organization_requires_answers(adas: TeamApi, bobs: TeamApi) -> None:
    """Teams and runs are told; only an owner may say so."""
    run = bobs.started()
    body = {"safeguards": "required"}

    refused = bobs.client.put("/api/v1/organizations/acme/policy", json=body)
    answer = adas.client.put("/api/v1/organizations/acme/policy", json=body)

    assert (refused.status_code, answer.status_code) == (403, 200)
    assert adas.client.get("/api/v1/organizations/acme/policy").json() == body
    assert bobs.get("").json()["required"] is True
    assert read_policies(bobs, run) == {"allowed": True, "required": True}


# --- would it? ---------------------------------------------------------------------------------


def test_it_is_said_whether_a_run_would_be_allowed(bobs: TeamApi) -> None:
    """By the experiment's tags, and by the time."""
    create_safeguard(bobs, name="Kafka", tags=["kafka"], expires_at="2026-03-02T12:00:00Z")

    now = bobs.post("/safeguards/simulate", {"experiment": experiment()}).json()
    later = {"experiment": experiment(), "at": "2026-03-02T12:00:00Z"}
    then = bobs.post("/safeguards/simulate", later).json()
    other = bobs.post("/safeguards/simulate", {"tags": ["billing"]}).json()

    assert (now["allowed"], now["policies"][0]["name"]) == (False, "Kafka")
    assert (then["allowed"], other["allowed"]) == (True, True)


def test_at_most_two_runs_at_once(bobs: TeamApi, now: Clock) -> None:
    """The first two go on, the third does not, until one of them has ended."""
    create_safeguard(bobs, kind="limit", name="Two at once", settings={"most": 2})
    runs = []
    for _ in range(3):
        now.pass_by(seconds=1)
        runs.append(bobs.started())

    before = [read_policies(bobs, run)["allowed"] for run in runs]
    bobs.put(runs[0], {"journal": ended()})
    after = [read_policies(bobs, run)["allowed"] for run in runs[1:]]

    assert before == [True, True, False]
    assert after == [True, True]


# --- one run -----------------------------------------------------------------------------------


def test_one_run_is_stopped_and_no_other(bobs: TeamApi) -> None:
    """The stop names its reason and ends with the run."""
    run, other = bobs.started(), bobs.started()
    place = f"/executions/{run.rpartition('/')[2]}"

    answer = bobs.post(place + "/stop", {"reason": "Testing the brake", "expires_in": 60})

    assert answer.status_code == 201, answer.text
    assert read_policies(bobs, run)["policies"][0]["name"] == "Testing the brake"
    assert read_policies(bobs, other)["allowed"] is True
    bobs.put(run, {"journal": ended("interrupted")})
    assert read_policies(bobs, run)["allowed"] is True
    assert bobs.post(place + "/stop", {"reason": "Again"}).status_code == 409


def test_a_test_of_the_brake_leaves_nothing_behind(bobs: TeamApi, adas: TeamApi) -> None:
    """The execution goes, its stop and its experiment with it."""
    document = STOP_TEST
    of = bobs.published(document)
    run = bobs.started(of, experiment=document)
    place = f"/executions/{run.rpartition('/')[2]}"
    bobs.post(place + "/stop", {"reason": "Testing the brake"})
    bobs.post(run + "/events", event())
    read_policies(bobs, run)

    answer = bobs.client.delete(bobs.base + place)

    assert answer.status_code == 204, answer.text
    assert bobs.get("/executions").json()["items"] == []
    assert bobs.get("/experiments").json()["items"] == []
    assert bobs.get(run + "/policies").status_code == 404


def test_any_other_execution_stays(bobs: TeamApi, eves: TeamApi) -> None:
    """The record is the record: 403 to whoever sees it, 404 to who does not."""
    place = f"/executions/{bobs.started().rpartition('/')[2]}"

    assert bobs.client.delete(bobs.base + place).status_code == 403
    assert eves.client.delete(eves.base + place).status_code == 404
    assert bobs.get(place).status_code == 200


def test_how_a_stop_reached_a_run_is_kept_with_it(bobs: TeamApi) -> None:
    """Told in an event, it stands with the execution, also after its journal came."""
    run = bobs.started()
    told_ = {
        "policies": ["Freeze"],
        "decided_at": "2026-03-02T09:30:00Z",
        "received_at": "2026-03-02T09:30:00.080Z",
        "interrupted_at": "2026-03-02T09:30:00.130Z",
        "latency": 0.13,
    }

    bobs.post(run + "/events", event("s-1", "safeguard-stop", data={"context": told_}))
    bobs.put(run, {"journal": ended("interrupted")})

    place = f"/executions/{run.rpartition('/')[2]}"
    assert bobs.get(place).json()["stop"] == told_


def test_a_stop_is_reported_once_and_by_who_runs_it(
    bobs: TeamApi, client: Client, ada: Member
) -> None:
    """Others of the team may send events to the run, and rewrite nothing by them."""
    run = bobs.started()
    reports = [{"policies": [name], "latency": 0.1} for name in ("Rumour", "Freeze", "Thaw")]

    rumour, freeze, thaw = (
        event(f"s-{number}", "safeguard-stop", data={"context": report})
        for number, report in enumerate(reports)
    )
    answers = [
        client(ada.token).post(bobs.base + run + "/events", json=rumour),
        bobs.post(run + "/events", freeze),
        bobs.post(run + "/events", thaw),
    ]

    stop = bobs.get(f"/executions/{run.rpartition('/')[2]}").json()["stop"]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert stop["policies"] == ["Freeze"]


def test_the_journal_tells_of_the_stop_too(bobs: TeamApi) -> None:
    """In its `chaosiq` block; what cannot be understood there is left alone."""
    run, odd = bobs.started(), bobs.started()

    bobs.put(run, {"journal": ended("interrupted", **chaosiq(stop={"latency": 0.2}))})
    bobs.put(odd, {"journal": ended("interrupted", **chaosiq(stop={"latency": "soon"}))})

    stops = [
        bobs.get(f"/executions/{execution.rpartition('/')[2]}").json()["stop"]
        for execution in (run, odd)
    ]
    assert stops[0]["latency"] == 0.2
    assert stops[1] is None


# --- alerts ------------------------------------------------------------------------------------


@pytest.fixture
def alert(bobs: TeamApi) -> dict[str, Any]:
    """A safeguard that listens to alerts."""
    return create_safeguard(bobs, kind="alert", name="Burning", reason="The budget burns")


def fire(client: TestClient, alert: dict[str, Any], status: str, **more: Any) -> Any:
    """Send what Alertmanager sends."""
    sent = {
        "version": "4",
        "status": status,
        "alerts": [
            {
                "status": status,
                "labels": {"alertname": "HighErrorRate"},
                "annotations": {},
                "startsAt": "2026-03-02T09:29:00Z",
                "fingerprint": "f-1",
            }
        ],
    }
    headers = {"Authorization": f"Bearer {alert['secret']}"}
    return client.post(
        f"/api/v1/alerts/{alert['id']}", **{"json": sent, "headers": headers, **more}
    )


def test_a_firing_alert_stops_and_a_resolved_one_releases(
    bobs: TeamApi, alert: dict[str, Any], client: Client
) -> None:
    """Which alert it is stands in the reason."""
    run = bobs.started()
    before = read_policies(bobs, run)["allowed"]

    taken = fire(client(), alert, "firing")
    during = read_policies(bobs, run)
    fire(client(), alert, "resolved")

    assert (before, taken.json()) == (True, {"firing": 1})
    assert during["policies"][0]["reason"] == "The budget burns (HighErrorRate)"
    assert read_policies(bobs, run)["allowed"] is True


def test_an_alert_nobody_repeats_is_forgotten(
    bobs: TeamApi, alert: dict[str, Any], client: Client, now: Clock
) -> None:
    """Whoever sends alerts may be gone, and cannot resolve any more."""
    run = bobs.started()
    fire(client(), alert, "firing")

    now.pass_by(hours=24)

    assert read_policies(bobs, run)["allowed"] is True


def test_an_alert_needs_its_own_secret(
    bobs: TeamApi, alert: dict[str, Any], bob: Member, client: Client
) -> None:
    """A person's token is not it, nor is none; the secret may come in the query."""
    run = bobs.started()

    stranger = fire(client(), alert, "firing", headers={})
    person = fire(client(), alert, "firing", headers=bob.headers)
    before = read_policies(bobs, run)["allowed"]
    query = fire(client(), alert, "firing", headers={}, params={"secret": alert["secret"]})

    assert (stranger.status_code, person.status_code, before) == (401, 401, True)
    assert (query.status_code, read_policies(bobs, run)["allowed"]) == (200, False)


def test_the_secret_is_told_once(bobs: TeamApi, alert: dict[str, Any]) -> None:
    """Nowhere is it read back."""
    assert alert["secret"] not in bobs.get("/safeguards?all=true").text
    assert alert["address"].endswith(f"/api/v1/alerts/{alert['id']}")
