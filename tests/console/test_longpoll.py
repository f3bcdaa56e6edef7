"""Runs that wait for another answer: held, told at once, let go; hundreds on one process."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection, update
from starlette.applications import Starlette

from chaoscloud.console.api.access_cache import AccessCache
from chaoscloud.console.cli._server import Server, describe_address, listen
from chaoscloud.console.config import Config
from chaoscloud.console.db import CannotRead, Database, changes
from chaoscloud.console.db.changes import Revisions, read_revision
from chaoscloud.console.db.schema import organizations as table
from chaoscloud.console.records import (
    organizations,
    safeguard_states,
    safeguards,
    stops,
    teams,
    tokens,
)
from chaoscloud.console.records.safeguard_snapshot import read_snapshot
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.safeguards import Decision, Run, Safeguard, decide
from chaoscloud.console.watch import Place, Undecided, Watch, decisions, snapshots
from chaoscloud.console.watch.decisions import OrganizationDecisions
from chaoscloud.console.watch.snapshots import SharedReading, Snapshots
from tests.console.conftest import Clock, Member
from tests.console.team import TeamApi

HUNDREDS = 300
PATIENCE = 50  # seconds a test waits for what should come at once

WAIT = {"Prefer": "wait=50"}


@pytest.fixture
def url(app: Starlette) -> Iterator[str]:
    """The console, served on loopback."""
    with served(app) as (where, _):
        yield where


@contextmanager
def served(app: Starlette) -> Iterator[tuple[str, Server]]:
    with listen("127.0.0.1", 0) as server_socket:
        ready: list[bool] = []
        server = Server(app, lambda: ready.append(True))
        thread = Thread(target=server.run, args=([server_socket],))
        thread.start()
        until(lambda: bool(ready))
        try:
            yield describe_address("127.0.0.1", server_socket), server
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds that should soon."""
    ends = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < ends, "it never came to hold"
        time.sleep(0.01)


async def soon(holds: Callable[[], bool]) -> None:
    """The same, while others go on."""
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def client_of(url: str, member: Member) -> AsyncIterator[httpx2.AsyncClient]:
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(
        base_url=url, headers=member.headers, limits=limits, timeout=PATIENCE, trust_env=False
    ) as client:
        yield client


def stop(database: Database, team: Team, now: Clock, reason: str = "Freeze") -> None:
    database.write(lambda c: stops.stop(c, team.organization_id, team.id, reason, now())).result()


# --- one question ------------------------------------------------------------------------------


def test_the_first_question_is_answered_at_once(bobs: TeamApi) -> None:
    """There is nothing yet that it could be the same as; that waiting is possible is said."""
    answer = bobs.get(bobs.started() + "/policies", headers={"Prefer": "respond-async, wait=25"})

    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=25"
    assert answer.headers["vary"] == "Prefer"
    assert answer.headers["etag"].startswith('"')


def test_nobody_is_kept_longer_than_a_minute(bobs: TeamApi) -> None:
    """Whatever they would prefer."""
    answer = bobs.get(bobs.started() + "/policies", headers={"Prefer": "wait=86400"})

    assert answer.headers["preference-applied"] == "wait=60"


@pytest.mark.parametrize("text", ["wait=0", "wait", "waiting=25", "wait=-5", "wait=soon"])
def test_what_is_no_wish_to_wait_is_none(bobs: TeamApi, text: str) -> None:
    """A preference that cannot be honoured is left alone (RFC 7240)."""
    answer = bobs.get(bobs.started() + "/policies", headers={"Prefer": text})

    assert "preference-applied" not in answer.headers


def test_the_same_answer_is_not_sent_again(bobs: TeamApi) -> None:
    """304, at once to whoever does not want to wait, after the time to whoever does."""
    path = bobs.started() + "/policies"
    tag = bobs.get(path).headers["etag"]

    at_once = bobs.get(path, headers={"If-None-Match": tag})
    later = bobs.get(path, headers={"If-None-Match": f'"other", W/{tag}', "Prefer": "wait=1"})

    assert [at_once.status_code, later.status_code] == [304, 304]
    assert [at_once.headers["etag"], later.headers["etag"]] == [tag, tag]
    assert later.headers["preference-applied"] == "wait=1"
    assert later.content == b""


def test_another_answer_is_not_waited_for(
    bobs: TeamApi, database: Database, checkout: Team, now: Clock
) -> None:
    """What changed between two questions is told with the second."""
    path = bobs.started() + "/policies"
    tag = bobs.get(path).headers["etag"]
    stop(database, checkout, now)

    answer = bobs.get(path, headers={"If-None-Match": tag, **WAIT})

    assert (answer.status_code, answer.json()["allowed"]) == (200, False)


# --- hundreds of runs --------------------------------------------------------------------------


def test_hundreds_of_waiting_runs_hear_of_a_stop(
    url: str, app: Starlette, bobs: TeamApi, bob: Member, database: Database, now: Clock
) -> None:
    """Each on its own connection, none on a thread of its own; every one is told."""
    watch: Watch = app.state.watch
    path = bobs.base + bobs.started() + "/policies"

    async def all_of_them() -> list[httpx2.Response]:
        async with client_of(url, bob) as client:
            tag = (await client.get(path)).headers["etag"]
            question_headers = {"If-None-Match": tag, **WAIT}
            waiting = [
                asyncio.create_task(client.get(path, headers=question_headers))
                for _ in range(HUNDREDS)
            ]
            await soon(lambda: watch.waiting == HUNDREDS)
            body = {"kind": "stop", "name": "Freeze", "reason": "The launch is near"}
            response = await client.post(bobs.base + "/safeguards", json=body)
            assert response.status_code == 201
            return list(await asyncio.gather(*waiting))

    answers = asyncio.run(all_of_them())

    assert {answer.json()["policies"][0]["name"] for answer in answers} == {"Freeze"}
    until(lambda: watch.waiting == 0)


def test_a_change_by_another_process_reaches_who_waits(
    url: str, app: Starlette, bobs: TeamApi, bob: Member, config: Config
) -> None:
    """`chaosiq-console stop`, beside the server."""
    watch: Watch = app.state.watch
    path = bobs.base + bobs.started() + "/policies"
    command = [sys.executable, "-m", "chaoscloud.console", "stop", "--reason", "F"]

    async def one_of_them() -> httpx2.Response:
        async with client_of(url, bob) as client:
            tag = (await client.get(path)).headers["etag"]
            question_headers = {"If-None-Match": tag, **WAIT}
            waiting = asyncio.create_task(client.get(path, headers=question_headers))
            await soon(lambda: watch.waiting == 1)
            done = await asyncio.to_thread(
                subprocess.run,
                [*command, "--database", config.database_url],
                env=_environment(config.data),
            )
            assert done.returncode == 0
            return await waiting

    assert asyncio.run(one_of_them()).json()["policies"][0]["name"] == "F"


def _environment(home: Path) -> dict[str, str]:
    environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    return environment | {"HOME": str(home)}


def test_time_releases_who_waits(
    url: str,
    app: Starlette,
    bobs: TeamApi,
    bob: Member,
    database: Database,
    checkout: Team,
    now: Clock,
) -> None:
    """A stop of an hour is over after an hour, for those that wait as well."""
    watch: Watch = app.state.watch
    path = bobs.base + bobs.started() + "/policies"
    bobs.post("/safeguards", {"kind": "stop", "name": "F", "reason": "F", "expires_in": 3600})

    async def one_of_them() -> httpx2.Response:
        async with client_of(url, bob) as client:
            tag = (await client.get(path)).headers["etag"]
            question_headers = {"If-None-Match": tag, **WAIT}
            waiting = asyncio.create_task(client.get(path, headers=question_headers))
            await soon(lambda: watch.waiting == 1)
            now.pass_by(hours=1)
            return await waiting

    assert asyncio.run(one_of_them()).json() == {"allowed": True, "required": False}


def test_who_waits_is_let_go_when_the_console_stops(
    app: Starlette, bobs: TeamApi, bob: Member
) -> None:
    """Nothing has changed, says the answer, and it does not keep the connection."""
    watch: Watch = app.state.watch
    path = bobs.base + bobs.started() + "/policies"

    async def one_of_them(url: str, server: Server) -> httpx2.Response:
        async with client_of(url, bob) as client:
            tag = (await client.get(path)).headers["etag"]
            question_headers = {"If-None-Match": tag, **WAIT}
            waiting = asyncio.create_task(client.get(path, headers=question_headers))
            await soon(lambda: watch.waiting == 1)
            server.should_exit = True
            return await waiting

    with served(app) as (url, server):
        answer = asyncio.run(one_of_them(url, server))

    assert (answer.status_code, answer.headers["connection"]) == (304, "close")


def test_who_hangs_up_waits_no_more(url: str, app: Starlette, bobs: TeamApi, bob: Member) -> None:
    """A run that is gone leaves nothing behind in the console."""
    watch: Watch = app.state.watch
    path = bobs.base + bobs.started() + "/policies"

    async def one_of_them() -> None:
        async with client_of(url, bob) as client:
            tag = (await client.get(path)).headers["etag"]
            question_headers = {"If-None-Match": tag, **WAIT}
            waiting = asyncio.create_task(client.get(path, headers=question_headers))
            await soon(lambda: watch.waiting == 1)
            waiting.cancel()

    asyncio.run(one_of_them())

    until(lambda: watch.waiting == 0)


def test_an_error_of_ours_is_no_decision(
    url: str,
    app: Starlette,
    bobs: TeamApi,
    bob: Member,
    database: Database,
    checkout: Team,
    now: Clock,
) -> None:
    """Who waits and who asks hears 500, neither yes nor no; mended, it is answered again."""
    watch: Watch = app.state.watch
    path = bobs.base + bobs.started() + "/policies"
    team = checkout

    def odd(connection: Connection) -> Safeguard:
        return safeguards.create(connection, team.organization_id, team.id, "moon", "Full", now())

    async def status(question_headers: dict[str, str]) -> int:
        # A connection for each: the server closes one on which it failed.
        async with client_of(url, bob) as client:
            return (await client.get(path, headers=question_headers)).status_code

    async def both() -> list[int]:
        async with client_of(url, bob) as client:
            tag = (await client.get(path)).headers["etag"]
        waiting = asyncio.create_task(status({"If-None-Match": tag, **WAIT}))
        await soon(lambda: watch.waiting == 1)
        created = await asyncio.to_thread(database.write(odd).result)
        answers = [await waiting, await status({})]
        mended = database.write(lambda c: safeguards.remove(c, created, now()))
        await asyncio.to_thread(mended.result)
        return [*answers, await status({})]

    assert asyncio.run(both()) == [500, 500, 200]


def test_a_revoked_token_opens_nothing_that_was_remembered(
    bobs: TeamApi, bob: Member, database: Database, now: Clock
) -> None:
    """Who may ask is remembered from question to question, but not against a revocation."""
    path = bobs.started() + "/policies"
    before = bobs.get(path).status_code

    database.write(lambda c: tokens.revoke(c, bob.token_id, now())).result()

    assert (before, bobs.get(path).status_code) == (200, 401)


def test_an_expired_token_opens_nothing_that_was_remembered(
    bobs: TeamApi, bob: Member, database: Database, now: Clock
) -> None:
    """To the second."""
    path = bobs.started() + "/policies"
    ends = now().replace(minute=30, second=40)
    _, secret = database.write(
        lambda c: tokens.add(c, bob.id, "brief", now(), ends, organization_id=bob.organization_id)
    ).result()
    headers = {"Authorization": f"Bearer {secret}"}
    before = bobs.get(path, headers=headers).status_code

    now.pass_by(seconds=40)

    assert (before, bobs.get(path, headers=headers).status_code) == (200, 401)


def test_asking_is_a_sign_of_life(bobs: TeamApi, database: Database, now: Clock) -> None:
    """A run that asks was heard of, whatever else it tells."""
    run = bobs.started()
    place = f"/executions/{run.rpartition('/')[2]}"
    now.pass_by(minutes=5)

    bobs.get(run + "/policies")
    database.write(lambda c: None).result()

    assert bobs.get(place).json()["last_seen_at"] == "2026-03-02T09:35:00Z"


def test_who_asks_and_the_safeguards_are_looked_up_once(
    bobs: TeamApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second question reads how often things have changed, and nothing else."""
    path = bobs.started() + "/policies"
    bobs.get(path)
    bobs.get(path)  # the sign of life has been noted, the token's use too
    reads: list[object] = []
    monkeypatch.setattr(Database, "reading", lambda *args: reads.append(args))
    monkeypatch.setattr(snapshots, "read_snapshot", lambda *args: reads.append(args))

    answer = bobs.get(path)

    assert (answer.status_code, reads) == (200, [])


# --- never starved -----------------------------------------------------------------------------


def test_a_question_takes_at_most_two_readings_however_fast_things_change() -> None:
    """The one under way when it is asked, and the next; all that wait share it."""
    began: list[int] = []

    async def read() -> int:
        began.append(len(began))
        number = began[-1]
        await asyncio.sleep(0)
        return number

    async def ask_while_reading() -> tuple[int, list[int]]:
        reading = SharedReading(read)
        first = asyncio.create_task(reading.result())
        while not began:
            await asyncio.sleep(0)
        others = await asyncio.gather(*(reading.result() for _ in range(100)))
        return await first, others

    first, others = asyncio.run(ask_while_reading())

    assert (first, set(others), len(began)) == (0, {1}, 2)


@pytest.mark.sqlite_files
def test_a_look_on_the_loop_sees_what_another_process_wrote(database: Database, now: Clock) -> None:
    """The numbers are never older than a question, on SQLite where they are read in the loop."""

    async def look() -> Revisions:
        return await readings.revisions()

    readings = Snapshots(database, now)
    before = asyncio.run(look())
    with Database.open(f"sqlite:///{database.file}") as other:
        other.write(lambda connection: changes.mark(connection, changes.ACCESS)).result()
    after = asyncio.run(look())

    assert (after.access, after.organizations) == (before.access + 1, before.organizations)


@pytest.mark.sqlite_files
def test_a_database_that_does_not_answer_is_asked_anew_by_the_next_look(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that failed is not used again, and the failure is the storage's."""
    with monkeypatch.context() as patched:
        patched.setattr(changes, "_ALL", "SELECT 1 FROM nothing")
        with pytest.raises(CannotRead):
            database.read_revisions()

    assert database.read_revisions().access >= 0


def test_a_reading_that_fails_fails_for_those_who_share_it() -> None:
    """The next one is a new try: nobody is answered by an error for ever."""
    results: list[Exception | str] = [OSError("the disk is away"), "there again"]

    async def read() -> str:
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    async def ask() -> list[object]:
        reading = SharedReading(read)
        both = await asyncio.gather(reading.result(), reading.result(), return_exceptions=True)
        return [*map(type, both), await reading.result()]

    assert asyncio.run(ask()) == [OSError, OSError, "there again"]


def test_another_organization_s_changes_are_not_read(
    bobs: TeamApi, database: Database, checkout: Team, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever Globex does to its safeguards, Acme's are not looked at again."""
    path = bobs.started() + "/policies"
    bobs.get(path)
    globex = database.write(lambda c: organizations.add(c, "Globex", now())).result()
    bobs.get(path)  # a new organization is news for all
    read: list[str] = []
    monkeypatch.setattr(
        snapshots, "read_snapshot", lambda c, organization_id, *rest: read.append(organization_id)
    )

    database.write(lambda c: stops.stop(c, globex.id, None, "Freeze", now())).result()
    answer = bobs.get(path)

    assert (answer.json()["allowed"], read) == (True, [])


def test_a_write_that_names_no_organization_is_read_by_all(
    database: Database, checkout: Team
) -> None:
    """Forgetting to name it costs time, never a decision."""
    with database.read() as connection:
        before = read_revision(connection, checkout.organization_id)

    database.write(lambda c: c.execute(update(table).values(name="Renamed"))).result()

    with database.read() as connection:
        after = read_revision(connection, checkout.organization_id)
    assert after.safeguards == before.safeguards + 1


def test_executions_silent_for_long_are_not_read(
    bobs: TeamApi, database: Database, checkout: Team, now: Clock
) -> None:
    """Ten thousand of them cost a limit nothing; one that asks again keeps its place."""
    body = {"kind": "limit", "name": "One", "reason": "Shared", "settings": {"most": 1}}
    assert bobs.post("/safeguards", body).status_code == 201
    old = bobs.started()
    now.pass_by(minutes=11)
    new = bobs.started()

    with database.read() as connection:
        running = safeguard_states.list_running(connection, checkout.organization_id, now())
    allowed = [bobs.get(run + "/policies").json()["allowed"] for run in (old, new)]

    assert [execution.id for execution in running] == [new.rpartition("/")[2]]
    assert allowed == [True, True]  # the note that the old one is alive counts from the next on


def test_decisions_are_made_once_for_runs_that_are_alike(
    database: Database, checkout: Team, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand runs with the same tags cost one decision; a stop of one run costs one more."""
    team, organization = checkout.id, checkout.organization_id
    database.write(
        lambda c: stops.stop(c, organization, team, "Mine", now(), execution_id="run-7")
    ).result()
    with database.read() as connection:
        snapshot = read_snapshot(connection, organization, None, now())
    entry = OrganizationDecisions(snapshot, {})
    decided = 0

    def count(*args: Any) -> Decision:
        nonlocal decided
        decided += 1
        return decide(*args)

    monkeypatch.setattr(decisions, "decide", count)

    places = [Place(organization, team, Run(f"run-{n}", ("kafka",))) for n in range(1000)]
    allowed = [entry.decide(place, now()).decision.allowed for place in places]

    assert (allowed.count(False), allowed[7], decided) == (1, False, 2)


# --- access ------------------------------------------------------------------------------------


def test_a_revoked_token_s_question_ends_at_once(
    url: str,
    app: Starlette,
    bobs: TeamApi,
    bob: Member,
    ada: Member,
    database: Database,
    now: Clock,
) -> None:
    """The one who waits is told that the token is not accepted; others go on waiting."""
    watch: Watch = app.state.watch
    path = bobs.base + bobs.started() + "/policies"

    async def wait_while_revoked() -> tuple[int, int]:
        async with client_of(url, bob) as client, client_of(url, ada) as other:
            tag = (await client.get(path)).headers["etag"]
            question_headers = {"If-None-Match": tag, **WAIT}
            waiting = asyncio.create_task(client.get(path, headers=question_headers))
            another = asyncio.create_task(other.get(path, headers=question_headers))
            await soon(lambda: watch.waiting == 2)
            revoked = database.write(lambda c: tokens.revoke(c, bob.token_id, now()))
            await asyncio.to_thread(revoked.result)
            status = (await waiting).status_code
            left = watch.waiting
            another.cancel()
            return status, left

    assert asyncio.run(wait_while_revoked()) == (401, 1)


def test_who_leaves_the_team_waits_no_more(
    url: str, app: Starlette, bobs: TeamApi, bob: Member, checkout: Team, database: Database
) -> None:
    """The run is not there for them any more."""
    watch: Watch = app.state.watch
    path = bobs.base + bobs.started() + "/policies"

    async def wait_while_leaving() -> int:
        async with client_of(url, bob) as client:
            tag = (await client.get(path)).headers["etag"]
            question_headers = {"If-None-Match": tag, **WAIT}
            waiting = asyncio.create_task(client.get(path, headers=question_headers))
            await soon(lambda: watch.waiting == 1)
            left = database.write(lambda c: teams.leave(c, checkout.id, bob.id))
            await asyncio.to_thread(left.result)
            return (await waiting).status_code

    assert asyncio.run(wait_while_leaving()) == 404


def test_a_question_that_was_held_for_long_is_answered_without_the_database(
    url: str,
    app: Starlette,
    bobs: TeamApi,
    bob: Member,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stop wakes thousands: what is known of who asks is good until access changes."""
    path = bobs.base + bobs.started() + "/policies"
    clock: Clock = app.state.now
    loads: list[object] = []
    load = AccessCache._load

    async def load_and_count(self: AccessCache, request: Any, *args: Any) -> Any:
        loads.append(request)
        return await load(self, request, *args)

    monkeypatch.setattr(AccessCache, "_load", load_and_count)

    async def wait_for_a_stop() -> tuple[int, bool]:
        async with client_of(url, bob) as client:
            tag = (await client.get(path)).headers["etag"]
            question_headers = {"If-None-Match": tag, **WAIT}
            waiting = asyncio.create_task(client.get(path, headers=question_headers))
            await soon(lambda: app.state.watch.waiting == 1)
            clock.pass_by(minutes=5)
            stop = {"kind": "stop", "name": "Freeze", "reason": "The launch is near"}
            await client.post(f"{bobs.base}/safeguards", json=stop)
            answer = await waiting
            return answer.status_code, answer.json()["allowed"]

    assert asyncio.run(wait_for_a_stop()) == (200, False)
    assert len(loads) == 1  # by the first question


def test_a_question_ends_with_its_token(
    url: str, app: Starlette, bobs: TeamApi, bob: Member, database: Database
) -> None:
    """One that expires while it waits is told so, and not first after the whole wait."""
    path = bobs.base + bobs.started() + "/policies"
    clock: Clock = app.state.now
    ends = clock().replace(microsecond=300_000)
    _, secret = database.write(
        lambda c: tokens.add(c, bob.id, "brief", clock(), ends, organization_id=bob.organization_id)
    ).result()
    brief = Member(bob.id, bob.name, secret, "")

    async def wait_past_the_end() -> int:
        async with client_of(url, brief) as client:
            tag = (await client.get(path)).headers["etag"]
            question_headers = {"If-None-Match": tag, **WAIT}
            waiting = asyncio.create_task(client.get(path, headers=question_headers))
            await soon(lambda: app.state.watch.waiting == 1)
            clock.pass_by(seconds=1)
            return (await waiting).status_code

    assert asyncio.run(wait_past_the_end()) == 401


# --- health ------------------------------------------------------------------------------------


def test_a_console_that_cannot_decide_is_not_healthy(
    app: Starlette, bobs: TeamApi, database: Database, checkout: Team, now: Clock
) -> None:
    """The check raises as long as a decision fails, and no longer."""
    path = bobs.started() + "/policies"
    watch: Watch = app.state.watch
    team = checkout
    odd = database.write(
        lambda c: safeguards.create(c, team.organization_id, team.id, "moon", "Full", now())
    ).result()
    failed = bobs.get(path).status_code

    with pytest.raises(Undecided, match="a decision failed"):
        asyncio.run(watch.check())
    database.write(lambda c: safeguards.remove(c, odd, now())).result()
    mended = bobs.get(path).status_code
    asyncio.run(watch.check())

    assert (failed, mended) == (500, 200)
