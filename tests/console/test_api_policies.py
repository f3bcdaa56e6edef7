"""May this run go on? The answer that every run waits for."""

from datetime import timedelta

from chaoscloud.console.db import Database
from chaoscloud.console.records import safeguards
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
        lambda c: safeguards.stop(
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


def test_the_answer_is_nobodys_to_keep(bobs: TeamApi) -> None:
    """A cache between us and the run would go on saying yes."""
    answer = bobs.get(bobs.started() + "/policies")

    assert answer.headers["cache-control"] == "no-store"
