"""Clients that are slow, or go away, and a console that cannot write."""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator
from concurrent.futures import Future
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chaoscloud.console.app import create_app
from chaoscloud.console.bodies import BodyRoom
from chaoscloud.console.config import Config
from chaoscloud.console.db import CannotWrite, Database, QueueFull
from chaoscloud.console.errors import Problem
from chaoscloud.console.middleware import RequestMiddleware
from chaoscloud.console.rates import RateLimiter
from chaoscloud.console.records import experiments
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import ended, journal
from tests.console.team import TeamApi

SCOPE: Scope = {"type": "http", "method": "POST", "path": "/", "headers": []}


async def _nothing(message: Message) -> None:
    """What is sent to it goes nowhere."""


def _pass_without_patience(app: ASGIApp, receive: Receive) -> None:
    """Send a request to an application that waits no time at all for the pieces of its body."""
    middleware = RequestMiddleware(app, room=BodyRoom(100), limiter=RateLimiter(), patience=0)
    asyncio.run(middleware(dict(SCOPE), receive, _nothing))


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    """The client is told, and its connection closed, since nobody knows what follows."""
    caught: list[Problem] = []

    async def never() -> Message:
        return await asyncio.Future()

    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        with pytest.raises(Problem) as raised:
            await receive()
        caught.append(raised.value)

    _pass_without_patience(reads, never)

    assert caught[0].status == 408
    assert caught[0].headers == {"Connection": "close"}


def test_after_the_body_a_connection_may_be_held() -> None:
    """Long answers wait for the news that the client has gone, for as long as it takes."""
    received: list[str] = []

    async def give() -> Message:
        if not received:
            return {"type": "http.request"}
        for _ in range(10):  # turns of the loop, in the first of which patience would end
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        received.append((await receive())["type"])
        received.append((await receive())["type"])

    _pass_without_patience(reads, give)

    assert received == ["http.request", "http.disconnect"]


def test_a_client_that_goes_away_while_it_sends_leaves_nothing(
    bobs: TeamApi, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a body is no error of the console's, and nothing to keep."""

    async def gone(request: Request) -> AsyncIterator[bytes]:
        yield b"{"
        raise ClientDisconnect

    path = bobs.started()
    with monkeypatch.context() as patched:
        patched.setattr(Request, "stream", gone)
        answer = bobs.put(path, {"journal": ended()})

    assert answer.status_code == 400
    assert bobs.get(path).json() == journal()
    assert [line for line in caplog.records if line.levelno > logging.INFO] == []


@pytest.mark.parametrize(
    "failure", [QueueFull("too many"), CannotWrite("the disk is full")], ids=str
)
def test_a_console_that_cannot_write_says_when_to_come_back(
    bobs: TeamApi, database: Database, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """503, so that clients keep what they have and try again."""
    path = bobs.started()

    def fails(job: object) -> Future[Any]:
        raise failure

    with monkeypatch.context() as patched:
        patched.setattr(database._writer, "add", fails)
        answer = bobs.put(path, {"journal": ended()})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "disk" not in answer.text
    assert bobs.get(path).json() == journal()


def test_an_error_of_ours_tells_nothing_of_our_insides(
    bobs: TeamApi, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the traceback; the client has the status."""

    def fails(*args: object, **more: object) -> None:
        raise RuntimeError("a wire came loose in the cupboard")

    monkeypatch.setattr(experiments, "list_page", fails)
    answer = bobs.get("/experiments")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "cupboard" not in answer.text
    assert "cupboard" in caplog.text


@pytest.fixture
def logged(config: Config, database: Database, now: Clock) -> TestClient:
    """A client of a console that writes an access log."""
    return TestClient(create_app(dataclasses.replace(config, access_log=True), database, now=now))


def test_each_request_leaves_one_line_without_its_token(
    logged: TestClient, bob: Member, caplog: pytest.LogCaptureFixture
) -> None:
    """Method, path, status, milliseconds; neither headers nor query."""
    caplog.set_level(logging.INFO, "chaosiq.console")

    logged.get("/api/v1/organizations?token=" + bob.token, headers=bob.headers)

    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("GET /api/v1/organizations 200 ")
    assert bob.token not in caplog.text


def test_a_path_cannot_forge_a_line(logged: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """What would break the line is written as it was sent."""
    caplog.set_level(logging.INFO, "chaosiq.console")

    logged.get("/api/v1/x%0AGET%20/forged%20200")

    assert "\n" not in caplog.records[-1].getMessage()
    assert "/api/v1/x%0AGET%20/forged%20200 404" in caplog.text


def test_without_an_access_log_requests_leave_no_line(
    client: Client, bob: Member, caplog: pytest.LogCaptureFixture
) -> None:
    """As it is unless the operator wants one."""
    caplog.set_level(logging.INFO, "chaosiq.console")

    client(bob.token).get("/api/v1/organizations")

    assert caplog.records == []
