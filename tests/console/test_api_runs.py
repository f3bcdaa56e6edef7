"""Runs of verifications: started, told about, finished, and what they cost."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from chaoscloud.console.db import Database
from chaoscloud.console.db.schema import verification_runs
from chaoscloud.console.records.run_results import fill_times
from tests.console.conftest import Clock
from tests.console.documents import TITLE, chaosiq, ended, experiment, journal
from tests.console.team import TeamApi

BLOCK = {"id": "orders-hold", "frequency-of-measurement": 10, "duration-of-conditions": 60}
HAND_WRITTEN = experiment(**chaosiq(verification=BLOCK))
RESULTS = {
    "successful_samples": 16,
    "deviated_samples": 4,
    "not_run_samples": 0,
    "total_number_of_samples": 20,
    "total_duration": 341,
}


def _start(team: TeamApi, name: str = "orders-hold", **more: Any) -> Any:
    sent = {"journal": journal(experiment=HAND_WRITTEN), "status": "started", **more}
    return team.post(f"/verifications/{name}/runs", sent)


def _run(team: TeamApi) -> str:
    answer = _start(team)
    assert answer.status_code == 201, answer.text
    return f"/verifications/orders-hold/runs/{answer.json()['id']}"


def _finish(team: TeamApi, path: str, **more: Any) -> Any:
    document = {"journal": ended(experiment=HAND_WRITTEN), "status": "completed", **more}
    return team.post(path + "/finished", document)


def test_a_run_of_an_unknown_verification_registers_it(bobs: TeamApi) -> None:
    """A hand-written file works at once."""
    answer = _start(bobs)

    body = bobs.get("/verifications/orders-hold").json()
    assert answer.status_code == 201
    assert (body["name"], body["frequency"], body["duration"]) == (TITLE, 10, 60)
    assert body["objective_name"] == "Orders are accepted"
    assert body["experiment_id"] == answer.json()["experiment_id"]


def test_the_answer_to_a_start_has_all_the_plugin_needs(bobs: TeamApi) -> None:
    """The contract lists it."""
    answer = _start(bobs).json()

    organization, _, team = bobs.base.removeprefix("/api/v1/organizations/").split("/")
    ids = {key: answer.pop(key) for key in ("id", "experiment_id", "execution_id")}
    assert all(ids.values())
    assert answer == {
        "org_id": organization,
        "team_id": team,
        "verification_id": "orders-hold",
        "state": "running",
        "status": "",
        "journal": journal(experiment=HAND_WRITTEN),
    }


def test_without_an_execution_one_is_made(bobs: TeamApi) -> None:
    """Its policies can be asked for, and its journal kept."""
    answer = _start(bobs).json()

    path = f"/experiments/{answer['experiment_id']}/executions/{answer['execution_id']}"
    assert bobs.get(path + "/policies").json()["allowed"] is True
    assert bobs.get(path).json() == answer["journal"]


def test_with_an_execution_it_is_used(bobs: TeamApi) -> None:
    """Nothing is published a second time."""
    of = bobs.published(HAND_WRITTEN)
    execution = bobs.started(of).rpartition("/")[2]

    answer = _start(bobs, experiment_id=of, execution_id=execution).json()

    assert (answer["experiment_id"], answer["execution_id"]) == (of, execution)
    assert len(bobs.get("/experiments").json()["items"]) == 1
    assert len(bobs.get("/executions").json()["items"]) == 1


def test_with_an_experiment_alone_the_execution_is_made_of_it(bobs: TeamApi) -> None:
    """The execution joins those of the experiment."""
    of = bobs.published(HAND_WRITTEN)

    answer = _start(bobs, experiment_id=of).json()

    assert answer["experiment_id"] == of
    assert len(bobs.get(f"/experiments/{of}/executions").json()["items"]) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"execution_id": "nowhere"}, {"experiment_id": "nowhere"}, {"execution_id": 5}],
    ids=str,
)
def test_what_a_run_names_must_be_the_teams(bobs: TeamApi, wrong: dict[str, Any]) -> None:
    """Refused before anything is kept, the verification included."""
    answer = _start(bobs, **wrong)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", next(iter(wrong))]
    assert bobs.get("/verifications/orders-hold").status_code == 404
    assert bobs.get("/experiments").json()["items"] == []


def test_an_execution_of_another_experiment_is_refused(bobs: TeamApi) -> None:
    """The two must belong together."""
    other = bobs.published(experiment("Another"))
    execution = bobs.started().rpartition("/")[2]

    assert _start(bobs, experiment_id=other, execution_id=execution).status_code == 422


@pytest.mark.parametrize(
    "document",
    [
        journal(experiment={"title": "Nothing is asked", "method": []}),
        {"status": "running"},
        journal(experiment=experiment(**chaosiq(verification={"frequency-of-measurement": 0}))),
    ],
    ids=["no-hypothesis", "no-experiment", "no-pace"],
)
def test_an_unknown_verification_without_its_document_is_not_found(
    bobs: TeamApi, document: dict[str, Any]
) -> None:
    """There is nothing to register, and nothing is."""
    answer = _start(bobs, journal=document)

    assert answer.status_code == 404
    assert bobs.get("/experiments").json()["items"] == []
    assert bobs.get("/executions").json()["items"] == []


def test_a_strangers_run_registers_with_the_strangers_team(bobs: TeamApi, eves: TeamApi) -> None:
    """The same file run by two teams is two verifications."""
    path = _run(bobs)

    assert _start(eves).status_code == 201
    assert eves.get(path).status_code == 404
    assert len(bobs.get("/verifications/orders-hold/runs").json()["items"]) == 1


def test_the_same_key_starts_one_run(bobs: TeamApi) -> None:
    """And makes one execution."""
    headers = {"Idempotency-Key": "run-7"}
    sent = {"journal": journal(experiment=HAND_WRITTEN), "status": "started"}

    answers = [
        bobs.post("/verifications/orders-hold/runs", sent, headers=headers).json() for _ in "ab"
    ]

    assert answers[0] == answers[1]
    assert len(bobs.get("/executions").json()["items"]) == 1


def test_what_a_run_says_is_kept_in_order(bobs: TeamApi) -> None:
    """Each category with its payload, if it has one."""
    path = _run(bobs)
    bodies: list[dict[str, Any]] = [
        {"category": "verification-sample-started", "payload": {"frequency": 10}},
        {"category": "verification-sample", "payload": {"iteration": 1, "state": {}}},
        {"category": "verification-cooldown-completed"},
    ]

    answers = [bobs.post(path + "/events", item) for item in bodies]

    stored = bobs.get(path + "/events").json()["items"]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert [entry["category"] for entry in stored] == [value["category"] for value in bodies]
    assert [item["payload"] for item in stored] == [body.get("payload") for body in bodies]
    assert [str(row["seq"]) for row in stored] == [answer.json()["id"] for answer in answers]


def test_what_a_run_says_is_read_from_where_one_left_off(bobs: TeamApi) -> None:
    """A page at a time."""
    path = _run(bobs)
    for number in range(3):
        bobs.post(path + "/events", {"category": "verification-sample", "payload": number})

    first = bobs.get(path + "/events?limit=2").json()
    second = bobs.get(f"{path}/events?cursor={first['next']}").json()
    after = bobs.get(f"{path}/events?after={first['items'][0]['seq']}").json()

    assert [item["payload"] for item in first["items"] + second["items"]] == [0, 1, 2]
    assert [entry["payload"] for entry in after["items"]] == [1, 2]


def test_the_same_key_says_it_once(bobs: TeamApi) -> None:
    """These events have no id of their own."""
    path = _run(bobs)
    body = {"category": "verification-sample", "payload": {"iteration": 1}}

    first = bobs.post(path + "/events", body, headers={"Idempotency-Key": "sample-1"})
    second = bobs.post(path + "/events", body, headers={"Idempotency-Key": "sample-1"})

    assert first.json() == second.json()
    assert len(bobs.get(path + "/events").json()["items"]) == 1


@pytest.mark.parametrize("wrong", [{}, {"category": ""}, {"category": 5}, {"payload": {}}], ids=str)
def test_what_is_no_event_is_refused(bobs: TeamApi, wrong: dict[str, Any]) -> None:
    """It must say what it is."""
    path = _run(bobs)

    assert bobs.post(path + "/events", wrong).status_code == 422
    assert bobs.get(path + "/events").json()["items"] == []


NO_TIMES = dict.fromkeys(("sampled_time", "deviated_time", "pace"))
"""Of results whose journal does not say when samples began."""


def _states(every: float, met: list[bool | None]) -> dict[str, Any]:
    """Tests during the method, one every so many seconds from the start of `ended` on."""
    start = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    during = [
        {
            "steady_state_met": one,
            "probes": [{"start": (start + timedelta(seconds=number * every)).isoformat()}],
        }
        for number, one in enumerate(met)
    ]
    return {"before": None, "after": None, "during": during}


def test_samples_of_slow_probes_stand_until_the_next_one_began(bobs: TeamApi) -> None:
    """A run whose every sample deviated deviated all the time, whatever the pace came to."""
    path = _run(bobs)
    states = _states(14, [False] * 5)
    journal = ended(experiment=HAND_WRITTEN, steady_states=states)

    bobs.post(path + "/finished", {"journal": journal, "status": "deviated"})

    run = bobs.get(path).json()
    assert run["insight"]["observed_impact"] == 100
    assert run["results"]["pace"] == 14
    assert run["results"]["sampled_time"] == run["results"]["deviated_time"] == 70


def test_a_sample_that_was_not_run_says_nothing_about_its_time(bobs: TeamApi) -> None:
    """Of the time that is known of, the objective did not hold for a half."""
    path = _run(bobs)
    states = _states(10, [True, None, False, None])
    journal = ended(experiment=HAND_WRITTEN, steady_states=states)

    bobs.post(path + "/finished", {"journal": journal, "status": "deviated"})

    assert bobs.get(path).json()["insight"]["observed_impact"] == 50


def test_the_samples_of_a_dry_run_were_not_run(bobs: TeamApi) -> None:
    """So nothing is known of the objective, whatever the plugin counted."""
    path = _run(bobs)
    document = {**HAND_WRITTEN, "dry": "activities"}
    journal = ended(experiment=document, steady_states=_states(10, [True] * 4))
    results = {**RESULTS, "successful_samples": 4, "total_number_of_samples": 4}

    _finish(bobs, path, results=results, journal=journal)

    run = bobs.get(path).json()
    counts = [run["results"][f"{kind}_samples"] for kind in ("successful", "deviated", "not_run")]
    assert counts == [0, 0, 4]
    assert run["insight"]["impacted"] is None


def test_runs_recorded_before_get_the_times_of_their_samples(
    bobs: TeamApi, database: Database
) -> None:
    """They are read from the journal, once for each run."""
    path = _run(bobs)
    journal = ended(experiment=HAND_WRITTEN, steady_states=_states(14, [False] * 5))
    bobs.post(path + "/finished", {"journal": journal, "status": "deviated"})
    old = {**dict.fromkeys(RESULTS, 0), "deviated_samples": 5, "total_number_of_samples": 5}
    old |= {"total_duration": 72, "frequency": 10}

    def forget(connection: Connection) -> None:
        connection.execute(update(verification_runs).values(results=json.dumps(old)))

    database.write(forget).result()
    before = bobs.get(path).json()["insight"]["observed_impact"]

    last = database.write(fill_times).result()

    assert round(before, 1) == 69.4
    assert bobs.get(path).json()["insight"]["observed_impact"] == 100
    assert database.write(lambda connection: fill_times(connection, last or "")).result() is None
    assert database.write(fill_times).result() is None


def test_a_finished_run_has_an_insight(bobs: TeamApi) -> None:
    """4 of 20 samples deviated, one every 10 s, over 341 s: 11.73 % of the time."""
    path = _run(bobs)

    answer = _finish(bobs, path, results=RESULTS)

    body = bobs.get(path).json()
    assert answer.status_code == 204
    assert (body["state"], body["status"]) == ("finished", "completed")
    assert body["results"] == {**RESULTS, "frequency": 10, **NO_TIMES}
    assert round(body["insight"].pop("observed_impact"), 2) == 11.73
    assert body["insight"] == {"allowed_budget": 1.0, "impacted": True}
    assert body["journal"] == ended(experiment=HAND_WRITTEN)


def test_a_run_that_goes_on_has_no_insight_yet(bobs: TeamApi) -> None:
    """Nor results, nor an end."""
    body = bobs.get(_run(bobs)).json()

    assert (body["results"], body["insight"], body["ended_at"]) == (None, None, None)


def test_without_a_sample_the_impact_is_unknown(bobs: TeamApi) -> None:
    """Neither impacted nor spared."""
    path = _run(bobs)
    none = dict.fromkeys(RESULTS, 0) | {"total_duration": 5}

    _finish(bobs, path, results=none)

    insight = bobs.get(path).json()["insight"]
    assert insight == {"allowed_budget": 1.0, "observed_impact": None, "impacted": None}


def test_without_results_the_samples_of_the_journal_are_counted(bobs: TeamApi) -> None:
    """A client that does not count still learns what the run cost."""
    path = _run(bobs)
    met: list[object] = [
        {"steady_state_met": met, "probes": []} for met in (True, True, False, None)
    ]
    states = {"before": None, "after": None, "during": [*met, None]}
    document = ended(experiment=HAND_WRITTEN, steady_states=states)

    bobs.post(path + "/finished", {"journal": document, "status": "completed"})

    assert bobs.get(path).json()["results"] == {
        **NO_TIMES,
        "successful_samples": 2,
        "deviated_samples": 1,
        "not_run_samples": 2,
        "total_number_of_samples": 5,
        "total_duration": 72.5,
        "frequency": 10,
    }


def test_finishing_twice_changes_nothing(bobs: TeamApi, now: Clock) -> None:
    """It ended when it was told first."""
    path = _run(bobs)
    _finish(bobs, path, results=RESULTS)
    before = bobs.get(path).json()
    now.pass_by(minutes=5)

    answer = _finish(bobs, path, results=RESULTS)

    assert answer.status_code == 204
    assert bobs.get(path).json() == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"results": {**RESULTS, "deviated_samples": -1}},
        {"results": {**RESULTS, "deviated_samples": 1.5}},
        {"results": {**RESULTS, "deviated_samples": 10**30}},
        {"results": {**RESULTS, "total_duration": "long"}},
        {"results": {"deviated_samples": 1}},
        {"results": []},
        {"status": 5},
        {"journal": []},
    ],
    ids=str,
)
def test_results_of_the_wrong_shape_are_refused(bobs: TeamApi, wrong: dict[str, Any]) -> None:
    """And the run goes on."""
    path = _run(bobs)

    answer = _finish(bobs, path, **{"results": RESULTS, **wrong})

    assert answer.status_code == 422
    assert bobs.get(path).json()["state"] == "running"


def test_runs_are_listed_the_latest_first(bobs: TeamApi, now: Clock) -> None:
    """With their insights, without their journals."""
    paths = []
    for _ in range(3):
        paths.append(_run(bobs))
        now.pass_by(minutes=1)
    _finish(bobs, paths[2], results=RESULTS)

    first = bobs.get("/verifications/orders-hold/runs?limit=2").json()
    second = bobs.get(f"/verifications/orders-hold/runs?limit=2&cursor={first['next']}").json()

    list_page = first["items"] + second["items"]
    assert [run["id"] for run in list_page] == [path.rpartition("/")[2] for path in reversed(paths)]
    assert list_page[0]["insight"]["impacted"] is True
    assert "journal" not in list_page[0]


def test_a_page_of_runs_links_to_the_next_whatever_its_name(bobs: TeamApi) -> None:
    """A name of any language can stand in a header."""
    for _ in range(2):
        _start(bobs, "épreuve-✓")

    first = bobs.get("/verifications/épreuve-✓/runs?limit=1")
    second = bobs.client.get(first.links["next"]["url"])

    assert len(second.json()["items"]) == 1
    assert second.json()["items"] != first.json()["items"]


@pytest.mark.parametrize("path", ["", "/events"])
def test_an_unknown_run_is_not_found(bobs: TeamApi, path: str) -> None:
    """Whatever is asked of it."""
    _run(bobs)

    assert bobs.get("/verifications/orders-hold/runs/nowhere" + path).status_code == 404
    assert bobs.get("/verifications/nowhere/runs").status_code == 404


def test_an_unknown_run_cannot_be_told_about(bobs: TeamApi) -> None:
    """There is nothing to keep it with."""
    _run(bobs)
    nowhere = "/verifications/orders-hold/runs/nowhere"

    assert bobs.post(nowhere + "/events", {"category": "verification-sample"}).status_code == 404
    assert _finish(bobs, nowhere, results=RESULTS).status_code == 404
