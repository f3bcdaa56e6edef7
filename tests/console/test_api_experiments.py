"""Publishing experiments: recognised, versioned, read back."""

from typing import Any

import pytest

from tests.console.conftest import Clock, Member
from tests.console.documents import TITLE, chaosiq, experiment
from tests.console.team import TeamApi


def _publish(team: TeamApi, document: dict[str, Any], **more: Any) -> Any:
    return team.post("/experiments", {"experiment": document}, **more)


def test_a_new_experiment_is_created(bobs: TeamApi) -> None:
    """The answer is its id and its address."""
    answer = _publish(bobs, experiment())

    new_id = answer.json()["id"]
    assert answer.status_code == 201
    where = f"http://testserver/api/acme/checkout/experiments/{new_id}"
    assert answer.headers["content-location"] == where


def test_the_address_answers_the_experiment(bobs: TeamApi) -> None:
    """What Content-Location says can be opened as it is."""
    where = _publish(bobs, experiment()).headers["content-location"]

    answer = bobs.client.get(where)

    assert answer.json()["title"] == TITLE
    assert answer.json()["experiment"] == experiment()


def test_an_unchanged_experiment_of_a_client_that_knows_it_is_204(bobs: TeamApi) -> None:
    """Who sent the id learns nothing new."""
    of = bobs.published()

    answer = _publish(bobs, experiment(**chaosiq(experiment_id=of)))

    assert answer.status_code == 204
    assert answer.content == b""
    assert answer.headers["content-location"].endswith(of)


def test_an_unchanged_experiment_of_a_client_that_does_not_know_it_is_201(bobs: TeamApi) -> None:
    """Who sent only the source url needs the id, but no version is added."""
    document = experiment(**chaosiq(source="https://example.com/orders.json"))
    experiment_id = bobs.published(document)

    answer = _publish(bobs, document)

    assert (answer.status_code, answer.json()) == (201, {"id": experiment_id})
    assert len(bobs.get(f"/experiments/{experiment_id}/versions").json()["items"]) == 1


def test_a_changed_experiment_becomes_a_new_version(bobs: TeamApi, bob: Member) -> None:
    """The same experiment, and both documents can be read."""
    of = bobs.published()
    changed = experiment("Orders survive two brokers", **chaosiq(experiment_id=of))

    answer = _publish(bobs, changed)

    versions = bobs.get(f"/experiments/{of}/versions").json()["items"]
    assert (answer.status_code, answer.json()) == (201, {"id": of})
    assert [(v["number"], v["person_name"]) for v in versions] == [(2, "Bob"), (1, "Bob")]
    assert bobs.get(f"/experiments/{of}/versions/1").json()["title"] == TITLE
    assert bobs.get(f"/experiments/{of}/versions/2").json() == changed


@pytest.mark.parametrize(
    "noise",
    [
        {"dry": "activities"},
        chaosiq(execution_id="of-another-run"),
        {"extensions": []},
    ],
    ids=["dry", "our-block", "no-blocks"],
)
def test_what_a_run_leaves_in_the_document_is_no_change(
    bobs: TeamApi, noise: dict[str, Any]
) -> None:
    """Our own block and the `dry` of one run are not the author's."""
    experiment_id = bobs.published(experiment(**chaosiq(source="https://example.com/orders.json")))
    blocks = noise.get("extensions", [])
    ours = {**(blocks[0] if blocks else {"name": "chaosiq"}), "experiment_id": experiment_id}

    answer = _publish(bobs, experiment(**{**noise, "extensions": [ours]}))

    assert answer.status_code == 204


def test_another_extensions_block_is_the_authors(bobs: TeamApi) -> None:
    """Blocks of other vendors belong to the document."""
    experiment_id = bobs.published()
    ours = {"name": "chaosiq", "experiment_id": experiment_id}

    answer = _publish(bobs, experiment(extensions=[ours, {"name": "contact", "email": "a@b.c"}]))

    assert answer.status_code == 201
    assert len(bobs.get(f"/experiments/{experiment_id}/versions").json()["items"]) == 2


def test_without_id_or_source_the_same_document_is_the_same_experiment(
    bobs: TeamApi, eves: TeamApi
) -> None:
    """However it came; one that differs is another, and so is another team's."""
    first = bobs.published()

    assert bobs.published() == first
    assert bobs.published(experiment(description="All three brokers are needed.")) != first
    assert eves.published() != first
    assert len(bobs.get("/experiments").json()["items"]) == 2


def test_the_id_of_another_team_is_new(bobs: TeamApi, eves: TeamApi) -> None:
    """An id somebody found elsewhere opens nothing."""
    of = bobs.published()

    answer = _publish(eves, experiment(**chaosiq(experiment_id=of)))

    assert answer.status_code == 201
    assert answer.json()["id"] != of
    assert eves.get(f"/experiments/{of}").status_code == 404


def test_an_unchanged_source_with_a_stale_id_says_the_right_one(bobs: TeamApi) -> None:
    """A 204 would leave the client with an id nobody knows."""
    source = "https://example.com/orders.json"
    of = bobs.published(experiment(**chaosiq(source=source)))

    answer = _publish(bobs, experiment(**chaosiq(source=source, experiment_id="of-old")))

    assert (answer.status_code, answer.json()) == (201, {"id": of})


def test_the_same_key_makes_one_experiment(bobs: TeamApi) -> None:
    """A client that did not hear the answer may ask again."""
    headers = {"Idempotency-Key": "run-7-experiment"}

    first = _publish(bobs, experiment(), headers=headers)
    second = _publish(bobs, experiment(), headers=headers)

    assert second.status_code == 201
    assert second.json() == first.json()
    assert len(bobs.get("/experiments").json()["items"]) == 1


def test_the_same_key_with_another_body_is_refused(bobs: TeamApi) -> None:
    """That is a mistake of the client, not a repetition."""
    headers = {"Idempotency-Key": "run-7-experiment"}
    _publish(bobs, experiment(), headers=headers)

    answer = _publish(bobs, experiment("Another"), headers=headers)

    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["detail"]


def test_a_key_belongs_to_its_team(bobs: TeamApi, eves: TeamApi) -> None:
    """Two teams may hit upon the same key."""
    headers = {"Idempotency-Key": "run-7-experiment"}
    experiment_id = _publish(bobs, experiment(), headers=headers).json()["id"]

    answer = _publish(eves, experiment("Another"), headers=headers)

    assert answer.status_code == 201
    assert answer.json()["id"] != experiment_id


def test_a_key_that_is_too_long_is_refused(bobs: TeamApi) -> None:
    """A key is a word, not a document."""
    answer = _publish(bobs, experiment(), headers={"Idempotency-Key": "k" * 256})

    assert answer.status_code == 400


OPENING = {"status": "running", "start": "2026-03-02T09:30:00"}


def test_an_experiment_and_its_run_that_starts_are_one_request(bobs: TeamApi) -> None:
    """The answer names both; the journal of the run has the experiment in it."""
    answer = bobs.post("/experiments", {"experiment": experiment(), "journal": OPENING})

    made = answer.json()
    execution = made["execution"]
    assert answer.status_code == 201
    assert execution["address"].endswith(f"/api/acme/checkout/executions/{execution['id']}")
    assert "cloudevents-batch" in answer.headers["accept-post"]
    journal = bobs.get(f"/experiments/{made['id']}/executions/{execution['id']}").json()
    assert journal == {**OPENING, "experiment": experiment()}
    assert bobs.client.get(answer.headers["content-location"]).json()["title"] == TITLE


def test_the_same_key_makes_one_experiment_and_one_execution(bobs: TeamApi) -> None:
    """Whether both are asked for again, or one of them by itself."""
    headers = {"Idempotency-Key": "run-7.start"}
    body = {"experiment": experiment(), "journal": OPENING}

    first = bobs.post("/experiments", body, headers=headers).json()
    second = bobs.post("/experiments", body, headers=headers).json()
    alone = _publish(bobs, experiment(), headers=headers)
    path = f"/experiments/{first['id']}/executions"
    execution = bobs.post(path, {"journal": OPENING}, headers=headers)

    assert second == first
    assert (alone.status_code, alone.json()["id"]) == (422, first["id"])
    assert (execution.status_code, execution.json()["id"]) == (422, first["execution"]["id"])
    assert len(bobs.get("/executions").json()["items"]) == 1


@pytest.mark.parametrize("journal", [5, [], "running", {"start": "never"}])
def test_an_experiment_with_a_journal_that_is_none_is_not_kept(bobs: TeamApi, journal: Any) -> None:
    """Both or neither."""
    answer = bobs.post("/experiments", {"experiment": experiment(), "journal": journal})

    assert answer.status_code == 422
    assert "journal" in answer.json()["detail"]
    assert bobs.get("/experiments").json()["items"] == []


def test_experiments_are_listed_a_page_at_a_time(bobs: TeamApi, now: Clock) -> None:
    """The latest published first, each exactly once."""
    for number in range(5):
        bobs.published(experiment(f"Experiment {number}"))
        now.pass_by(seconds=number % 2)  # some share a moment

    titles, path = [], "/experiments?limit=2"
    while path:
        answer = bobs.get(path).json()
        titles += [item["title"] for item in answer["items"]]
        path = answer["next"] and f"/experiments?limit=2&cursor={answer['next']}"

    assert len(titles) == 5
    assert sorted(titles) == [f"Experiment {number}" for number in range(5)]
    assert titles[0] == "Experiment 4"


def test_the_next_page_is_linked(bobs: TeamApi) -> None:
    """A client that follows links needs to build no address."""
    for number in range(3):
        bobs.published(experiment(f"Experiment {number}"))

    first = bobs.get("/experiments?limit=2")
    second = bobs.client.get(first.links["next"]["url"])

    assert len(second.json()["items"]) == 1
    assert "link" not in second.headers


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=many", "cursor=nonsense", "cursor=bnVsbA", "cursor=é"]
)
def test_a_query_that_makes_no_sense_is_refused(bobs: TeamApi, query: str) -> None:
    """Rather than answered with something else."""
    assert bobs.get(f"/experiments?{query}").status_code == 400


@pytest.mark.parametrize("path", ["", "/versions", "/versions/1", "/executions"])
def test_an_unknown_experiment_is_not_found(bobs: TeamApi, path: str) -> None:
    """Whatever is asked of it."""
    assert bobs.get(f"/experiments/nowhere{path}").status_code == 404


@pytest.mark.parametrize("number", [0, 2, 10**30])
def test_an_unknown_version_is_not_found(bobs: TeamApi, number: int) -> None:
    """However large its number."""
    experiment_id = bobs.published()

    assert bobs.get(f"/experiments/{experiment_id}/versions/{number}").status_code == 404


def test_an_experiment_without_a_title_is_kept(bobs: TeamApi) -> None:
    """It gets a word to be listed under."""
    experiment_id = bobs.published({"method": []})

    assert bobs.get(f"/experiments/{experiment_id}").json()["title"] == "Untitled experiment"
