"""What is sent may be anything: it is refused with a reason, and nothing of it is kept."""

import dataclasses
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from chaoscloud.console.app import create_app
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.records.teams import Team
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import ended, event, experiment, journal
from tests.console.team import TeamApi

DEEP = b"[" * 100_000 + b"]" * 100_000

NOT_JSON = {
    "nothing": b"",
    "text": b"hello",
    "half": b'{"journal": {',
    "two": b"{} {}",
    "trailing comma": b'{"journal": {},}',
    "NaN": b'{"journal": {"duration": NaN}}',
    "raw NUL": b'{"journal": {"status": "\0"}}',
    "not UTF-8": b'{"journal": {"mine": "\xff\xfe"}}',
    "byte order mark": b'\xef\xbb\xbf{"journal": {}}',
    "lone surrogate": b'{"journal": {"mine": "\\ud800"}}',
    "encoded lone surrogate": b'{"journal": {"mine": "\xed\xa0\x80"}}',
    "deep": b'{"journal": {"mine": ' + DEEP + b"}}",
    "deeper than sane": b'{"journal": {"mine": ' + b"[" * 150 + b"]" * 150 + b"}}",
    "huge integer": b'{"journal": {"mine": ' + b"9" * 5000 + b"}}",
    "huge float": b'{"journal": {"mine": 1e999}}',
}

NOT_OBJECTS = [b"[]", b"null", b"5", b'"text"', b"{}", b'{"journal": null, "experiment": null}']


def _places(team: TeamApi) -> list[tuple[str, str]]:
    """Every address that takes a body."""
    path = team.started()
    of = path.split("/executions/")[0]
    run = team.post("/verifications/orders-hold/runs", {"journal": journal()}).json()["id"]
    run_path = f"/verifications/orders-hold/runs/{run}"
    return [
        ("POST", "/experiments"),
        ("POST", of + "/executions"),
        ("PUT", path),
        ("POST", path + "/events"),
        ("POST", "/objectives"),
        ("POST", "/verifications"),
        ("POST", "/verifications/orders-hold/runs"),
        ("POST", run_path + "/events"),
        ("POST", run_path + "/finished"),
    ]


def _read_stored(team: TeamApi) -> Any:
    executions = team.get("/executions").json()["items"]
    paths = [f"/executions/{execution['id']}" for execution in executions]
    runs = team.get("/verifications/orders-hold/runs").json()
    address = "/verifications/orders-hold/runs/{id}/events"
    return [
        team.get("/experiments").json(),
        team.get("/objectives").json(),
        team.get("/verifications").json(),
        [runs, [team.get(address.format(**run)).json() for run in runs["items"]]],
        [team.get(path).json() for path in paths],
        [team.get(path + "/events").json() for path in paths],
    ]


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_refused(bobs: TeamApi, body: bytes) -> None:
    """With 400 and a reason, wherever it is sent, and nothing changes."""
    places = _places(bobs)
    before = _read_stored(bobs)

    answers = [bobs.client.request(how, bobs.base + where, content=body) for how, where in places]

    assert [answer.status_code for answer in answers] == [400] * len(places)
    assert all(answer.json()["detail"] for answer in answers)
    assert _read_stored(bobs) == before


@pytest.mark.parametrize("body", NOT_OBJECTS, ids=bytes.decode)
def test_what_is_not_an_object_is_refused(bobs: TeamApi, body: bytes) -> None:
    """JSON, but not what it must be: 422, and nothing changes."""
    places = _places(bobs)
    before = _read_stored(bobs)

    answers = [bobs.client.request(how, bobs.base + where, content=body) for how, where in places]

    assert [answer.status_code for answer in answers] == [422] * len(places)
    assert _read_stored(bobs) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": 5},
        {"title": ["Orders"]},
        {"title": "Orders " * 10_000},
        {"tags": "kafka"},
        {"tags": {"kafka": True, "orders": ["all"]}},
        {"tags": ["kafka", 7, True, None, ["orders"], 2.5]},
        {"tags": 7},
        {"extensions": {"name": "chaosiq"}},
        {"extensions": [{"name": "chaosiq", "experiment_id": 7, "objective_id": 8}]},
        {"extensions": [{"name": "chaosiq", "source": ["https://example.com"]}]},
        {"extensions": [{"name": "chaosiq", "safeguards": "Freeze", "stop": 5}]},
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_odd_field_keeps_no_experiment_out(bobs: TeamApi, wrong: dict[str, Any]) -> None:
    """It is published, its runs are recorded, and it is read back as it came."""
    document = experiment(**wrong)
    of = bobs.published(document)

    bobs.started(of, experiment=document)

    assert bobs.get(f"/experiments/{of}").json()["experiment"] == document


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("kafka, orders", ["kafka, orders"]),
        ({"kafka": True, "orders": ["all"]}, ["kafka", "orders"]),
        (["kafka", 7, True, None, ["orders"], 2.5], ["kafka", "7", "true", "2.5"]),
        (7, ["7"]),
        (None, []),
    ],
    ids=str,
)
def test_tags_are_understood_however_they_are_written(
    bobs: TeamApi, written: object, expected: list[str]
) -> None:
    """One text is one tag, of an object the keys count; safeguards go by them."""
    run = bobs.started(experiment=experiment(tags=written))

    assert bobs.get(f"/executions/{run.rpartition('/')[2]}").json()["tags"] == expected


@pytest.mark.parametrize("tags", [["kafka"] * 65, ["k" * 129]], ids=["many", "long"])
def test_tags_without_end_are_refused(bobs: TeamApi, tags: list[str]) -> None:
    """Cut short, they would get past a safeguard that names the one left out."""
    document = experiment(tags=tags)
    of = bobs.published()

    published = bobs.post("/experiments", {"experiment": document})
    started = bobs.post(f"/experiments/{of}/executions", {"journal": journal(experiment=document)})

    assert published.json()["errors"][0]["loc"] == ["body", "experiment", "tags"]
    assert started.json()[0]["loc"] == ["body", "journal", "experiment", "tags"]
    assert [published.status_code, started.status_code] == [422, 422]


def test_the_end_of_a_run_is_kept_whatever_its_tags_are(bobs: TeamApi) -> None:
    """It began before there was a bound; it does not stay running for ever."""
    run = bobs.started()

    ends = bobs.put(run, {"journal": ended(experiment=experiment(tags=["kafka"] * 65))})

    assert ends.status_code == 204
    assert bobs.get(f"/executions/{run.rpartition('/')[2]}").json()["status"] == "completed"


def test_a_list_shows_the_beginning_of_a_title_without_end(bobs: TeamApi) -> None:
    """The document has it whole."""
    bobs.published(experiment("Orders " * 10_000))

    assert len(bobs.get("/experiments").json()["items"][0]["title"]) == 300


@pytest.mark.parametrize("block", [None, 5, "chaosiq", [], {}, {"name": ["chaosiq"]}], ids=str)
def test_blocks_of_others_may_be_anything(bobs: TeamApi, block: object) -> None:
    """They are not ours to judge."""
    bobs.published(experiment(extensions=[block]))


def test_a_nul_in_text_does_not_reach_the_columns(bobs: TeamApi) -> None:
    """The document is kept as it came; the texts that databases index know no NUL."""
    document = experiment("Orders\0survive", extensions=[{"name": "chaosiq", "source": "a\0b"}])
    of = bobs.published(document)
    journal_document = journal(experiment=document, node="build\0seven")

    execution_id = bobs.post(f"/experiments/{of}/executions", {"journal": journal_document}).json()[
        "id"
    ]

    body = bobs.get(f"/executions/{execution_id}").json()
    assert (body["title"], body["node"]) == ("Orders\ufffdsurvive", "build\ufffdseven")
    assert body["journal"] == journal_document
    assert bobs.get(f"/experiments/{of}").json()["source"] == "a\ufffdb"


def test_a_nul_in_an_event_does_not_reach_the_columns(bobs: TeamApi) -> None:
    """Nor does it make the same event twice."""
    path = bobs.started()

    for _ in range(2):
        bobs.post(path + "/events", event("e\0-1", "starting\0activity"))

    (stored,) = bobs.get(path + "/events").json()["items"]
    assert (stored["id"], stored["type"]) == ("e\ufffd-1", "starting\ufffdactivity")


@pytest.mark.parametrize(
    "name", ["%00", "a%00b", "%FF", "%ED%A0%80", "..%2F..", "'%20OR%201=1", "x" * 5000]
)
def test_names_that_are_no_ids_are_not_found(bobs: TeamApi, name: str) -> None:
    """In any place of an address."""
    places = [
        f"/experiments/{name}",
        f"/experiments/{name}/executions/{name}",
        f"/experiments/{name}/executions/{name}/policies",
        f"/executions/{name}",
        f"/executions/{name}/events",
    ]

    answers = [bobs.get(place).status_code for place in places]
    answers.append(bobs.client.get(f"/api/v1/organizations/{name}/teams").status_code)
    answers.append(bobs.client.get(f"/api/v1/organizations/{name}/teams/{name}").status_code)

    assert answers == [404] * 7


def test_an_integer_beyond_64_bits_in_a_document_is_kept_exactly(bobs: TeamApi) -> None:
    """JSON knows no largest integer; what can be read back is not refused."""
    document = ended(mine=2**80)
    path = bobs.started()

    answer = bobs.put(path, {"journal": document})

    assert answer.status_code == 204
    assert bobs.get(path).json()["mine"] == 2**80


def test_a_method_that_is_not_for_the_address_says_which_are(bobs: TeamApi) -> None:
    """All of them, whichever route they stand on."""
    path = bobs.started()

    answer = bobs.client.delete(bobs.base + path)

    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "PUT"}


def test_an_unknown_address_of_the_api_is_a_problem(client: Client) -> None:
    """In the shape of every other problem, and it names what was asked."""
    answer = client().get("/api/v2/organizations")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["instance"] == "/api/v2/organizations"


# --- size --------------------------------------------------------------------------------------

LIMIT = 10_000


@pytest.fixture
def small(
    config: Config, database: Database, now: Clock, bob: Member, checkout: Team
) -> Iterator[TeamApi]:
    """Bob's calls to a console that takes 10,000 bytes."""
    app = create_app(dataclasses.replace(config, body_limit=LIMIT), database, now=now)
    with TestClient(app, headers=bob.headers, raise_server_exceptions=False) as client:
        yield TeamApi(client, checkout)


def _of_size(size: int) -> bytes:
    start, end = b'{"experiment": {"title": "', b'"}}'
    return start + b"x" * (size - len(start) - len(end)) + end


def test_a_body_at_the_limit_is_taken(small: TeamApi) -> None:
    """The limit is the largest size that passes."""
    assert small.post("/experiments", content=_of_size(LIMIT)).status_code == 201


def test_a_body_over_the_limit_is_refused(small: TeamApi) -> None:
    """By what it declares, before it is read."""
    answer = small.post("/experiments", content=_of_size(LIMIT + 1))

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["accept-encoding"] == "gzip"


def test_a_chunked_body_over_the_limit_is_refused(small: TeamApi) -> None:
    """By what comes, when nothing is declared."""
    body = _of_size(LIMIT + 1)
    chunks = (body[n : n + 1000] for n in range(0, len(body), 1000))

    answer = small.post("/experiments", content=chunks)

    assert answer.status_code == 413
    assert small.get("/experiments").json()["items"] == []


def test_a_body_that_inflates_over_the_limit_is_refused(small: TeamApi) -> None:
    """The limit is that of the body, not of its wrapping."""
    body = gzip.compress(_of_size(LIMIT + 1))

    answer = small.post("/experiments", content=body, headers={"Content-Encoding": "gzip"})

    assert len(body) < LIMIT
    assert answer.status_code == 413


def test_a_compressed_body_is_inflated(bobs: TeamApi) -> None:
    """The console says that it understands gzip, so it does."""
    body = gzip.compress(json.dumps({"experiment": experiment()}).encode())

    answer = bobs.post("/experiments", content=body, headers={"Content-Encoding": "gzip"})

    assert answer.status_code == 201
    assert bobs.get(f"/experiments/{answer.json()['id']}").json()["experiment"] == experiment()


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", b"{}", 400),
        ("gzip", b"", 400),
        ("gzip", gzip.compress(b"{}")[:-4], 400),
        ("gzip", gzip.compress(b"{}") + b"more", 400),
        ("br", b"{}", 415),
    ],
    ids=["not-gzip", "empty", "cut-off", "goes-on", "unknown"],
)
def test_a_wrapping_that_cannot_be_opened_is_refused(
    bobs: TeamApi, encoding: str, body: bytes, status: int
) -> None:
    """And the answer says what would be understood."""
    answer = bobs.post("/experiments", content=body, headers={"Content-Encoding": encoding})

    assert answer.status_code == status
    assert answer.headers["accept-encoding"] == "gzip"


def test_a_large_journal_is_kept_and_read_back(bobs: TeamApi) -> None:
    """It is read in another thread, and comes back as it was."""
    line = {"activity": {"name": "ask"}, "output": "a line of output " * 50, "status": "succeeded"}
    document = ended(run=[line] * 2000)
    path = bobs.started()

    assert bobs.put(path, {"journal": document}).status_code == 204
    assert bobs.get(path).json() == document


@pytest.mark.parametrize("name", ["lone surrogate", "not UTF-8", "huge float", "deep"])
def test_a_large_body_is_looked_at_as_closely(bobs: TeamApi, name: str) -> None:
    """What is wrong in the middle of a megabyte is still wrong."""
    path = bobs.started()
    body = NOT_JSON[name].replace(b'{"mine"', b'{"much": "' + b"x" * 1_000_000 + b'", "mine"')

    answer = bobs.put(path, content=body)

    assert len(body) > 1_000_000
    assert answer.status_code == 400
    assert bobs.get(path).json() == journal()
