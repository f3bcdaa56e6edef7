"""A small shop to break: a front that hands each request to one of its workers.

Every part is a process of its own, so that killing a worker is the real thing. The front tries
the next worker when one does not answer; with no worker left it says 503.

    python shop.py serve FOLDER [PORT]     the front and two workers, until SIGTERM
    python shop.py worker NAME FOLDER      one worker, until the front is gone

`lose_worker` and `bring_back_worker` are what experiments call. FOLDER holds one file for each
process, ``{"pid": …, "port": …}``.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WORKERS = ("worker-1", "worker-2")
ORDERS = [{"id": 1, "item": "tea pot"}, {"id": 2, "item": "two cups"}]
PATIENCE = 10.0  # seconds to wait for a process to come up or to go


def lose_worker(name: str, folder: str) -> str:
    """Kill the worker without a word of warning, and wait until it is gone."""
    pid = _card(Path(folder), name)["pid"]
    os.kill(pid, signal.SIGKILL)
    _wait_until(lambda: not _is_alive(pid), f"{name} to be gone")
    return f"{name} (pid {pid}) is gone"


def bring_back_worker(name: str, folder: str) -> str:
    """Start the worker again, unless it is there, and wait until it can take requests."""
    with suppress(OSError, ValueError):
        pid = _card(Path(folder), name)["pid"]
        if _is_alive(pid):
            return f"{name} (pid {pid}) was there all along"
    _start_worker(name, Path(folder))
    return f"{name} (pid {_card(Path(folder), name)['pid']}) is back"


class _Quiet(BaseHTTPRequestHandler):
    """A handler that answers JSON and keeps the terminal for the experiment."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def answer(self, status: int, document: object) -> None:
        """Send `document` as JSON."""
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def run_worker(name: str, folder: Path) -> None:
    """Serve the orders until the front that started the shop is gone."""
    front = _card(folder, "front")["pid"]

    class Worker(_Quiet):
        def do_GET(self) -> None:
            self.answer(200, {"orders": ORDERS, "served_by": name})

    with _serving(Worker, name, folder, port=0):
        while _is_alive(front):
            time.sleep(0.5)


def run_front(folder: Path, port: int) -> None:
    """Start the workers, then hand on requests until SIGTERM or Ctrl-C; leave nobody behind."""

    class Front(_Quiet):
        def do_GET(self) -> None:
            self.answer(*_ask_a_worker(folder, self.path))

    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    with _serving(Front, "front", folder, port):
        for name in WORKERS:
            _start_worker(name, folder)
        print(f"The shop is open at http://127.0.0.1:{_card(folder, 'front')['port']}", flush=True)
        stopped.wait()
    for name in WORKERS:
        with suppress(OSError, ValueError):
            os.kill(_card(folder, name)["pid"], signal.SIGKILL)


def _ask_a_worker(folder: Path, path: str) -> tuple[int, object]:
    for name in WORKERS:
        with suppress(OSError, ValueError, http.client.HTTPException):
            connection = http.client.HTTPConnection(
                "127.0.0.1", _card(folder, name)["port"], timeout=2
            )
            connection.request("GET", path)
            return 200, json.load(connection.getresponse())
    return 503, {"error": "no worker left"}


@contextmanager
def _serving(handler: type[_Quiet], name: str, folder: Path, port: int) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    card = folder / f"{name}.json"
    draft = card.with_suffix(".new")
    draft.write_text(json.dumps({"pid": os.getpid(), "port": server.server_port}))
    draft.replace(card)
    try:
        yield
    finally:
        server.shutdown()


def _start_worker(name: str, folder: Path) -> None:
    (folder / f"{name}.json").unlink(missing_ok=True)
    subprocess.Popen(
        [sys.executable, __file__, "worker", name, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # or whoever reads the experiment's output waits for the worker
        start_new_session=True,
    )
    _wait_until((folder / f"{name}.json").exists, f"{name} to come up")


def _card(folder: Path, name: str) -> dict[str, int]:
    card: dict[str, int] = json.loads((folder / f"{name}.json").read_text())
    return card


def _is_alive(pid: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # a dead child of ours would still count as there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Say whether the process is dead and only waits for its parent (Linux; elsewhere False)."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return False


def _wait_until(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE:.0f} s for {what}")
        time.sleep(0.02)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", folder, *port]:
            run_front(Path(folder), int(port[0]) if port else 8420)
        case ["worker", name, folder]:
            run_worker(name, Path(folder))
        case _:
            sys.exit(__doc__)
