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

import httpx2
import pytest
from sqlalchemy import Connection
from starlette.applications import Starlette

from chaoscloud.console import watch as room
from chaoscloud.console.cli._server import Server, address, listening
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.records import safeguards, tokens
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.safeguards import Safeguard
from chaoscloud.console.watch import Watch
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
    with listening("127.0.0.1", 0) as made:
        ready: list[bool] = []
        server = Server(app, lambda: ready.append(True))
        thread = Thread(target=server.run, args=([made],))
        thread.start()
        until(lambda: bool(ready))
        try:
            yield address("127.0.0.1", made), server
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
    database.write(
        lambda c: safeguards.stop(c, team.organization_id, team.id, reason, now())
    ).result()


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


@pytest.mark.parametrize("said", ["wait=0", "wait", "waiting=25", "wait=-5", "wait=soon"])
def test_what_is_no_wish_to_wait_is_none(bobs: TeamApi, said: str) -> None:
    """A preference that cannot be honoured is left alone (RFC 7240)."""
    answer = bobs.get(bobs.started() + "/policies", headers={"Prefer": said})

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
            asked = {"If-None-Match": tag, **WAIT}
            waiting = [
                asyncio.create_task(client.get(path, headers=asked)) for _ in range(HUNDREDS)
            ]
            await soon(lambda: watch.waiting == HUNDREDS)
            body = {"kind": "stop", "name": "Freeze", "reason": "The launch is near"}
            made = await client.post(bobs.base + "/safeguards", json=body)
            assert made.status_code == 201
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
    data = str(config.data)
    command = [sys.executable, "-m", "chaoscloud.console", "stop", "--reason", "F", "--data", data]

    async def one_of_them() -> httpx2.Response:
        async with client_of(url, bob) as client:
            tag = (await client.get(path)).headers["etag"]
            asked = {"If-None-Match": tag, **WAIT}
            waiting = asyncio.create_task(client.get(path, headers=asked))
            await soon(lambda: watch.waiting == 1)
            done = await asyncio.to_thread(
                subprocess.run,
                [*command, "--data", str(config.data)],
                env=_environment(config.data),
            )
            assert done.returncode == 0
            return await waiting

    assert asyncio.run(one_of_them()).json()["policies"][0]["name"] == "F"


def _environment(home: Path) -> dict[str, str]:
    kept = {key: each for key, each in os.environ.items() if key != "DATABASE_URL"}
    return kept | {"HOME": str(home)}


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
            asked = {"If-None-Match": tag, **WAIT}
            waiting = asyncio.create_task(client.get(path, headers=asked))
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
            asked = {"If-None-Match": tag, **WAIT}
            waiting = asyncio.create_task(client.get(path, headers=asked))
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
            asked = {"If-None-Match": tag, **WAIT}
            waiting = asyncio.create_task(client.get(path, headers=asked))
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

    async def status(asked: dict[str, str]) -> int:
        # A connection for each: the server closes one on which it failed.
        async with client_of(url, bob) as client:
            return (await client.get(path, headers=asked)).status_code

    async def both() -> list[int]:
        async with client_of(url, bob) as client:
            tag = (await client.get(path)).headers["etag"]
        waiting = asyncio.create_task(status({"If-None-Match": tag, **WAIT}))
        await soon(lambda: watch.waiting == 1)
        made = await asyncio.to_thread(database.write(odd).result)
        said = [await waiting, await status({})]
        mended = database.write(lambda c: safeguards.remove(c, made, now()))
        await asyncio.to_thread(mended.result)
        return [*said, await status({})]

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
    _, secret = database.write(lambda c: tokens.add(c, bob.id, "brief", now(), ends)).result()
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


def test_the_answer_is_looked_up_once(
    bobs: TeamApi, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second question reads nothing: neither who asks, nor the run, nor the safeguards."""
    monkeypatch.setattr(room, "TRUSTED", 3600.0)
    path = bobs.started() + "/policies"
    bobs.get(path)
    bobs.get(path)  # the sign of life has been noted, the token's use too
    reads: list[object] = []
    monkeypatch.setattr(Database, "reading", lambda *args: reads.append(args))

    answer = bobs.get(path)

    assert (answer.status_code, reads) == (200, [])
