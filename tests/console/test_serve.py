"""`chaosiq-console serve` as a process: its start, its lines, its end."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from chaoscloud.console.cli._server import Server, describe_address, listen
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.db.lock import lock_database

LIMIT = 30  # seconds: a process that takes longer hangs


@dataclass
class Served:
    """A console that serves: its process, its address and what it said on stdout."""

    process: subprocess.Popen[str]
    lines: list[str]
    log: Path

    @property
    def url(self) -> str:
        return self.lines[0].removeprefix("Console ready at ")

    @property
    def token(self) -> str:
        return self.lines[1].removeprefix("Owner's token (shown once): ")

    def stopped(self, sig: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(sig)
        self.process.communicate(timeout=LIMIT)
        return self.process.returncode


Serve = Callable[..., Served]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "console"


@pytest.fixture
def serve(data: Path, tmp_path: Path) -> Iterator[Serve]:
    """Start a console on the folder; wait until it is ready."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> Served:
        first = not (data / "console.sqlite3").exists()
        log = tmp_path / "console.log"
        with log.open("a") as errors:
            process = subprocess.Popen(
                command("serve", "--data", str(data), "--port", "0", *options),
                env=environment(tmp_path),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        started.append(process)
        assert process.stdout is not None
        return Served(
            process, [process.stdout.readline().strip() for _ in range(4 if first else 1)], log
        )

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=LIMIT)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "chaoscloud.console", *words]


def environment(home: Path) -> dict[str, str]:
    ours = ("DATABASE_URL", "XDG_DATA_HOME", "CHAOSIQ_CONSOLE_DATA")
    variables = {name: value for name, value in os.environ.items() if name not in ours}
    return variables | {"HOME": str(home)}


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), env=environment(home), capture_output=True, text=True, timeout=LIMIT
    )


def test_the_first_start_tells_all_that_is_needed_to_sign_in(serve: Serve, data: Path) -> None:
    """Address, token, and the command to paste; the token is accepted, the folder is private."""
    served = serve()

    answer = httpx2.get(
        f"{served.url}/api/v1/organizations", headers={"Authorization": f"bearer {served.token}"}
    )

    assert served.url.startswith("http://127.0.0.1:")
    assert served.lines[2] == f"Sign in with: chaos signin --url {served.url}"
    assert [item["name"] for item in answer.json()] == ["My organization"]
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_the_first_start_prints_an_address_that_signs_a_browser_in_once(serve: Serve) -> None:
    """A second browser that opens it is shown the form."""
    served = serve()
    address = served.lines[3].removeprefix("In a browser (once, within 10 minutes): ")

    first = httpx2.get(address)
    second = httpx2.get(address)
    home = httpx2.get(served.url, cookies=first.cookies)

    assert address.startswith(f"{served.url}/signin?once=")
    assert (first.status_code, second.status_code) == (303, 401)
    assert home.headers["location"] == "/my-organization/my-team"


def test_a_later_start_shows_no_token(serve: Serve) -> None:
    """What was shown once is not shown again; what was kept is still there."""
    first = serve()
    assert first.stopped() == 0

    second = serve()

    second.process.send_signal(signal.SIGTERM)
    rest, _ = second.process.communicate(timeout=LIMIT)
    assert second.lines[0].startswith("Console ready at http://127.0.0.1:")
    assert rest == ""


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_asked_whoever_holds_on(serve: Serve, sig: signal.Signals) -> None:
    """Idle connections and half-sent requests keep no console from ending well."""
    served = serve()
    where = urlsplit(served.url)
    assert where.hostname is not None
    assert where.port is not None
    with (
        httpx2.Client() as idle,
        socket.create_connection((where.hostname, where.port)) as half_sent,
    ):
        idle.get(f"{served.url}/healthz")
        half_sent.sendall(
            b"POST /api/v1/organizations HTTP/1.1\r\nHost: console\r\nContent-Length: 9\r\n\r\n{"
        )

        assert served.stopped(sig) == 0


def test_a_second_console_on_the_same_data_is_refused(serve: Serve, data: Path) -> None:
    """The reason names the file and who serves it; the first goes on."""
    served = serve()

    second = run(data.parent, "serve", "--data", str(data), "--port", "0")

    assert second.returncode == 1
    assert second.stderr == (
        f"Error: Another console serves {data / 'console.sqlite3'} already"
        f" (process {served.process.pid}).\n"
    )
    assert httpx2.get(f"{served.url}/healthz").status_code == 200


def test_a_second_console_through_a_link_is_refused(serve: Serve, data: Path) -> None:
    """Another name for the folder, or for the file in it, leads to the same database."""
    serve()
    folder, file = data.with_name("folder-link"), data.with_name("file-link.sqlite3")
    folder.symlink_to(data)
    file.symlink_to(data / "console.sqlite3")
    elsewhere = str(data.with_name("elsewhere"))

    by_folder = run(data.parent, "serve", "--data", str(folder), "--port", "0")
    by_file = run(
        data.parent, "serve", "--data", elsewhere, "--database", f"sqlite:///{file}", "--port", "0"
    )

    assert (by_folder.returncode, by_file.returncode) == (1, 1)
    assert f"Another console serves {folder / 'console.sqlite3'} already" in by_folder.stderr
    assert f"Another console serves {file} already" in by_file.stderr


def test_a_console_that_was_killed_does_not_lock_out_the_next(serve: Serve) -> None:
    """The lock ends with the process, however it ends."""
    first = serve()
    first.process.kill()
    first.process.communicate(timeout=LIMIT)

    assert httpx2.get(f"{serve().url}/healthz").status_code == 200


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    """And no token is made that nobody would ever see."""
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        port = str(taken.getsockname()[1])

        refused = run(tmp_path, "serve", "--data", str(tmp_path), "--port", port)

    assert refused.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use" in refused.stderr
    assert not (tmp_path / "console.sqlite3").exists()


def test_commands_work_beside_the_server(serve: Serve, data: Path) -> None:
    """A token made beside it opens at once; revoked beside it, it opens no more."""
    served = serve()
    result = run(data.parent, "token", "add", "--person", "owner", "--data", str(data))
    headers = {"Authorization": f"Bearer {result.stdout.strip()}"}
    token_id = result.stderr.split()[1]
    before = httpx2.get(f"{served.url}/api/v1/organizations", headers=headers)

    run(data.parent, "token", "remove", token_id, "--data", str(data))
    after = httpx2.get(f"{served.url}/api/v1/organizations", headers=headers)

    assert (before.status_code, after.status_code) == (200, 401)


def test_the_log_has_a_line_a_request_and_no_secrets(serve: Serve) -> None:
    """When asked for: method, path, status and time; neither tokens nor what stood in a query."""
    served = serve("--access-log")

    httpx2.get(
        f"{served.url}/api/v1/organizations?token=in-the-query",
        headers={"Authorization": f"Bearer {served.token}"},
    )
    served.stopped()

    [line] = [item for item in served.log.read_text().splitlines() if "/api/v1" in item]
    assert "INFO GET /api/v1/organizations 200 " in line
    assert served.token not in line
    assert "in-the-query" not in line


def test_requests_are_not_logged_unless_asked_for(serve: Serve) -> None:
    """The terminal of whoever starts a console has what concerns them."""
    served = serve()

    httpx2.get(f"{served.url}/healthz")
    served.stopped()

    assert "/healthz" not in served.log.read_text()


def test_who_waits_is_let_go_before_the_end(config: Config, database: Database) -> None:
    """A held request is answered when the process is asked to stop, not cut off."""
    question_came = threading.Event()

    async def hold(request: Request) -> PlainTextResponse:
        question_came.set()
        await request.app.state.stopping.wait()
        return PlainTextResponse("the console is going away")

    with _serving([Route("/hold", hold)]) as (server, url):
        answers: list[str] = []
        waiting = threading.Thread(
            target=lambda: answers.append(httpx2.get(f"{url}/hold", timeout=LIMIT).text)
        )
        waiting.start()
        question_came.wait()

        server.handle_exit(signal.SIGTERM, None)
        waiting.join()

    assert answers == ["the console is going away"]


HANGING = """
import asyncio, sys, threading, time
from chaoscloud.console.api import routes
from chaoscloud.console.cli import main
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def hang(request):
    loop = asyncio.get_running_loop()
    for _ in range(40):
        {hang}
    return PlainTextResponse("it hangs")

routes.append(Route("/api/hang", hang))
main(["serve", "--data", sys.argv[1], "--port", "0"])
"""


@pytest.mark.parametrize(
    "hang",
    [
        pytest.param("loop.run_in_executor(None, time.sleep, 600)", id="a name server"),
        pytest.param(
            "loop.create_task(request.app.state.db.reading(lambda c: time.sleep(600)))",
            id="a database that is read",
        ),
        pytest.param(
            "request.app.state.db.write(lambda c: time.sleep(600))", id="a disk that is written"
        ),
        pytest.param(
            "threading.Thread(target=time.sleep, args=(600,)).start()", id="a thread of a library"
        ),
    ],
)
def test_it_stops_when_asked_whatever_hangs(hang: str, data: Path, tmp_path: Path) -> None:
    """Threads that wait for others cannot be interrupted; the process ends without them."""
    process = subprocess.Popen(
        [sys.executable, "-c", HANGING.format(hang=hang), str(data)],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip().removeprefix("Console ready at ")
    assert httpx2.get(f"{url}/api/hang").text == "it hangs"

    process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=LIMIT)
    finally:
        process.kill()

    assert process.returncode == 0
    with lock_database(data / "console.sqlite3"):  # nobody holds it any more
        pass


@contextmanager
def _serving(routes: list[Route]) -> Iterator[tuple[Server, str]]:
    """A server in a thread of this process."""
    app, ready = Starlette(routes=routes), threading.Event()
    app.state.stopping = asyncio.Event()
    server, bound = Server(app, ready.set), listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, args=([bound],))
    thread.start()
    ready.wait()
    try:
        yield server, describe_address("127.0.0.1", bound)
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(
    ("host", "entry"),
    [
        ("127.0.0.1", "http://127.0.0.1:"),
        ("0.0.0.0", "http://127.0.0.1:"),  # noqa: S104
        ("::", "http://[::1]:"),
        ("::1", "http://[::1]:"),
        ("localhost", "http://localhost:"),
    ],
)
def test_the_address_shown_is_one_that_can_be_opened(host: str, entry: str) -> None:
    """Listening everywhere is shown as loopback, the only address known to work here."""
    with listen("127.0.0.1", 0) as bound:
        assert describe_address(host, bound) == f"{entry}{bound.getsockname()[1]}"
