"""Two consoles on one PostgreSQL are one console: what one is told, the other knows."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.console.documents import ended, event, experiment, journal
from tests.console.postgresql_server import (
    AVAILABLE,
    address,
    create_database,
    restart_server,
    run_server,
)
from tests.together.conftest import LIMIT, Console, serving

pytest.importorskip("psycopg")
if not AVAILABLE:
    pytest.skip("no PostgreSQL on this machine", allow_module_level=True)

BATCH = "application/cloudevents-batch+json"


@pytest.fixture
def server() -> Iterator[Path]:
    """A server of the test's own, for it may be killed."""
    with run_server() as folder:
        yield folder


@pytest.fixture
def consoles(server: Path, tmp_path: Path) -> Iterator[tuple[Console, Console]]:
    """Two consoles on one database, and the owner's token for both."""
    database = address(server, create_database(server))
    with ExitStack() as stack:
        one = stack.enter_context(serving(tmp_path / "one", database=database))
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "token-for-the-tests").write_text(one.token)
        other = stack.enter_context(serving(tmp_path / "other", database=database))
        yield one, other


def call(console: Console, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """Call below `/api/v1`, and return the answer."""
    return requests.request(
        method,
        f"{console.url}/api/v1{path}",
        json=body,
        headers={"Authorization": f"Bearer {console.token}", **headers},
        timeout=LIMIT,
    )


def start_run(console: Console) -> str:
    """The path of an execution that goes on."""
    sent = call(console, "POST", f"{console.team}/experiments", {"experiment": experiment()})
    path = f"{console.team}/experiments/{sent.json()['id']}/executions"
    made = call(console, "POST", path, {"journal": journal()})
    assert made.status_code == 201, made.text
    return f"{path}/{made.json()['id']}"


def test_a_stop_on_one_is_heard_by_runs_that_the_other_holds(
    consoles: tuple[Console, Console],
) -> None:
    """And its release by those that wait for it."""
    one, other = consoles
    run = start_run(one)
    allowed = call(other, "GET", run + "/policies")
    held = _hold(other, run, allowed.headers["ETag"])

    stop = call(one, "POST", f"{one.team}/safeguards", _stop())
    held.thread.join(LIMIT)

    assert allowed.json()["allowed"] is True
    assert held.answer().json()["allowed"] is False
    assert stop.json()["acknowledgement"]["summary"].startswith("1 of 1 run heard it")
    waiting = _hold(one, run, held.answer().headers["ETag"])
    call(other, "DELETE", f"{other.team}/safeguards/{stop.json()['id']}")
    waiting.thread.join(LIMIT)
    assert waiting.answer().json()["allowed"] is True


class _Held:
    """A question that is under way."""

    def __init__(self, console: Console, run: str, tag: str) -> None:
        self._answers: list[Any] = []

        def ask() -> None:
            headers = {"If-None-Match": tag, "Prefer": "wait=60"}
            self._answers.append(call(console, "GET", run + "/policies", **headers))
            told = {"If-None-Match": self._answers[0].headers["ETag"]}
            call(console, "GET", run + "/policies", **told)  # the run knows it

        self.thread = threading.Thread(target=ask)
        self.thread.start()

    def answer(self) -> Any:
        return self._answers[0]


def _hold(console: Console, run: str, tag: str) -> _Held:
    return _Held(console, run, tag)


def _stop() -> dict[str, str]:
    return {"kind": "stop", "name": "Black Friday", "reason": "Black Friday"}


def test_a_session_is_good_for_both_until_it_ends_at_one(
    consoles: tuple[Console, Console],
) -> None:
    """A proxy may send each request of a browser to another console."""
    one, other = consoles
    browser = _sign_in(one)
    page = "/my-organization/my-team/people"

    assert browser.get(other.url + page, timeout=LIMIT).url.endswith(page)
    _submit(browser, other, page, "/signout")
    assert "/signin" in browser.get(one.url + page, timeout=LIMIT).url


def _sign_in(console: Console) -> requests.Session:
    browser = requests.Session()
    form = browser.get(f"{console.url}/signin", timeout=LIMIT).text
    token = re.search(r'name="csrf" value="([0-9a-f]+)"', form)
    assert token
    browser.post(
        f"{console.url}/signin", data={"csrf": token[1], "token": console.token}, timeout=LIMIT
    )
    return browser


def _submit(browser: requests.Session, console: Console, page: str, action: str) -> None:
    token = re.search(
        r'name="csrf" value="([0-9a-f]+)"', browser.get(console.url + page, timeout=LIMIT).text
    )
    assert token
    browser.post(console.url + action, data={"csrf": token[1]}, timeout=LIMIT)


def test_a_live_page_of_one_shows_what_the_other_is_told(
    consoles: tuple[Console, Console],
) -> None:
    """Events, and the end of the run."""
    one, other = consoles
    run = start_run(one)
    browser = _sign_in(other)
    address = f"{other.url}/my-organization/my-team/executions/{run.rpartition('/')[2]}/live"
    stream = browser.get(
        address, headers={"Accept": "text/event-stream"}, stream=True, timeout=LIMIT
    )
    lines = (line.decode() for line in stream.iter_lines())
    assert stream.status_code == 200

    activity = event("e-1", data={"context": {"name": "drain the broker"}, "state": None})
    call(one, "POST", run + "/events", [activity], **{"Content-Type": BATCH})
    assert any("drain the broker" in line for line in lines)
    call(one, "PUT", run, {"journal": ended("completed")})
    assert any(line == "event: over" for line in lines)
    stream.close()


def test_nothing_acknowledged_is_lost_while_the_database_is_killed(
    consoles: tuple[Console, Console], server: Path
) -> None:
    """What is answered 2xx is there; what is not is sent again, as the plugin does; once each."""
    one, other = consoles
    run = start_run(one)
    acknowledged: list[str] = []
    refused: list[int] = []
    stopping = threading.Event()
    workers = [
        threading.Thread(target=_send, args=(console, run, name, acknowledged, refused, stopping))
        for name, console in (("one", one), ("other", other))
    ]
    for worker in workers:
        worker.start()
    _wait_for(lambda: len(acknowledged) > 20)

    for _ in range(2):
        restart_server(server, lambda: _wait_for(lambda: refused))
        refused.clear()
        known = len(acknowledged)
        _wait_for(lambda known=known: len(acknowledged) > known + 20)
    stopping.set()
    for worker in workers:
        worker.join(LIMIT)

    ids = [item["id"] for item in _read_events(other, run)]
    assert sorted(ids) == sorted(set(ids))
    assert set(acknowledged) <= set(ids)
    stop = call(other, "POST", f"{other.team}/safeguards", _stop())
    assert stop.status_code == 201
    assert call(one, "GET", run + "/policies").json()["allowed"] is False


def _send(
    console: Console,
    run: str,
    name: str,
    acknowledged: list[str],
    refused: list[int],
    stopping: threading.Event,
) -> None:
    """Send one event after the other, each until it is acknowledged."""
    number = 0
    while not stopping.is_set():
        number += 1
        sent = [event(f"{name}-{number}")]
        while not stopping.is_set():
            answer = call(console, "POST", run + "/events", sent, **{"Content-Type": BATCH})
            if answer.status_code < 300:
                acknowledged.append(f"{name}-{number}")
                break
            assert answer.status_code == 503, answer.text
            refused.append(answer.status_code)
            stopping.wait(0.05)


def _wait_for(happened: Any) -> None:
    deadline = time.monotonic() + LIMIT
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _read_events(console: Console, run: str) -> list[Any]:
    items: list[Any] = []
    path = run + "/events?limit=100"
    while path:
        page = call(console, "GET", path).json()
        items += page["items"]
        path = (page.get("next") or "").rpartition("/api/v1")[2]
    return items


def test_consoles_that_are_away_from_their_database_hear_stops_again(
    consoles: tuple[Console, Console], server: Path
) -> None:
    """After a restart of PostgreSQL, from each other and in time."""
    one, other = consoles
    run = start_run(one)
    restart_server(server)
    _wait_for(lambda: call(other, "GET", run + "/policies").status_code == 200)
    _wait_for(lambda: call(one, "GET", "/organizations").status_code == 200)
    held = _hold(other, run, call(other, "GET", run + "/policies").headers["ETag"])

    call(one, "POST", f"{one.team}/safeguards", _stop())
    held.thread.join(LIMIT)

    assert held.answer().json()["allowed"] is False
