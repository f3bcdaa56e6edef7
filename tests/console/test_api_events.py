"""Events of a run: one by one or in batches, each kept once."""

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from sqlalchemy import Connection, delete

from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.db import schema as tables
from chaoscloud.console.records import events, teams, tokens
from chaoscloud.console.records.events import EventBatch, NewEvent
from chaoscloud.console.records.teams import Team
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import event
from tests.console.team import TeamApi
from tests.console.test_writer import occupied

BATCH = {"Content-Type": "application/cloudevents-batch+json"}
SINGLE = {"Content-Type": "application/cloudevents+json"}


def _read_stored(team: TeamApi, path: str) -> Any:
    return team.get(path + "/events").json()["items"]


def test_an_event_is_kept(bobs: TeamApi) -> None:
    """The answer is its id."""
    path = bobs.started()

    answer = bobs.post(path + "/events", event("e-1"), headers=SINGLE)

    (stored,) = _read_stored(bobs, path)
    assert (answer.status_code, answer.json()) == (201, {"id": "e-1"})
    assert (stored["id"], stored["type"]) == ("e-1", "starting-activity")
    assert stored["time"] == "2026-03-02T09:30:01.500000Z"
    assert stored["data"] == event()["data"]


def test_data_as_a_string_is_understood(bobs: TeamApi) -> None:
    """The original encodes it twice; what is kept is the same."""
    path = bobs.started()

    bobs.post(path + "/events", event(data=json.dumps(event()["data"])), headers=SINGLE)

    assert _read_stored(bobs, path)[0]["data"] == event()["data"]


def test_a_string_that_is_no_json_is_refused(bobs: TeamApi) -> None:
    """It says it is JSON, so it must be."""
    path = bobs.started()

    answer = bobs.post(path + "/events", event(data="{half"), headers=SINGLE)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", "data"]


def test_text_that_says_it_is_text_is_kept_as_it_is(bobs: TeamApi) -> None:
    """Not every CloudEvent carries JSON."""
    path = bobs.started()
    document = event(data="the broker is gone", datacontenttype="text/plain")

    bobs.post(path + "/events", document, headers=SINGLE)

    assert _read_stored(bobs, path)[0]["data"] == "the broker is gone"


def test_an_event_without_data_or_time_is_kept(bobs: TeamApi, now: Clock) -> None:
    """Both are optional; the time is then the one it came at."""
    path = bobs.started()
    bare = {"specversion": "1.0", "id": "e-1", "source": "chaosiq-cloud", "type": "tick"}

    bobs.post(path + "/events", bare, headers=SINGLE)

    (stored,) = _read_stored(bobs, path)
    assert stored["data"] is None
    assert stored["time"] == stored["received_at"] == now().isoformat().replace("+00:00", "Z")


def test_the_same_event_again_is_kept_once(bobs: TeamApi) -> None:
    """And answered as it was the first time."""
    path = bobs.started()
    first = bobs.post(path + "/events", event("e-1"), headers=SINGLE)

    second = bobs.post(path + "/events", event("e-1"), headers=SINGLE)

    assert (second.status_code, second.json()) == (first.status_code, first.json())
    assert len(_read_stored(bobs, path)) == 1


def test_the_same_id_of_two_runs_is_two_events(bobs: TeamApi) -> None:
    """An event belongs to its run."""
    paths = [bobs.started(), bobs.started()]

    for path in paths:
        bobs.post(path + "/events", event("e-1"), headers=SINGLE)

    assert [len(_read_stored(bobs, path)) for path in paths] == [1, 1]


def test_a_batch_is_kept_in_order(bobs: TeamApi) -> None:
    """Known ones are counted, not kept again."""
    path = bobs.started()
    bobs.post(path + "/events", event("e-2"), headers=SINGLE)

    answer = bobs.post(path + "/events", [event("e-1"), event("e-2"), event("e-3")], headers=BATCH)

    assert (answer.status_code, answer.json()) == (201, {"stored": 2, "duplicates": 1})
    assert [stored["id"] for stored in _read_stored(bobs, path)] == ["e-2", "e-1", "e-3"]


def test_a_batch_that_repeats_itself_is_kept_once(bobs: TeamApi) -> None:
    """Also within one request."""
    path = bobs.started()

    answer = bobs.post(path + "/events", [event("e-1"), event("e-1")], headers=BATCH)

    assert answer.json() == {"stored": 1, "duplicates": 1}


def test_an_empty_batch_is_nothing(bobs: TeamApi) -> None:
    """Nothing to keep, nothing wrong."""
    path = bobs.started()

    answer = bobs.post(path + "/events", [], headers=BATCH)

    assert (answer.status_code, answer.json()) == (201, {"stored": 0, "duplicates": 0})


def test_a_batch_with_one_bad_event_is_refused_whole(bobs: TeamApi) -> None:
    """Half a batch would leave the client guessing which half."""
    path = bobs.started()

    answer = bobs.post(path + "/events", [event("e-1"), event("e-2", time="noon")], headers=BATCH)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", 1, "time"]
    assert _read_stored(bobs, path) == []


def test_events_of_the_official_sdk_are_understood(bobs: TeamApi) -> None:
    """What the standard's own library writes is what the console reads."""
    path = bobs.started()
    cloud_event = CloudEvent(
        {"id": "sdk-1", "source": "chaosiq-cloud", "type": "starting-method"}, {"context": {}}
    )
    message = to_structured_event(cloud_event, JSONFormat())

    answer = bobs.post(path + "/events", content=message.body, headers=dict(message.headers))

    assert answer.status_code == 201
    assert _read_stored(bobs, path)[0]["data"] == {"context": {}}


def test_events_are_read_from_where_one_left_off(bobs: TeamApi) -> None:
    """`after` takes the number of the last one seen."""
    path = bobs.started()
    bobs.post(path + "/events", [event(f"e-{n}") for n in range(5)], headers=BATCH)
    seq = _read_stored(bobs, path)[1]["seq"]

    answer = bobs.get(f"{path}/events?after={seq}&limit=2").json()
    rest = bobs.get(f"{path}/events?limit=2&cursor={answer['next']}").json()

    assert [e["id"] for e in answer["items"] + rest["items"]] == ["e-2", "e-3", "e-4"]
    assert rest["next"] is None


def test_events_can_be_read_by_execution_alone(bobs: TeamApi) -> None:
    """A script that knows the execution need not know the experiment."""
    path = bobs.started()
    bobs.post(path + "/events", event(), headers=SINGLE)

    short = bobs.get(f"/executions/{path.rpartition('/')[2]}/events").json()

    assert short["items"] == _read_stored(bobs, path)


def test_an_event_shows_that_the_run_is_alive(bobs: TeamApi, now: Clock) -> None:
    """The last word of a run is its latest event."""
    path = bobs.started()
    later = now.pass_by(seconds=20)

    bobs.post(path + "/events", event(), headers=SINGLE)

    body = bobs.get("/executions/" + path.rpartition("/")[2]).json()
    assert body["last_seen_at"] == later.isoformat().replace("+00:00", "Z")


def test_events_of_an_unknown_execution_are_refused(bobs: TeamApi) -> None:
    """There is nothing to keep them with."""
    of = bobs.published()

    answer = bobs.post(f"/experiments/{of}/executions/nowhere/events", event(), headers=SINGLE)

    assert answer.status_code == 404
    assert bobs.get(f"/experiments/{of}/executions/nowhere/events").status_code == 404


def test_events_of_a_strangers_execution_are_refused(
    bobs: TeamApi, client: Client, eve: Member, payments: Team
) -> None:
    """Eve can neither add to Bob's run nor read it."""
    path = bobs.started()
    eves = TeamApi(client(eve.token), payments)

    assert eves.post(path + "/events", event(), headers=SINGLE).status_code == 404
    assert eves.get(path + "/events").status_code == 404
    assert _read_stored(bobs, path) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""},
        {"id": None},
        {"id": 7},
        {"type": ""},
        {"source": None},
        {"specversion": "0.3"},
        {"time": "noon"},
        {"time": 12},
        {"id": "x" * 1025},
    ],
    ids=str,
)
def test_what_is_no_cloud_event_is_refused(bobs: TeamApi, wrong: dict[str, Any]) -> None:
    """The standard says what must be there."""
    path = bobs.started()

    answer = bobs.post(path + "/events", event(**wrong), headers=SINGLE)

    assert answer.status_code == 422
    assert _read_stored(bobs, path) == []


def test_messages_kept_at_one_go_are_counted_each(
    bobs: TeamApi, database: Database, now: Clock
) -> None:
    """What was there already is counted where it was sent again."""
    execution_id = bobs.started().rpartition("/")[2]
    sent = [["e-1", "e-2"], ["e-2", "e-3"], ["e-4"]]
    messages = [EventBatch(execution_id, [_new(id_, now()) for id_ in ids], now()) for ids in sent]

    async def crowd() -> list[int]:
        with occupied(database):
            waiting = [
                asyncio.create_task(database.recording_together(events.add, message))
                for message in messages
            ]
            await asyncio.sleep(0)
        return await asyncio.gather(*waiting)

    assert asyncio.run(crowd()) == [2, 1, 1]


def _new(id_: str, at: datetime) -> NewEvent:
    return NewEvent(id_, "tick", at, b"null")


def test_a_token_revoked_elsewhere_is_refused_at_once(
    bobs: TeamApi, config: Config, bob: Member, now: Clock
) -> None:
    """Though its run is remembered; the command line is another process with its own writer."""
    path = bobs.started()
    bobs.post(path + "/events", event("e-1"), headers=SINGLE)
    with Database.open(config.database_url) as elsewhere:
        elsewhere.write(lambda c: tokens.revoke(c, bob.token_id, now())).result()

    answer = bobs.post(path + "/events", event("e-2"), headers=SINGLE)

    assert answer.status_code == 401


def test_who_leaves_the_team_tells_nothing_more(
    bobs: TeamApi, database: Database, bob: Member, checkout: Team
) -> None:
    """Batches are looked at as single events are."""
    path = bobs.started()
    bobs.post(path + "/events", [event("e-1")], headers=BATCH)
    database.write(lambda c: teams.leave(c, checkout.id, bob.id)).result()

    answer = bobs.post(path + "/events", [event("e-2")], headers=BATCH)

    assert answer.status_code == 404


def test_what_changes_for_others_loses_no_event(
    bobs: TeamApi, database: Database, eve: Member, payments: Team
) -> None:
    """A change of access makes the console look again, not refuse."""
    path = bobs.started()
    bobs.post(path + "/events", event("e-1"), headers=SINGLE)
    database.write(lambda c: teams.leave(c, payments.id, eve.id)).result()

    answer = bobs.post(path + "/events", event("e-2"), headers=SINGLE)

    assert answer.status_code == 201
    assert len(_read_stored(bobs, path)) == 2


def test_a_run_that_was_removed_takes_no_events(bobs: TeamApi, database: Database) -> None:
    """Remembered or not: there is nothing that they could be events of."""
    path = bobs.started()
    bobs.post(path + "/events", event("e-1"), headers=SINGLE)
    [item] = bobs.get("/executions").json()["items"]
    database.write(lambda c: _forget(c, item["id"])).result()

    answers = [
        bobs.post(path + "/events", event("e-2"), headers=SINGLE),
        bobs.post(path + "/events", [event("e-3")], headers=BATCH),
    ]

    assert [answer.status_code for answer in answers] == [404, 404]


def _forget(connection: Connection, execution_id: str) -> None:
    connection.execute(delete(tables.events).where(tables.events.c.execution_id == execution_id))
    connection.execute(delete(tables.executions).where(tables.executions.c.id == execution_id))


@pytest.mark.parametrize(
    ("sequences", "missing"),
    [
        (["00000001", "00000002", "00000003"], 0),
        (["00000001", "00000004"], 2),
        (["00000003", "00000001", "00000002"], 0),
        (["00000002"], 1),
        ([None, None], 0),
        (["first", "9" * 30, "-1", ""], 0),
    ],
)
def test_a_gap_in_what_was_told_shows(
    bobs: TeamApi, sequences: list[str | None], missing: int
) -> None:
    """An execution says how many of its events never arrived, if its client counts them."""
    path = bobs.started()
    counted = [
        event(f"e-{number}") | ({} if sequence is None else {"sequence": sequence})
        for number, sequence in enumerate(sequences)
    ]

    bobs.post(path + "/events", counted, headers=BATCH)

    [execution] = bobs.get("/executions").json()["items"]
    assert bobs.get(f"/executions/{execution['id']}").json()["events_missing"] == missing


def test_a_run_that_says_nothing_any_more_has_lost_contact(bobs: TeamApi, now: Clock) -> None:
    """It is not shown as running for ever; the next event brings it back."""
    path = bobs.started()
    address = f"/executions/{path.rpartition('/')[2]}"

    now.pass_by(minutes=16)
    lost = bobs.get(address).json()["lost_contact"]
    bobs.post(path + "/events", event("e-1"), headers=SINGLE)

    assert lost is True
    assert bobs.get(address).json()["lost_contact"] is False
