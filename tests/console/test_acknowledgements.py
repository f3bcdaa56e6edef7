"""A stop says when it holds: which runs know of it, how fast, and which did not answer."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update
from starlette.applications import Starlette

from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.db.failures import QueueFull
from chaoscloud.console.db.schema import executions
from chaoscloud.console.records import safeguards, stops
from chaoscloud.console.records.acknowledgements import (
    Acknowledgement,
    RunReport,
    StopCounts,
    StopReport,
    list_concerned,
    note_all,
    update_report,
)
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.safeguards import Decision, Policy, Run
from chaoscloud.console.watch import Place, Watch, acknowledging
from chaoscloud.console.watch.acknowledging import AcknowledgementNotes, StopWait
from chaoscloud.console.watch.answers import answer_of
from tests.console.conftest import Clock, Member
from tests.console.documents import ended, experiment
from tests.console.team import TeamApi
from tests.console.test_longpoll import PATIENCE, WAIT, client_of, soon, url

__all__ = ["url"]  # the fixture of a console over loopback

COMMAND = (sys.executable, "-m", "chaoscloud.console")
STOP = {"kind": "stop", "name": "Freeze", "reason": "The launch is near"}


@pytest.fixture
def patient_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets a stop waits for as long as it takes."""
    monkeypatch.setattr(acknowledging, "PATIENCE", float(PATIENCE))


def _stop(database: Database, team: Team, now: Clock) -> Any:
    return database.write(
        lambda c: stops.stop(c, team.organization_id, team.id, "Freeze", now())
    ).result()


def _report(database: Database, safeguard: Any, now: Clock) -> StopReport:
    return StopWait(database, safeguard, now(), 0.0).finish_blocking()


# --- who knows ---------------------------------------------------------------------------------


def test_a_run_that_does_not_wait_knows_when_it_is_answered(
    bobs: TeamApi, database: Database, checkout: Team, now: Clock
) -> None:
    """One answer is enough, and how long it took is told."""
    run = bobs.started()
    stop = _stop(database, checkout, now)
    before = _report(database, stop, now)
    started_at = now()
    now.pass_by(seconds=0.5)
    bobs.get(run + "/policies")
    database.write(lambda c: None).result()

    with database.read() as connection:
        after = update_report(connection, before, stop, started_at)

    assert before.counts == StopCounts(1, 0, 0, None)
    assert after.counts == StopCounts(1, 1, 0, 500)


def test_a_run_that_waits_knows_once_it_says_so(
    bobs: TeamApi, database: Database, checkout: Team, now: Clock
) -> None:
    """Being sent the denial is not enough: it asks once more, with the denial's tag."""
    path = bobs.started() + "/policies"
    allowed = bobs.get(path).headers["etag"]
    stop = _stop(database, checkout, now)
    denial = bobs.get(path, headers={"If-None-Match": allowed, **WAIT})
    database.write(lambda c: None).result()
    sent = _report(database, stop, now)

    response = bobs.get(path, headers={"If-None-Match": denial.headers["etag"]})
    database.write(lambda c: None).result()
    acknowledged = _report(database, stop, now)

    assert (denial.status_code, response.status_code) == (200, 304)
    assert (sent.counts.heard, acknowledged.counts.heard) == (0, 1)


def test_a_run_that_has_ended_is_not_waited_for(
    bobs: TeamApi, database: Database, checkout: Team, now: Clock
) -> None:
    """Nothing of it goes on."""
    run = bobs.started()
    stop = _stop(database, checkout, now)
    before = _report(database, stop, now)
    bobs.put(run, {"journal": ended()})

    with database.read() as connection:
        after = update_report(connection, before, stop, now())

    assert after.counts == StopCounts(1, 0, 1, None)


def test_only_the_runs_that_it_denies_are_waited_for(
    bobs: TeamApi, eves: TeamApi, database: Database, checkout: Team, now: Clock
) -> None:
    """Neither other teams', nor those without its tags, nor those silent for long."""
    bobs.started()
    now.pass_by(minutes=11)
    kafka = bobs.started()
    bobs.started(experiment=experiment(tags=["orders"]))
    eves.started()
    stop = database.write(
        lambda c: safeguards.create(
            c, checkout.organization_id, checkout.id, "stop", "F", now(), tags=("kafka",)
        )
    ).result()

    with database.read() as connection:
        concerned = list_concerned(connection, stop, now())

    assert [run.execution_id for run in concerned] == [kafka.rpartition("/")[2]]


def test_an_acknowledgement_of_a_run_that_is_gone_is_left_out(
    database: Database, now: Clock
) -> None:
    """The others of the same write are kept all the same."""
    database.write(lambda c: note_all(c, [Acknowledgement("gone", ("s-1",), now())])).result()


# --- who set it is told ------------------------------------------------------------------------


@pytest.mark.usefixtures("patient_stops")
def test_the_api_answers_when_every_run_knows(
    url: str, app: Starlette, bobs: TeamApi, bob: Member
) -> None:
    """It waits for those that are held: each hears it, says so, and is named in the answer."""
    watch: Watch = app.state.watch
    runs = [bobs.started() for _ in range(3)]

    async def hold(run: str) -> None:
        path = bobs.base + run + "/policies"
        async with client_of(url, bob) as client:
            tag = (await client.get(path)).headers["etag"]
            denial = await client.get(path, headers={"If-None-Match": tag, **WAIT})
            await client.get(path, headers={"If-None-Match": denial.headers["etag"]})

    async def stop_all() -> Any:
        async with client_of(url, bob) as client:
            waiting = [asyncio.create_task(hold(run)) for run in runs]
            await soon(lambda: watch.waiting == 3)
            answer = await client.post(bobs.base + "/safeguards", json=STOP)
            await asyncio.gather(*waiting)
            return answer.json()["acknowledgement"]

    acknowledgement = asyncio.run(stop_all())

    assert acknowledgement["summary"].startswith("3 of 3 runs heard it, the slowest after ")
    assert {run["execution_id"] for run in acknowledgement["runs"]} == {
        run.rpartition("/")[2] for run in runs
    }


def test_the_api_names_the_runs_that_do_not_answer(bobs: TeamApi) -> None:
    """With their last contact: somebody has to look at those."""
    run = bobs.started().rpartition("/")[2]

    one = bobs.post(f"/executions/{run}/stop", {"reason": "Freeze"}).json()["acknowledgement"]
    team = bobs.post("/safeguards", STOP).json()["acknowledgement"]

    assert one["runs"][0]["acknowledged_after"] is None
    assert one["runs"][0]["last_seen_at"] == "2026-03-02T09:30:00Z"
    for response in (one, team):
        assert "0 of 1 run heard it. 1 run did not answer." in response["summary"]
        assert f"({run}), last contact 2026-03-02 09:30:00 UTC" in response["summary"]


def test_what_denies_nothing_waits_for_nobody(bobs: TeamApi) -> None:
    """A safeguard that is switched off, or lets the runs go on, says nothing about them."""
    bobs.started()
    off = bobs.post("/safeguards", {**STOP, "enabled": False}).json()
    tags = {"mode": "forbid", "tags": ["prod"]}
    passing = bobs.post("/safeguards", {**STOP, "kind": "tags", "settings": tags}).json()
    on = bobs.client.patch(f"{bobs.base}/safeguards/{off['id']}", json={"enabled": True}).json()

    assert "acknowledgement" not in off
    assert "acknowledgement" not in passing
    assert on["acknowledgement"]["summary"].startswith("0 of 1 run heard it.")


@pytest.mark.usefixtures("bobs")
def test_the_command_says_which_runs_know(
    bobs: TeamApi, config: Config, database: Database
) -> None:
    """It waits in a process of its own, by the database alone."""
    run = bobs.started().rpartition("/")[2]
    heard_of = update(executions).values(last_seen_at=datetime.now(UTC))
    database.write(lambda c: c.execute(heard_of)).result()

    done = subprocess.run(
        [*COMMAND, "stop", "--reason", "F", "--database", config.database_url],
        env={**os.environ, "HOME": str(config.data)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[1] == "0 of 1 run heard it. 1 run did not answer."
    assert lines[2].startswith("Did not answer: ")
    assert run in lines[2]


# --- in words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        (StopCounts(0, 0, 0, None), "No run was going on."),
        (StopCounts(3, 3, 0, 41), "3 of 3 runs heard it, the slowest after 41 ms."),
        (StopCounts(3, 1, 1, 9), "1 of 3 runs heard it, the slowest after 9 ms."
         " 1 run had ended. 1 run did not answer."),
    ],
    ids=["none", "all", "some"],
)  # fmt: skip
def test_the_counts_are_one_sentence(counts: StopCounts, sentence: str) -> None:
    """Which a page can show as it is."""
    assert counts.sentence == sentence


def test_a_report_names_a_few_and_counts_the_rest(now: Clock) -> None:
    """A thousand runs that do not answer are no thousand lines."""
    report = StopReport(tuple(RunReport(f"run-{n}", "Orders", now()) for n in range(7)))

    assert [line[:17] for line in report.lines[1:]] == ["Did not answer: '"] * 5 + ["And 2 more."]


def test_what_a_full_queue_turned_away_is_written_later(
    database: Database, checkout: Team, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run says it once: it is not lost because the console was busy then."""
    notes = AcknowledgementNotes(database, now)
    written: list[Acknowledgement] = []
    monkeypatch.setattr(acknowledging, "note_all", lambda c, batch: written.extend(batch))
    policy = Policy("s-1", "Freeze", "Freeze", "stop")
    place = Place(checkout.organization_id, checkout.id, Run("run-1"))

    with monkeypatch.context() as busy:
        busy.setattr(Database, "write", _turn_away)
        notes.note(place, answer_of(Decision(False, (policy,)), False))
    notes.flush()
    database.write(lambda c: None).result()

    assert written == [Acknowledgement("run-1", ("s-1",), now())]


def _turn_away(*args: object) -> None:
    raise QueueFull("too many writes are waiting")
