"""Outcomes are stored with executions: in the API, as filters, and for what was there before."""

import asyncio
import csv
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, select, update

from chaoscloud.console.app import compute_missing
from chaoscloud.console.db import Database
from chaoscloud.console.db.schema import executions, outcomes
from chaoscloud.console.records.outcomes import fill_outcomes
from tests.console.conftest import Clock, Member
from tests.console.documents import ended, experiment, journal
from tests.console.team import TeamApi

BAD_RUN = {
    "activity": {"name": "kill-broker", "type": "action"},
    "status": "failed",
    "exception": ["Traceback…\n", "ConnectionError: no broker\n"],
}


def _record_end(bobs: TeamApi, experiment_id: str, now: Clock, **changes: Any) -> str:
    now.pass_by(seconds=60)
    body = {"journal": {**ended(**changes), "start": now().isoformat()}}
    return str(bobs.post(f"/experiments/{experiment_id}/executions", body).json()["id"])


def _list_executions(bobs: TeamApi, query: str) -> list[str]:
    return [item["id"] for item in bobs.get(f"/executions?{query}").json()["items"]]


def test_an_execution_says_how_it_ended(bobs: TeamApi, now: Clock) -> None:
    """By itself and in lists, as soon as its journal came."""
    published = bobs.published()
    execution_id = _record_end(bobs, published, now, run=[BAD_RUN])

    one = bobs.get(f"/executions/{execution_id}").json()
    [listed] = bobs.get("/executions").json()["items"]

    for item in (one, listed):
        assert item["outcome"] == "passed"
        assert item["conclusive"] is False
        assert "method-activity-failed" in item["reasons"]
        assert "method-activity-failed" in [warning["code"] for warning in item["warnings"]]
        assert item["sentence"] == "the action kill-broker failed: ConnectionError: no broker"
        assert item["dry"] is False


def test_an_execution_that_goes_on_has_no_outcome(bobs: TeamApi) -> None:
    """It gets one with the journal of its end."""
    path = bobs.started()
    address = "/executions/" + path.rpartition("/")[2]

    before = bobs.get(address).json()
    bobs.put(path, {"journal": ended(deviated=True)})
    after = bobs.get(address).json()

    assert (before["outcome"], before["conclusive"], before["sentence"]) == (None, None, None)
    assert after["outcome"] == "deviated"


def test_executions_are_listed_by_outcome(bobs: TeamApi, now: Clock) -> None:
    """Several at a time, and everything that went wrong."""
    published = bobs.published()
    passed = _record_end(bobs, published, now)
    deviated = _record_end(bobs, published, now, deviated=True)
    aborted = _record_end(bobs, published, now, status="aborted")
    bobs.started()

    assert _list_executions(bobs, "outcome=passed") == [passed]
    assert _list_executions(bobs, "outcome=passed&outcome=aborted") == [aborted, passed]
    assert _list_executions(bobs, "went_wrong=true") == [aborted, deviated]
    assert _list_executions(bobs, "went_wrong=true&outcome=deviated") == [deviated]
    assert _list_executions(bobs, "outcome=unheard") == []


def test_executions_are_listed_by_what_pages_filter_by(
    bobs: TeamApi, bob: Member, now: Clock
) -> None:
    """A person, tags, a stretch of time, and words; all of what is asked for at once."""
    published = bobs.published()
    early = _record_end(bobs, published, now, node="build-7")
    since = now.pass_by(hours=1).isoformat().replace("+", "%2B")
    late = _record_end(bobs, published, now, node="build-8")

    assert _list_executions(bobs, f"person={bob.id}&tag=kafka&tag=orders") == [late, early]
    assert _list_executions(bobs, "tag=kaf") == []
    assert _list_executions(bobs, f"since={since}") == [late]
    assert _list_executions(bobs, f"until={since}&q=bob") == [early]
    assert _list_executions(bobs, "q=BUILD-8+broker") == [late]
    assert bobs.get("/executions?since=yesterday").status_code == 400


def test_executions_are_taken_away_as_a_table(bobs: TeamApi, now: Clock) -> None:
    """The same filters; each row has the address of the execution's page."""
    published = bobs.published()
    _record_end(bobs, published, now)
    execution_id = _record_end(bobs, published, now, status="aborted")

    answer = bobs.get("/executions.csv?went_wrong=true")
    [row] = csv.DictReader(answer.text.splitlines())

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert (row["id"], row["outcome"]) == (execution_id, "aborted")
    assert row["url"] == f"http://testserver/acme/checkout/executions/{execution_id}"


def test_a_dry_run_is_marked_from_its_start(bobs: TeamApi) -> None:
    """Not only once it has ended."""
    published = bobs.published()
    document = journal(experiment={**experiment(), "dry": "activities"})
    execution_id = bobs.post(f"/experiments/{published}/executions", {"journal": document}).json()[
        "id"
    ]

    assert bobs.get(f"/executions/{execution_id}").json()["dry"] is True


def test_a_dry_run_takes_no_place_of_a_limit(bobs: TeamApi, now: Clock) -> None:
    """It runs no activities, so the next run need not wait for it."""
    body = {"kind": "limit", "name": "One", "reason": "Shared", "settings": {"most": 1}}
    assert bobs.post("/safeguards", body).status_code == 201
    published = bobs.published()
    dry = journal(experiment={**experiment(), "dry": "activities"})
    bobs.post(f"/experiments/{published}/executions", {"journal": dry})
    now.pass_by(seconds=1)
    first = bobs.started()
    now.pass_by(seconds=1)
    second = bobs.started()

    assert bobs.get(f"{_path(first)}/policies").json()["allowed"] is True
    assert bobs.get(f"{_path(second)}/policies").json()["allowed"] is False


def _path(address: str) -> str:
    return "/experiments/" + address.partition("/experiments/")[2]


@pytest.fixture
def without_outcomes(database: Database, bobs: TeamApi, now: Clock) -> list[str]:
    """Executions that a version without outcomes recorded: two ended, one cannot be read."""
    published = bobs.published()
    ids = [_record_end(bobs, published, now), _record_end(bobs, published, now, deviated=True)]
    ids.append(_record_end(bobs, published, now))

    def forget(connection: Connection) -> None:
        connection.execute(delete(outcomes))
        damaged = update(executions).where(executions.c.id == ids[2])
        connection.execute(damaged.values(journal=b"{damaged"))

    database.write(forget).result()
    return ids


def test_what_was_there_before_gets_its_outcome(
    database: Database, bobs: TeamApi, without_outcomes: list[str]
) -> None:
    """Also where the journal cannot be read any more: that is unknown."""
    asyncio.run(compute_missing(database))

    items = {item["id"]: item["outcome"] for item in bobs.get("/executions").json()["items"]}
    assert [items[created] for created in without_outcomes] == ["passed", "deviated", "unknown"]


def test_outcomes_are_computed_in_steps(
    database: Database, without_outcomes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each goes on where the one before ended, and the last one says that nothing is left."""
    monkeypatch.setattr("chaoscloud.console.records.outcomes.STEP", 2)

    def fill(after: str) -> str | None:
        return database.write(lambda connection: fill_outcomes(connection, after)).result()

    monkeypatch.setattr("chaoscloud.console.records.outcomes.STEP_TIME", 60)
    _, second_id, last_id = sorted(without_outcomes)

    assert fill("") == second_id
    assert fill(second_id) == last_id
    assert fill(last_id) is None
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(outcomes)) == 3
