"""Verifications: made of an objective and a condition, or imported whole."""

from typing import Any

import pytest

from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from tests.console.conftest import Client, Member
from tests.console.documents import TITLE, chaosiq, experiment
from tests.console.team import TeamApi
from tests.console.test_api_objectives import objective

TIMING = {"frequency": 10, "warm_up": 5, "duration": 60, "cool_down": 2.5}
BLOCK = {
    "frequency-of-measurement": 10,
    "warm-up-duration": 5,
    "duration-of-conditions": 60,
    "cool-down-duration": 2.5,
}
OBJECTIVE = {"target": 99.9, "window": 604_800}


def _objective(team: TeamApi) -> str:
    return str(team.post("/objectives", objective()).json()["id"])


def _create(team: TeamApi, **more: Any) -> Any:
    sent = {"name": "Orders hold", "objective_id": _objective(team), **TIMING, **more}
    answer = team.post("/verifications", sent)
    assert answer.status_code == 201, answer.text
    return answer.json()


def _asset(team: TeamApi, kind: str, name: str) -> Any:
    answer = team.client.get(f"/assets/{kind}/{name}.json")
    assert answer.status_code == 200, answer.text
    return answer.json()


def _ours(document: dict[str, Any]) -> Any:
    (block,) = [
        block_found for block_found in document["extensions"] if block_found["name"] == "chaosiq"
    ]
    return block


def test_a_verification_of_an_objective_is_kept(bobs: TeamApi) -> None:
    """With its pace and phases in seconds."""
    response = _create(bobs)

    body = bobs.get(f"/verifications/{response['id']}").json()
    assert {key: body[key] for key in TIMING} == TIMING
    assert (body["name"], body["objective_name"]) == ("Orders hold", "Orders are accepted")
    assert body["document"]["method"] == []


def test_its_condition_is_the_method_of_an_experiment(bobs: TeamApi) -> None:
    """Together with what the method refers to; the measurement is the objective's."""
    of = bobs.published(experiment(configuration={"broker": "broker-1"}))

    response = _create(bobs, experiment_id=of)

    document = bobs.get(f"/verifications/{response['id']}").json()["document"]
    assert document["method"] == experiment()["method"]
    assert document["configuration"] == {"broker": "broker-1"}
    assert document["title"] == "Orders hold"
    assert document["steady-state-hypothesis"]["title"] == "Orders are accepted"


def test_the_document_to_run_knows_where_it_belongs(
    bobs: TeamApi, acme: Organization, checkout: Team
) -> None:
    """`chaos verify URL` needs nothing but this."""
    response = _create(bobs)

    block = _ours(_asset(bobs, "verifications", response["id"]))

    assert block == {
        "name": "chaosiq",
        "team_id": checkout.id,
        "org_id": acme.id,
        "experiment_id": response["experiment_id"],
        "objective_id": response["objective_id"],
        "verification": {"id": response["id"], **BLOCK, "objective": OBJECTIVE},
    }


def test_a_document_may_say_what_it_is_held_against(bobs: TeamApi) -> None:
    """What makes no sense in that place counts as not said."""
    objective = {"target": 99.9, "window": 86400}
    of_sense = chaosiq(verification={"id": "daily", **BLOCK, "objective": objective})
    of_none = chaosiq(verification={"id": "odd", **BLOCK, "objective": {"target": "most"}})

    for extensions in (of_sense, of_none):
        bobs.post("/verifications", {"experiment": experiment(**extensions)})

    daily, odd = (bobs.get(f"/verifications/{name}").json() for name in ("daily", "odd"))
    assert (daily["target"], daily["window"]) == (99.9, 86400)
    assert (odd["target"], odd["window"]) == (99, 30 * 86400)


def test_running_the_document_publishes_nothing_new(bobs: TeamApi) -> None:
    """The experiment it names is the one it is."""
    document = _asset(bobs, "verifications", _create(bobs)["id"])

    assert bobs.post("/experiments", {"experiment": document}).status_code == 204


def test_a_whole_document_is_imported(bobs: TeamApi) -> None:
    """Probes → measurement, method → condition, hypothesis title → objective, title → name."""
    answer = bobs.post("/verifications", {"experiment": experiment(), **TIMING})

    created = answer.json()
    goal = bobs.get(f"/objectives/{created['objective_id']}").json()
    assert answer.status_code == 201
    assert (created["name"], created["objective_name"]) == (TITLE, "Orders are accepted")
    assert goal["measurement"] == experiment()["steady-state-hypothesis"]
    assert bobs.get(f"/experiments/{created['experiment_id']}").json()["experiment"] == experiment()
    assert {key: created[key] for key in TIMING} == TIMING


def test_a_document_may_come_bare(bobs: TeamApi) -> None:
    """What its block says is understood, durations of before 0.7 included."""
    block = {**BLOCK, "id": "orders-hold", "duration-of-conditions": {"minutes": 1, "seconds": 30}}
    answer = bobs.post("/verifications", experiment(**chaosiq(verification=block)))

    body = bobs.get("/verifications/orders-hold").json()
    assert answer.status_code == 201
    assert (body["frequency"], body["duration"]) == (10, 90)
    assert body["document"] == experiment(**chaosiq(verification=block))


def test_what_is_said_beside_a_document_wins(bobs: TeamApi) -> None:
    """Over its block, and over what is usual."""
    response = bobs.post(
        "/verifications",
        {
            "experiment": experiment(**chaosiq(verification={"id": "mine", **BLOCK})),
            "id": "ours",
            "frequency": 2,
            "target": 95,
            "window": 3600,
        },
    ).json()

    goal = bobs.get(f"/objectives/{response['objective_id']}").json()
    assert (response["id"], response["frequency"], response["warm_up"]) == ("ours", 2, 5)
    assert (goal["target"], goal["window"]) == (95, 3600)


def test_an_import_can_be_held_against_a_known_objective(bobs: TeamApi) -> None:
    """Named beside the document, or in its block."""
    known = _objective(bobs)

    beside = bobs.post("/verifications", {"experiment": experiment(), "objective_id": known})
    within = bobs.post("/verifications", experiment(**chaosiq(objective_id=known)))

    assert beside.json()["objective_id"] == within.json()["objective_id"] == known
    assert len(bobs.get("/objectives").json()["items"]) == 1


def test_importing_a_known_id_again_is_refused(bobs: TeamApi) -> None:
    """And leaves nothing of the second one."""
    document = experiment(**chaosiq(verification={"id": "orders-hold", **BLOCK}))
    bobs.post("/verifications", document)

    answer = bobs.post("/verifications", {**document, "title": "Another"})

    assert answer.status_code == 409
    assert "orders-hold" in answer.json()["detail"]
    assert len(bobs.get("/experiments").json()["items"]) == 1
    assert len(bobs.get("/objectives").json()["items"]) == 1


def test_two_teams_may_use_the_same_id(bobs: TeamApi, eves: TeamApi) -> None:
    """It came from a file somebody wrote; each team has its own."""
    document = experiment(**chaosiq(verification={"id": "orders-hold", **BLOCK}))
    bobs.post("/verifications", document)

    answer = eves.post("/verifications", {**document, "title": "Payments hold"})

    assert answer.status_code == 201
    assert _asset(eves, "verifications", "orders-hold")["title"] == "Payments hold"
    assert _asset(bobs, "verifications", "orders-hold")["title"] == TITLE


def test_an_id_may_be_any_word(bobs: TeamApi) -> None:
    """People name their files in their own language."""
    name = "commandes à l'épreuve ✓"
    answer = bobs.post("/verifications", experiment(**chaosiq(verification={**BLOCK, "id": name})))

    where = answer.headers["content-location"]
    assert answer.status_code == 201
    assert bobs.client.get(where).json()["id"] == name
    assert _ours(_asset(bobs, "verifications", name))["verification"]["id"] == name


def test_the_same_key_imports_once(bobs: TeamApi) -> None:
    """The second answer is the first one."""
    headers = {"Idempotency-Key": "orders"}

    first = bobs.post("/verifications", experiment(), headers=headers).json()
    second = bobs.post("/verifications", experiment(), headers=headers).json()

    assert first == second
    assert len(bobs.get("/verifications").json()["items"]) == 1


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"name": ""}, "name"),
        ({"objective_id": "nowhere"}, "objective_id"),
        ({"experiment_id": "nowhere"}, "experiment_id"),
        ({"frequency": 0}, "frequency"),
        ({"frequency": -1}, "frequency"),
        ({"frequency": "often"}, "frequency"),
        ({"warm_up": -1}, "warm_up"),
        ({"duration": None}, "duration"),
        ({"cool_down": True}, "cool_down"),
    ],
    ids=str,
)
def test_what_is_no_verification_is_refused(bobs: TeamApi, wrong: dict[str, Any], key: str) -> None:
    """The answer names the key."""
    sent = {"name": "Orders hold", "objective_id": _objective(bobs), **TIMING, **wrong}

    answer = bobs.post("/verifications", sent)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", key]
    assert bobs.get("/verifications").json()["items"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"steady-state-hypothesis": {"title": "Nothing is asked"}},
        {"steady-state-hypothesis": {"title": "Nothing is asked", "probes": []}},
        chaosiq(verification={"id": 5}),
        chaosiq(verification={"id": "a/b"}),
        chaosiq(verification={"id": "a\0b"}),
        chaosiq(verification={"id": ".."}),
        chaosiq(verification={"id": "x" * 256}),
        chaosiq(verification={**BLOCK, "frequency-of-measurement": 0}),
        chaosiq(verification={**BLOCK, "warm-up-duration": -1}),
        chaosiq(verification={**BLOCK, "cool-down-duration": "short"}),
        chaosiq(verification=[]),
    ],
    ids=str,
)
def test_a_document_that_cannot_be_verified_is_refused(
    bobs: TeamApi, wrong: dict[str, Any]
) -> None:
    """Neither an experiment nor an objective of it stays behind."""
    answer = bobs.post("/verifications", experiment(**wrong))

    stored = [bobs.get(path).json()["items"] for path in ("/experiments", "/objectives")]
    assert answer.status_code == 422
    assert stored == [[], []]


def test_an_experiment_to_run_knows_where_it_belongs(
    bobs: TeamApi, acme: Organization, checkout: Team
) -> None:
    """Nothing of one run or one machine is handed out, and other blocks stay."""
    block = {
        "name": "chaosiq",
        "execution_id": "of-last-week",
        "experiment_path": "/home/bob/orders.json",
        "verification": {"id": "orders-hold", "run_id": "of-last-week"},
    }
    contact = {"name": "contact", "email": "bob@example.com"}
    experiment_id = bobs.published(experiment(extensions=[block, contact], dry="actions"))

    document = _asset(bobs, "experiments", experiment_id)

    assert document == experiment(
        extensions=[
            contact,
            {
                "name": "chaosiq",
                "verification": {"id": "orders-hold"},
                "team_id": checkout.id,
                "org_id": acme.id,
                "experiment_id": experiment_id,
            },
        ]
    )


@pytest.mark.parametrize("kind", ["experiments", "verifications"])
def test_a_strangers_document_is_not_handed_out(
    bobs: TeamApi, eves: TeamApi, client: Client, kind: str
) -> None:
    """Not to Eve, and not without a token."""
    response = _create(bobs)
    name = response["id"] if kind == "verifications" else response["experiment_id"]

    assert eves.client.get(f"/assets/{kind}/{name}.json").status_code == 404
    assert client().get(f"/assets/{kind}/{name}.json").status_code == 401
    assert eves.client.get(f"/assets/{kind}/%00.json").status_code == 404


def test_an_owner_may_run_what_any_team_has(
    bobs: TeamApi, client: Client, ada: Member, checkout: Team
) -> None:
    """Ada is on no team, and owns them all."""
    response = _create(bobs)

    answer = client(ada.token).get(f"/assets/verifications/{response['id']}.json")

    assert _ours(answer.json())["team_id"] == checkout.id


def test_a_strangers_verification_is_not_found(bobs: TeamApi, eves: TeamApi) -> None:
    """Nor can Eve make one of Checkout's objective."""
    response = _create(bobs)

    sent = {"name": "Mine", "objective_id": response["objective_id"], **TIMING}
    assert eves.get(f"/verifications/{response['id']}").status_code == 404
    assert eves.post("/verifications", sent).status_code == 422


def test_verifications_are_listed(bobs: TeamApi) -> None:
    """A page at a time, without their documents."""
    for name in ("one", "two", "three"):
        _create(bobs, name=name)

    first = bobs.get("/verifications?limit=2").json()
    second = bobs.get(f"/verifications?limit=2&cursor={first['next']}").json()

    items = first["items"] + second["items"]
    assert {item["name"] for item in items} == {"one", "two", "three"}
    assert "document" not in items[0]
