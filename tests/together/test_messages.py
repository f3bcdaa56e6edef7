"""Messages with real processes: runners and consoles that are killed, a Grafana, a receiver."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from sqlalchemy import update

from chaoscloud.console.db import Database
from chaoscloud.console.db.schema import executions
from tests.console.documents import ended, experiment, journal
from tests.console.postgresql_server import AVAILABLE, address, create_database, run_server
from tests.together.conftest import LIMIT, Console, User, command, serving

LOOPBACK = "127.0.0.0/8"
TOKEN = "a-token-of-grafana"


class Recorder(ThreadingHTTPServer):
    """A server on loopback that remembers every call, and answers by `answer`."""

    def __init__(self, answer: Callable[[str, str, Any], tuple[int, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.calls: list[tuple[str, str, Any]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        document = json.loads(body) if body else None
        with self.server.lock:
            self.server.calls.append((self.command, self.path, document))
            status, answer = self.server.answer(self.command, self.path, document)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - the library looks these names up

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class Annotations:
    """Grafana's HTTP API of annotations: find by tags, create, and change those fields sent."""

    def __init__(self) -> None:
        self.by_id: dict[int, dict[str, Any]] = {}

    def answer(self, method: str, path: str, document: Any) -> tuple[int, Any]:
        """Answer as Grafana does; one without `timeEnd` is a point in time."""
        parts = urlsplit(path)
        if method == "GET":
            tags = set(parse_qs(parts.query)["tags"])
            items = self.by_id.items()
            return 200, [{"id": n, **item} for n, item in items if tags <= set(item["tags"])]
        if method == "POST":
            number = len(self.by_id) + 1
            self.by_id[number] = {"timeEnd": document["time"], **document}
            return 200, {"message": "Annotation added", "id": number}
        self.by_id[int(parts.path.rpartition("/")[2])].update(document)
        return 200, {"message": "Annotation patched"}

    @property
    def is_open(self) -> bool:
        """Whether there is one region, which has begun and not ended."""
        return [item["timeEnd"] - item["time"] for item in self.by_id.values()] == [0]

    @property
    def is_closed(self) -> bool:
        """Whether there is one region, which has ended."""
        return [item["timeEnd"] > item["time"] for item in self.by_id.values()] == [True]


@contextmanager
def recording(answer: Callable[[str, str, Any], tuple[int, Any]]) -> Iterator[Recorder]:
    """Serve on loopback until the block ends."""
    with Recorder(answer) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(LIMIT)


def wait_until(is_true: Callable[[], bool]) -> None:
    """Look again and again; fails when it takes too long."""
    ends_at = time.monotonic() + LIMIT
    while not is_true():
        assert time.monotonic() < ends_at, "it did not come"
        time.sleep(0.05)


def post(console: Console, path: str, body: Any, method: str = "POST") -> Any:
    """Call the team's API; the decoded answer."""
    answer = requests.request(
        method,
        f"{console.url}/api/v1{console.team}{path}",
        json=body,
        headers={"Authorization": f"Bearer {console.token}"},
        timeout=LIMIT,
    )
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


def kill(console: Console) -> None:
    """Kill a console as the kernel would: it says nothing to anybody."""
    console.process.send_signal(signal.SIGKILL)
    console.process.wait(LIMIT)


def let_time_pass(console: Console) -> None:
    """Make every execution one that was heard of for the last time 16 minutes ago."""
    long_ago = datetime.now(UTC) - timedelta(minutes=16)
    with Database.open(f"sqlite:///{console.data / 'console.sqlite3'}") as database:
        database.write(
            lambda connection: connection.execute(update(executions).values(last_seen_at=long_ago))
        ).result()


# What dies after the runner was killed, or before: the console is started again.
DEATHS = ("of the runner", "of the runner, then of the console", "of the console, then the runner")


@pytest.mark.parametrize("death", DEATHS)
def test_a_killed_run_closes_its_region_in_grafana(user: User, tmp_path: Path, death: str) -> None:
    """Also where the console was killed in between, or away when the runner died."""
    grafana = Annotations()
    sleeper = command("lose-the-broker", "import time; time.sleep(300)")
    user.keep("e.json", {"title": "Orders", "description": "-", "tags": ["kafka"],
                         "method": [sleeper]})  # fmt: skip
    with recording(grafana.answer) as server, ExitStack() as stack:
        console = stack.enter_context(serving(tmp_path / "console", networks=LOOPBACK))
        port = urlsplit(console.url).port or 0
        user.sign_in(console)
        settings = {"url": server.url, "token": TOKEN}
        post(console, "/subscriptions", {"name": "G", "target": "grafana", "settings": settings})
        with user.running("run", "e.json") as runner:
            wait_until(lambda: grafana.is_open)
            if death == DEATHS[2]:
                kill(console)
            runner.kill()
            runner.wait(LIMIT)
        if death == DEATHS[1]:
            kill(console)
        if death != DEATHS[0]:
            console = stack.enter_context(
                serving(tmp_path / "console", port=port, networks=LOOPBACK)
            )
        let_time_pass(console)
        wait_until(lambda: grafana.is_closed)
        [execution] = console.executions()

    [annotation] = grafana.by_id.values()
    assert {"chaos", "kafka", f"execution:{execution['id']}"} <= set(annotation["tags"])
    assert [method for method, _, _ in server.calls if method != "GET"] == ["POST", "PATCH"]


@pytest.mark.skipif(not AVAILABLE, reason="no PostgreSQL on this machine")
def test_two_consoles_share_the_messages_and_one_is_killed(tmp_path: Path) -> None:
    """Each message comes once, in order; after the kill at least once, under the same id."""
    pytest.importorskip("psycopg")
    with ExitStack() as stack:
        postgresql = stack.enter_context(run_server())
        database = address(postgresql, create_database(postgresql))
        server = stack.enter_context(recording(lambda *_: (200, {})))
        one = stack.enter_context(serving(tmp_path / "one", database=database, networks=LOOPBACK))
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "token-for-the-tests").write_text(one.token)
        other = stack.enter_context(
            serving(tmp_path / "other", database=database, networks=LOOPBACK)
        )
        types = ["execution.started", "execution.finished"]
        settings = {"url": server.url}
        subscription = {"name": "W", "target": "webhook", "settings": settings, "events": types}
        post(one, "/subscriptions", subscription)
        published = post(one, "/experiments", {"experiment": experiment()})["id"]

        _run(published, (one, other), 20)
        wait_until(lambda: len(server.calls) >= 40)
        time.sleep(1)  # for a second copy, which is not to come
        in_peace = [call[2] for call in server.calls]
        _run(published, (one, other), 20, kill_at=10)
        wait_until(lambda: len({call[2]["id"] for call in server.calls}) >= 80)

    assert len(in_peace) == len({event["id"] for event in in_peace}) == 40
    by_subject: dict[str, list[str]] = {}
    for _, _, event in server.calls:
        kinds = by_subject.setdefault(event["subject"], [])
        if event["type"] not in kinds:
            kinds.append(event["type"])
    order = tuple(f"chaosiq.{type_}" for type_ in types)
    assert len(by_subject) == 40
    assert {tuple(kinds) for kinds in by_subject.values()} == {order}


def _run(published: str, consoles: tuple[Console, Console], number: int, kill_at: int = -1) -> None:
    """Start and end executions by turns; kill the second console before one of them."""
    one, other = consoles
    for turn in range(number):
        if turn == kill_at:
            kill(other)
            other = one
        console = (one, other)[turn % 2]
        path = f"/experiments/{published}/executions"
        made = post(console, path, {"journal": journal()})
        post(console, f"{path}/{made['id']}", {"journal": ended()}, "PUT")
