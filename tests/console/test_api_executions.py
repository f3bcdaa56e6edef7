"""Executions: started, ended, read back, and hidden from strangers."""

from typing import Any

import pytest

from chaoscloud.console.records.teams import Team
from tests.console.conftest import Clock
from tests.console.documents import TITLE, chaosiq, ended, experiment, journal
from tests.console.team import TeamApi


def _read_execution(team: TeamApi, path: str) -> Any:
    return team.get("/executions/" + path.rpartition("/")[2]).json()


def test_a_run_that_starts_is_created(bobs: TeamApi) -> None:
    """The answer is its id, its address, and that events may come in batches."""
    experiment_id = bobs.published()

    answer = bobs.post(f"/experiments/{experiment_id}/executions", {"journal": journal()})

    where = f"http://testserver/api/acme/checkout/executions/{answer.json()['id']}"
    assert answer.status_code == 201
    assert answer.headers["content-location"] == where
    assert "application/cloudevents-batch+json" in answer.headers["accept-post"]
    assert answer.headers["accept-encoding"] == "gzip"


def test_the_address_answers_the_execution(bobs: TeamApi) -> None:
    """With everything that is known about it."""
    path = bobs.started()

    answer = bobs.client.get("/api/acme/checkout/executions/" + path.rpartition("/")[2])

    body = answer.json()
    assert body["journal"] == journal()
    assert body["title"] == TITLE
    assert body["status"] == "running"
    assert (body["node"], body["person_name"], body["experiment_version"]) == ("build-7", "Bob", 1)
    assert body["tags"] == ["kafka", "orders"]
    assert body["started_at"] == "2026-03-02T09:29:58.250000Z"
    assert (body["ended_at"], body["duration"], body["safeguards"]) == (None, None, None)


def test_the_journal_is_answered_as_it_came(bobs: TeamApi) -> None:
    """Byte for byte, whatever stands in it."""
    sent = b'{ "experiment": {"title": "\\u00e9"}, "status" : "running",\n "mine": 1.50 }'
    of = bobs.published()
    response = bobs.post(
        f"/experiments/{of}/executions", content=b'{"journal": ' + sent + b"}"
    ).json()

    answer = bobs.get(f"/experiments/{of}/executions/{response['id']}")

    assert answer.content == sent
    assert answer.headers["content-location"].endswith(response["id"])


def test_the_journal_of_a_finished_run_closes_it(bobs: TeamApi) -> None:
    """The end, the duration and the status are taken from it."""
    path = bobs.started()

    answer = bobs.put(path, {"journal": ended()})

    body = _read_execution(bobs, path)
    assert answer.status_code == 204
    assert (body["status"], body["duration"]) == ("completed", 72.5)
    assert body["ended_at"] == "2026-03-02T09:31:10.750000Z"
    assert bobs.get(path).json() == ended()


def test_the_same_journal_again_changes_nothing(bobs: TeamApi) -> None:
    """A client that did not hear the answer may send it again."""
    path = bobs.started()
    bobs.put(path, {"journal": ended()})
    before = _read_execution(bobs, path)

    answer = bobs.put(path, {"journal": ended()})

    assert answer.status_code == 204
    assert _read_execution(bobs, path) == before


def test_a_run_that_has_ended_is_not_opened_again(bobs: TeamApi) -> None:
    """A record that comes late is older than what is known."""
    path = bobs.started()
    bobs.put(path, {"journal": ended("failed")})

    bobs.put(path, {"journal": journal("running")})

    assert _read_execution(bobs, path)["status"] == "failed"
    assert bobs.get(path).json()["status"] == "failed"


STOPPED = chaosiq(safeguards=[{"name": "Freeze before the launch"}])


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (journal("running"), "running"),
        (journal("resting"), "running"),
        ({"experiment": experiment()}, "running"),
        (ended("completed"), "completed"),
        (ended("completed", deviated=True), "deviated"),
        (ended("failed"), "failed"),
        (ended("failed", deviated=True), "deviated"),
        (ended("weird"), "unknown"),
        (ended("aborted"), "aborted"),
        (ended("interrupted"), "interrupted"),
        (ended("interrupted", **STOPPED), "interrupted"),
        (ended("interrupted", run=[], **STOPPED), "refused"),
        (ended("interrupted", run=[]), "interrupted"),
    ],
)
def test_how_a_run_went_is_one_word(bobs: TeamApi, document: dict[str, Any], status: str) -> None:
    """The word is read from the journal, whether the run is told at once or at its end."""
    of = bobs.published()

    execution_id = bobs.post(f"/experiments/{of}/executions", {"journal": document}).json()["id"]

    assert bobs.get(f"/executions/{execution_id}").json()["status"] == status


def test_the_policies_that_stopped_a_run_are_kept(bobs: TeamApi) -> None:
    """So that the team reads why nothing ran."""
    path = bobs.started()

    bobs.put(path, {"journal": ended("interrupted", run=[], **STOPPED)})

    assert _read_execution(bobs, path)["safeguards"] == [{"name": "Freeze before the launch"}]


def test_a_time_without_a_zone_was_meant_in_utc(bobs: TeamApi) -> None:
    """Older toolkits write it so."""
    path = bobs.started(start="2020-05-06T07:08:09.000001")

    assert _read_execution(bobs, path)["started_at"] == "2020-05-06T07:08:09.000001Z"


def test_a_journal_without_its_start_starts_now(bobs: TeamApi, now: Clock) -> None:
    """Lists need a time for each run."""
    path = bobs.started(start=None)

    assert _read_execution(bobs, path)["started_at"] == now().isoformat().replace("+00:00", "Z")


def test_the_same_key_makes_one_execution(bobs: TeamApi) -> None:
    """A run is recorded once, however often it is told."""
    experiment_id = bobs.published()
    headers = {"Idempotency-Key": "run-7"}
    path = f"/experiments/{experiment_id}/executions"

    first = bobs.post(path, {"journal": journal()}, headers=headers)
    second = bobs.post(path, {"journal": journal()}, headers=headers)

    assert second.status_code == 200
    assert second.json() == first.json()
    assert second.headers["content-location"] == first.headers["content-location"]
    assert len(bobs.get("/executions").json()["items"]) == 1


def test_the_same_key_for_another_experiment_is_refused(bobs: TeamApi) -> None:
    """The body is the same, the place is not."""
    headers = {"Idempotency-Key": "run-7"}
    first, second = bobs.published(), bobs.published(experiment("Another"))
    bobs.post(f"/experiments/{first}/executions", {"journal": journal()}, headers=headers)

    answer = bobs.post(f"/experiments/{second}/executions", {"journal": journal()}, headers=headers)

    assert answer.status_code == 422


def test_executions_are_listed_the_latest_started_first(bobs: TeamApi) -> None:
    """A page at a time, without their journals."""
    of = bobs.published()
    for day in (3, 1, 2):
        bobs.started(of, start=f"2026-03-0{day}T09:00:00+00:00")

    first = bobs.get("/executions?limit=2").json()
    second = bobs.get(f"/executions?limit=2&cursor={first['next']}").json()

    starts = [item["started_at"][:10] for item in first["items"] + second["items"]]
    assert starts == ["2026-03-03", "2026-03-02", "2026-03-01"]
    assert second["next"] is None
    assert "journal" not in first["items"][0]


def test_executions_can_be_asked_for_by_status(bobs: TeamApi) -> None:
    """One status, or several."""
    of = bobs.published()
    for status in ("running", "completed", "failed"):
        bobs.started(of, status=status)

    answer = bobs.get("/executions?status=running&status=failed").json()

    assert {item["status"] for item in answer["items"]} == {"running", "failed"}


def test_executions_can_be_asked_for_by_experiment(bobs: TeamApi) -> None:
    """By query, or below the experiment's address."""
    mine, other = bobs.published(), bobs.published(experiment("Another"))
    bobs.started(mine)
    bobs.started(other)

    by_query = bobs.get(f"/executions?experiment={mine}").json()
    by_path = bobs.get(f"/experiments/{mine}/executions").json()

    assert by_query == by_path
    assert [item["experiment_id"] for item in by_path["items"]] == [mine]


def test_a_strangers_execution_is_not_found(bobs: TeamApi, eves: TeamApi) -> None:
    """Neither through Bob's team nor through Eve's own can she reach it."""
    path = bobs.started()
    execution_id = path.rpartition("/")[2]
    through_bobs = TeamApi(eves.client, _team(bobs))

    answers = [
        eves.get(path),
        eves.put(path, {"journal": ended()}),
        eves.get(f"/executions/{execution_id}"),
        through_bobs.get(path),
        through_bobs.put(path, {"journal": ended()}),
        eves.client.get(f"/api/acme/checkout/executions/{execution_id}"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 6
    assert bobs.get(path).json() == journal()
    assert eves.get("/executions").json()["items"] == []


def _team(api: TeamApi) -> Team:
    _, organization, _, team = api.base.rsplit("/", 3)
    return Team(team, organization, "Checkout", "checkout")


def test_an_execution_of_another_experiment_is_not_found(bobs: TeamApi) -> None:
    """The path must be true as a whole."""
    other = bobs.published(experiment("Another"))
    path = bobs.started()

    answer = bobs.get(f"/experiments/{other}/executions/{path.rpartition('/')[2]}")

    assert answer.status_code == 404


def test_an_execution_of_a_strangers_experiment_is_not_created(
    bobs: TeamApi, eves: TeamApi
) -> None:
    """Nor does it leave anything behind."""
    experiment_id = bobs.published()

    answer = eves.post(f"/experiments/{experiment_id}/executions", {"journal": journal()})

    assert answer.status_code == 404
    assert bobs.get("/executions").json()["items"] == []


@pytest.mark.parametrize(
    ("document", "loc"),
    [
        ({"status": 5}, ["body", "journal", "status"]),
        ({"deviated": "no"}, ["body", "journal", "deviated"]),
        ({"duration": "long"}, ["body", "journal", "duration"]),
        ({"start": "yesterday"}, ["body", "journal", "start"]),
        ({"end": "0001-01-01T00:00:00+14:00"}, ["body", "journal", "end"]),
        ({"run": {}}, ["body", "journal", "run"]),
        ({"experiment": []}, ["body", "journal", "experiment"]),
        ({"steady_states": []}, ["body", "journal", "steady_states"]),
        ({"extensions": {}}, ["body", "journal", "extensions"]),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, list) else "",
)
def test_a_journal_of_the_wrong_shape_is_told_what_is_wrong(
    bobs: TeamApi, document: dict[str, Any], loc: list[str | int]
) -> None:
    """As the original did: a list, one entry a fault, with the place of each."""
    of = bobs.published()

    answer = bobs.post(f"/experiments/{of}/executions", {"journal": document})

    assert answer.status_code == 422
    assert [fault["loc"] for fault in answer.json()] == [loc]
    assert all(fault["msg"] and fault["type"] for fault in answer.json())
    assert bobs.get("/executions").json()["items"] == []


def test_a_later_journal_of_the_wrong_shape_leaves_the_first(bobs: TeamApi) -> None:
    """Refused as a whole, and said so as any other problem."""
    path = bobs.started()

    answer = bobs.put(path, {"journal": {**ended(), "status": 5}})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert bobs.get(path).json() == journal()
