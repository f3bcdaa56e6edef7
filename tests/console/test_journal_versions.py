"""The record is a record: nobody overwrites or removes what was really run."""

from typing import Any

import pytest

from chaoscloud.console.records.executions import REMOVABLE
from chaoscloud.console.records.journal_versions import MOST_VERSIONS
from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import chaosiq, ended, experiment, journal
from tests.console.team import TeamApi

BLOCK = {"id": "orders-hold", "frequency-of-measurement": 10, "duration-of-conditions": 60}
SLEEP = {
    "type": "action",
    "name": "sleep",
    "provider": {"type": "python", "module": "chaoscloud.commands.stop_test", "func": "sleep"},
}
STOP_TEST = {"title": "Brake", "tags": ["chaosiq-safeguards-test"], "method": [SLEEP]}


@pytest.fixture
def adas(client: Client, ada: Member, checkout: Team) -> TeamApi:
    return TeamApi(client(ada.token), checkout)


def _journals(team: TeamApi, run: str) -> list[dict[str, Any]]:
    answer = team.get(f"/executions/{run.rpartition('/')[2]}/journals")
    assert answer.status_code == 200, answer.text
    versions: list[dict[str, Any]] = answer.json()
    return versions


def test_a_later_journal_of_an_ended_execution_is_a_new_version(
    bobs: TeamApi, adas: TeamApi
) -> None:
    """The earlier one stays, byte for byte, with who sent it."""
    run = bobs.started()
    bobs.put(run, {"journal": ended("failed")})

    answer = adas.put(run, {"journal": ended("completed")})

    versions = _journals(bobs, run)
    place = f"/executions/{run.rpartition('/')[2]}/journals"
    assert answer.status_code == 204
    assert [(v["number"], v["status"], v["person_name"]) for v in versions] == [
        (2, "completed", "Ada"),
        (1, "failed", "Bob"),
    ]
    assert bobs.get(f"{place}/1").json() == ended("failed")
    assert bobs.get(f"{place}/2").json() == ended("completed")
    assert bobs.get(f"{place}/3").status_code == 404
    assert bobs.get(run).json() == ended("completed")


def test_the_same_journal_again_is_no_version(bobs: TeamApi) -> None:
    """A journal that was sent twice because an answer was lost replaces nothing."""
    run = bobs.started()
    for _ in range(2):
        bobs.put(run, {"journal": ended()})
    bobs.put(run, {"journal": journal()})  # as if it were still running

    assert [version["number"] for version in _journals(bobs, run)] == [1]


def test_a_running_execution_s_journal_goes_on(bobs: TeamApi) -> None:
    """Until the end, the journal is one that grows."""
    run = bobs.started()
    bobs.put(run, {"journal": journal(node="build-8")})
    bobs.put(run, {"journal": ended()})

    assert [version["number"] for version in _journals(bobs, run)] == [1]


def test_a_journal_is_not_replaced_for_ever(bobs: TeamApi) -> None:
    """Versions are bounded; beyond, the journal stays as it is."""
    run = bobs.started()
    answers = [
        bobs.put(run, {"journal": ended(node=f"build-{number}")}).status_code
        for number in range(MOST_VERSIONS + 1)
    ]

    assert answers == [204] * MOST_VERSIONS + [409]
    assert bobs.get(run).json()["node"] == f"build-{MOST_VERSIONS - 1}"


def test_the_results_of_a_finished_verification_run_stay(bobs: TeamApi, adas: TeamApi) -> None:
    """A second end of the run is a new version of its journal."""
    document = experiment(**chaosiq(verification=BLOCK))
    runs = "/verifications/orders-hold/runs"
    started = bobs.post(runs, {"journal": journal(experiment=document)}).json()["id"]
    first, second = ended(experiment=document), ended("failed", experiment=document)
    bobs.post(f"{runs}/{started}/finished", {"journal": first, "status": "completed"})

    adas.post(f"{runs}/{started}/finished", {"journal": second, "status": "failed"})

    versions = bobs.get(f"{runs}/{started}/journals").json()
    assert [(v["number"], v["person_name"]) for v in versions] == [(2, "Ada"), (1, "Bob")]
    assert bobs.get(f"{runs}/{started}/journals/1").json() == first
    assert bobs.get(f"{runs}/{started}/journals/2").json() == second


def test_the_execution_s_page_shows_that_its_journal_was_replaced(
    bobs: TeamApi, adas: TeamApi, client: Client, bob: Member
) -> None:
    """With who and when, and the earlier journal to load."""
    run = bobs.started()
    bobs.put(run, {"journal": ended("failed")})
    adas.put(run, {"journal": ended("completed")})
    place = f"/acme/checkout/executions/{run.rpartition('/')[2]}"
    browser = Browser(client())
    browser.sign_in(bob.token)

    page = Seen(browser.open(place))

    assert "Version 1 : failed, sent by Bob" in page.text
    assert "Version 2 : completed, sent by Ada" in page.text
    assert f"{place}/journals/1" in page.links
    assert browser.open(f"{place}/journals/1").json() == ended("failed")
    assert browser.open(f"{place}/journals/9").status_code == 404


# --- removing -------------------------------------------------------------------------------------


def _remove(team: TeamApi, run: str) -> Any:
    return team.client.delete(f"{team.base}/executions/{run.rpartition('/')[2]}")


def test_a_run_that_is_called_a_stop_test_later_cannot_be_removed(bobs: TeamApi) -> None:
    """Neither by a later journal with the tag, nor by one that is a stop test all over."""
    run = bobs.started()
    for document in (experiment(tags=["chaosiq-safeguards-test"]), STOP_TEST):
        bobs.put(run, {"journal": ended(experiment=document)})
        assert _remove(bobs, run).status_code == 403

    assert bobs.get(run).status_code == 200


def test_a_real_run_with_the_tag_cannot_be_removed(bobs: TeamApi) -> None:
    """What acts on a system is no stop test, whatever its tags say."""
    document = experiment(tags=["chaosiq-safeguards-test"])

    run = bobs.started(bobs.published(document), experiment=document)

    assert _remove(bobs, run).status_code == 403


def test_only_its_author_removes_a_stop_test_and_only_for_some_minutes(
    bobs: TeamApi, adas: TeamApi, now: Clock
) -> None:
    """Not even an owner takes it away; when it has become old, nobody does."""
    run = bobs.started(bobs.published(STOP_TEST), experiment=STOP_TEST)
    other = bobs.started(bobs.published(STOP_TEST), experiment=STOP_TEST)

    assert _remove(adas, run).status_code == 403
    assert _remove(bobs, run).status_code == 204
    now.at += REMOVABLE * 1.01
    assert _remove(bobs, other).status_code == 403
