"""Objectives: what must hold, how much of the time."""

from typing import Any

import pytest

from tests.console.documents import experiment
from tests.console.team import TeamApi

PROBE = {
    "type": "probe",
    "name": "an order is accepted",
    "tolerance": 201,
    "provider": {"type": "http", "url": "http://orders.local/orders"},
}


def objective(**more: Any) -> dict[str, Any]:
    """Orders are accepted 99.9 % of a week."""
    return {
        "name": "Orders are accepted",
        "description": "What the shop lives on.",
        "tags": ["orders"],
        "target": 99.9,
        "window": {"days": 7},
        "measurement": PROBE,
        **more,
    }


def test_an_objective_is_kept(bobs: TeamApi) -> None:
    """And read back with its window in seconds, and its probe in a hypothesis."""
    answer = bobs.post("/objectives", objective())

    body = bobs.get(f"/objectives/{answer.json()['id']}").json()
    assert answer.status_code == 201
    assert (body["name"], body["target"], body["window"]) == ("Orders are accepted", 99.9, 604_800)
    assert body["tags"] == ["orders"]
    assert body["measurement"] == {"title": "Orders are accepted", "probes": [PROBE]}


def test_a_measurement_may_be_a_whole_hypothesis(bobs: TeamApi) -> None:
    """With a title of its own."""
    hypothesis = experiment()["steady-state-hypothesis"]

    objective_id = bobs.post("/objectives", objective(measurement=hypothesis)).json()["id"]

    assert bobs.get(f"/objectives/{objective_id}").json()["measurement"] == hypothesis


def test_the_address_answers_the_objective(bobs: TeamApi) -> None:
    """What Content-Location says can be opened as it is."""
    where = bobs.post("/objectives", objective()).headers["content-location"]

    assert bobs.client.get(where).json()["name"] == "Orders are accepted"


def test_objectives_are_listed(bobs: TeamApi, eves: TeamApi) -> None:
    """The team's own, a page at a time."""
    for number in range(3):
        bobs.post("/objectives", objective(name=f"Objective {number}"))

    first = bobs.get("/objectives?limit=2").json()
    second = bobs.get(f"/objectives?limit=2&cursor={first['next']}").json()

    names = {item["name"] for item in first["items"] + second["items"]}
    assert names == {"Objective 0", "Objective 1", "Objective 2"}
    assert eves.get("/objectives").json()["items"] == []


def test_a_strangers_objective_is_not_found(bobs: TeamApi, eves: TeamApi) -> None:
    """Eve does not see what Checkout promises."""
    objective_id = bobs.post("/objectives", objective()).json()["id"]

    assert eves.get(f"/objectives/{objective_id}").status_code == 404


def test_the_same_key_makes_one_objective(bobs: TeamApi) -> None:
    """As with everything else that is created."""
    headers = {"Idempotency-Key": "orders"}

    first = bobs.post("/objectives", objective(), headers=headers).json()
    second = bobs.post("/objectives", objective(), headers=headers).json()

    assert first == second
    assert len(bobs.get("/objectives").json()["items"]) == 1


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"name": ""}, "name"),
        ({"target": 0}, "target"),
        ({"target": 100.1}, "target"),
        ({"target": "99"}, "target"),
        ({"target": True}, "target"),
        ({"window": 0}, "window"),
        ({"window": -1}, "window"),
        ({"window": {"days": -1}}, "window"),
        ({"window": "a week"}, "window"),
        ({"tags": [1]}, "tags"),
        ({"measurement": None}, "measurement"),
        ({"measurement": {}}, "measurement"),
        ({"measurement": {"probes": []}}, "measurement"),
        ({"measurement": {"probes": [5]}}, "measurement"),
        ({"measurement": {"type": "probe", "provider": {}}}, "measurement"),
    ],
    ids=str,
)
def test_what_is_no_objective_is_refused(bobs: TeamApi, wrong: dict[str, Any], key: str) -> None:
    """The answer names the key."""
    answer = bobs.post("/objectives", objective(**wrong))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"][1] == key
    assert bobs.get("/objectives").json()["items"] == []
