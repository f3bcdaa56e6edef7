"""May this run go on? The answer that every run waits for."""

from datetime import timedelta

from chaoscloud.console.db import Database
from chaoscloud.console.records import stops
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import ended
from tests.console.team import TeamApi


def _stop(
    database: Database,
    organization: Organization,
    team: Team | None,
    now: Clock,
    minutes: int | None = None,
) -> None:
    until = now() + timedelta(minutes=minutes) if minutes else None
    team_id = team.id if team else None
    database.write(
        lambda c: stops.stop(
            c, organization.id, team_id, "Freeze before the launch", now(), expires_at=until
        )
    ).result()


def test_a_run_may_go_on_when_nothing_says_no(bobs: TeamApi) -> None:
    """The plainest answer there is."""
    answer = bobs.get(bobs.started() + "/policies")

    assert (answer.status_code, answer.json()) == (200, {"allowed": True, "required": False})


def test_a_stopped_team_is_told_why(
    bobs: TeamApi, database: Database, acme: Organization, checkout: Team, now: Clock
) -> None:
    """Each policy by name, with its reason."""
    path = bobs.started()
    _stop(database, acme, checkout, now)

    answer = bobs.get(path + "/policies")

    assert answer.status_code == 200
    assert answer.json()["allowed"] is False
    assert [policy["name"] for policy in answer.json()["policies"]] == ["Freeze before the launch"]
    assert answer.json()["policies"][0]["reason"] == "Freeze before the launch"


def test_a_stopped_organization_stops_its_teams(
    bobs: TeamApi, database: Database, acme: Organization, now: Clock
) -> None:
    """The organization's switch is everybody's."""
    path = bobs.started()
    _stop(database, acme, None, now)

    assert bobs.get(path + "/policies").json()["allowed"] is False


def test_another_teams_stop_is_not_ours(
    bobs: TeamApi, database: Database, acme: Organization, payments: Team, now: Clock
) -> None:
    """Payments may stand still while Checkout goes on."""
    path = bobs.started()
    _stop(database, acme, payments, now)

    assert bobs.get(path + "/policies").json()["allowed"] is True


def test_a_stop_with_an_end_says_until_when(
    bobs: TeamApi, database: Database, acme: Organization, checkout: Team, now: Clock
) -> None:
    """And lets go when its time is over."""
    path = bobs.started()
    _stop(database, acme, checkout, now, minutes=10)

    during = bobs.get(path + "/policies").json()
    now.pass_by(minutes=10)
    after = bobs.get(path + "/policies").json()

    assert during["policies"][0]["until"] == "2026-03-02T09:40:00Z"
    assert after == {"allowed": True, "required": False}


def test_a_run_that_has_ended_is_answered_too(bobs: TeamApi) -> None:
    """A late question is no error."""
    path = bobs.started()
    bobs.put(path, {"journal": ended()})

    assert bobs.get(path + "/policies").status_code == 200


def test_an_unknown_run_is_not_found(bobs: TeamApi) -> None:
    """Neither allowed nor refused: there is no such run."""
    of = bobs.published()

    assert bobs.get(f"/experiments/{of}/executions/nowhere/policies").status_code == 404


def test_a_strangers_run_is_not_found(
    bobs: TeamApi, client: Client, eve: Member, payments: Team
) -> None:
    """Eve does not learn whether Checkout is stopped."""
    path = bobs.started()

    assert TeamApi(client(eve.token), payments).get(path + "/policies").status_code == 404


# --- a run that is not recorded ----------------------------------------------------------------


def test_a_run_that_is_not_recorded_is_answered_the_same(
    bobs: TeamApi, database: Database, acme: Organization, checkout: Team, now: Clock
) -> None:
    """Byte for byte what a recorded run of the same team is told."""
    path = bobs.started()
    before = bobs.get(path + "/policies"), bobs.get("/policies?experiment=unknown")
    _stop(database, acme, checkout, now)
    after = bobs.get(path + "/policies"), bobs.get("/policies")

    for recorded, unrecorded in (before, after):
        assert unrecorded.content == recorded.content
        assert unrecorded.headers["etag"] == recorded.headers["etag"]
    assert after[1].json()["allowed"] is False


def test_safeguards_know_such_a_run_by_its_tags(bobs: TeamApi) -> None:
    """Any of them, whatever stands in it."""
    forbidden = {"mode": "forbid", "tags": ["prod & more"]}
    body = {"kind": "tags", "name": "Prod", "reason": "Hands off", "settings": forbidden}
    assert bobs.post("/safeguards", body).status_code == 201

    without = bobs.get("/policies", params={"tag": ["kafka"]})
    carrying = bobs.get("/policies", params={"tag": ["kafka", "prod & more"]})

    assert (without.json()["allowed"], carrying.json()["allowed"]) == (True, False)


def test_such_a_run_waits_like_any_other(bobs: TeamApi) -> None:
    """The same preference, the same 304."""
    first = bobs.get("/policies?tag=kafka", headers={"Prefer": "wait=1"})
    question_headers = {"Prefer": "wait=1", "If-None-Match": first.headers["etag"]}
    second = bobs.get("/policies?tag=kafka", headers=question_headers)

    assert (first.status_code, second.status_code) == (200, 304)
    assert second.headers["preference-applied"] == "wait=1"


def test_a_limit_admits_such_a_run_while_there_is_room(bobs: TeamApi) -> None:
    """Whoever comes later does not stop it, be it its own record that arrives at last."""
    body = {"kind": "limit", "name": "One", "reason": "Shared", "settings": {"most": 1}}
    assert bobs.post("/safeguards", body).status_code == 201
    admitted = bobs.get("/policies")
    bobs.started()

    another = bobs.get("/policies")
    still = bobs.get("/policies", headers={"If-None-Match": admitted.headers["etag"]})

    assert (admitted.json()["allowed"], another.json()["allowed"]) == (True, False)
    assert still.status_code == 304


def test_a_stranger_is_told_nothing_of_the_team(
    client: Client, eve: Member, checkout: Team, payments: Team
) -> None:
    """Not even that it exists; nor is anybody without a token."""
    assert TeamApi(client(eve.token), checkout).get("/policies").status_code == 404
    assert TeamApi(client(), payments).get("/policies").status_code == 401


def test_a_question_with_tags_without_end_is_refused(bobs: TeamApi) -> None:
    """In words: no answer is better than one that holds everybody up."""
    answer = bobs.get("/policies", params={"tag": ["kafka"] * 1001})

    assert answer.status_code == 400
    assert "1000 tags" in answer.json()["detail"]


def test_the_answer_is_nobodys_to_keep(bobs: TeamApi) -> None:
    """A cache between us and the run would go on saying yes."""
    answer = bobs.get(bobs.started() + "/policies")

    assert answer.headers["cache-control"] == "no-store"
