"""Whether messages arrive, each at least once and in order, while the console is killed.

A real console sends to a receiver on loopback that fails, hangs, redirects, answers 429 and dies
between: before it has read a message, and after. Runs start and end all the while, and the console
is killed with SIGKILL and started anew. At the end every message that was written has been taken,
none before an earlier one of its run, a second copy only under the same id, each signed so that the
library's own verifier takes it. Ends with 1 when that is not so.

    python benchmarks/messages.py --runs 260 --kills 30
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

SUBSCRIPTIONS = 10
START_LIMIT, DRAIN_LIMIT = 120.0, 300.0  # seconds
_EXPERIMENT = {"title": "Orders go on", "tags": ["orders"], "method": []}
_JOURNAL = {"experiment": _EXPERIMENT, "status": "running", "run": [], "rollbacks": []}
FAULTS = {"fail": 0.03, "hang": 0.004, "redirect": 0.03, "too-many": 0.02, "die": 0.03, "cut": 0.03}

_CHANCE = random.Random()  # noqa: S311 (nothing is kept secret by it)


@dataclass
class Receiver:
    """Takes messages, or does not; `taken` are (path, id, run, type) in their order."""

    secrets: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[str, str, str, str]] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    forged: int = 0
    port: int = 0

    def start(self) -> None:
        """Serve from a thread of its own."""
        ready = threading.Event()

        def run() -> None:
            asyncio.run(self._serve(ready))

        threading.Thread(target=run, daemon=True).start()
        ready.wait()

    async def _serve(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._take(reader, writer)
        writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = _choose_fault()
        if fault:
            self.faults[fault] += 1
        if fault == "die":  # before it has read anything
            return
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        if fault == "hang":
            await asyncio.sleep(30)
            return
        answers = {"fail": "500 X", "redirect": "302 X", "too-many": "429 X"}
        if status := answers.get(fault):
            more = {
                "redirect": "Location: http://127.0.0.1:1/\r\n",
                "too-many": "Retry-After: 1\r\n",
            }
            extra = more.get(fault, "")
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n{extra}\r\n".encode())
            await writer.drain()
            return
        self._record(first.split(" ")[1], headers, body)
        if fault != "cut":  # "cut": it has taken the message, and the console does not hear of it
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

    def _record(self, path: str, headers: dict[str, str], body: bytes) -> None:
        try:
            event: Any = Webhook(self.secrets[path]).verify(body, headers)
        except Exception:  # noqa: BLE001 (counted)
            self.forged += 1
            return
        self.taken.append((path, headers["webhook-id"], event["subject"], event["type"]))


def _choose_fault() -> str:
    chance = _CHANCE.random()
    for fault, share in FAULTS.items():
        if chance < share:
            return fault
        chance -= share
    return ""


class Console:
    """A console process that is killed and started anew, on the same data and port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            self.port = reserved.getsockname()[1]
        self.token = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until it serves."""
        environ = {
            **os.environ,
            "CHAOSIQ_CONSOLE_WEBHOOK_NETWORKS": "127.0.0.0/8",
            "CHAOSIQ_CONSOLE_RATES": "api=60000000/minute",
        }
        command = [
            *(sys.executable, "-m", "chaoscloud.console", "serve"),
            *("--data", str(self.folder), "--port", str(self.port)),
        ]
        log = (self.folder / "log").open("a")
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environ
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if match := re.search(r"shown once\): (\S+)", line):
                self.token = match[1]
            if line.startswith("Console ready") and self.token:
                return
            if match:
                return
        raise SystemExit(f"the console did not start; see {self.folder / 'log'}")

    def kill(self) -> None:
        """End it without a word."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def call(self, method: str, path: str, document: object = None, key: str = "") -> Any:
        """Call the API; again and again while the console is away."""
        ends_at = time.monotonic() + START_LIMIT
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                connection.request(method, path, json.dumps(document), headers)
                response = connection.getresponse()
                body = response.read()
                connection.close()
                if response.status < 500:
                    assert response.status < 300, (response.status, body)
                    return json.loads(body) if body else None
            if time.monotonic() > ends_at:
                raise SystemExit("the console does not answer")
            time.sleep(0.05)


def _subscribe(console: Console, receiver: Receiver) -> str:
    """Subscribe so many times; the path of the team."""
    organization = console.call("GET", "/api/v1/organizations")[0]["id"]
    base = f"/api/v1/organizations/{organization}"
    team = f"{base}/teams/{console.call('GET', base + '/teams')[0]['id']}"
    for number in range(SUBSCRIPTIONS):
        path = f"/hook/{number}"
        document = {
            "name": f"Number {number}",
            "target": "webhook",
            "settings": {"url": f"http://127.0.0.1:{receiver.port}{path}"},
            "events": ["execution.started", "execution.finished"],
        }
        made = console.call("POST", f"{team}/subscriptions", document)
        receiver.secrets[path] = made["secret"]
    return team


def _run_all(console: Console, team: str, runs: int, ids: list[str]) -> None:
    """Start and end runs, each once however often the console dies meanwhile."""
    experiment = console.call(
        "POST", f"{team}/experiments", {"experiment": _EXPERIMENT}, str(uuid.uuid4())
    )["id"]
    for _ in range(runs):
        path = f"{team}/experiments/{experiment}/executions"
        journal = {"journal": _JOURNAL}
        made = console.call("POST", path, journal, str(uuid.uuid4()))
        over = {"journal": {**_JOURNAL, "status": "completed", "end": "2030-01-01T00:00:00"}}
        console.call("PUT", f"{path}/{made['id']}", over)
        ids.append(made["id"])


def _wait_for(receiver: Receiver, messages: int) -> None:
    """Wait until so many messages were taken, and for no longer than a while."""
    ends_at = time.monotonic() + START_LIMIT
    while len(receiver.taken) < messages and time.monotonic() < ends_at:
        time.sleep(0.02)


def _check(receiver: Receiver, ids: list[str]) -> dict[str, int]:
    """What is wrong with what was taken, counted."""
    by_lane: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for path, id_, run, type_ in list(receiver.taken):
        by_lane[path, run].append((id_, type_))
    wrong = {"missing": 0, "out of order": 0, "twins under another id": 0}
    for path in receiver.secrets:
        for run in ids:
            lane = by_lane[path, run]
            firsts = list(dict.fromkeys(lane))
            types = [type_ for _, type_ in firsts]
            wrong["missing"] += len(
                {"chaosiq.execution.started", "chaosiq.execution.finished"} - {*types}
            )
            wrong["twins under another id"] += len(types) - len(set(types))
            wrong["out of order"] += types[:1] == ["chaosiq.execution.finished"] and len(types) > 1
    return {**wrong, "not signed": receiver.forged}


def main() -> int:
    """Run it all and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=60, help="each makes 20 messages")
    parser.add_argument("--kills", type=int, default=5)
    options = parser.parse_args()
    receiver = Receiver()
    receiver.start()
    with tempfile.TemporaryDirectory() as folder:
        console = Console(Path(folder))
        console.start()
        team, ids = _subscribe(console, receiver), list[str]()
        work = threading.Thread(target=_run_all, args=(console, team, options.runs, ids))
        started_at = time.monotonic()
        work.start()
        expected = options.runs * SUBSCRIPTIONS * 2
        for number in range(options.kills):  # each in the midst of work, spread over all of it
            _wait_for(receiver, expected * number // options.kills)
            time.sleep(_CHANCE.uniform(0.0, 1.0))
            console.kill()
            console.start()
        work.join()
        ends_at = time.monotonic() + DRAIN_LIMIT
        while len({row[:2] for row in list(receiver.taken)}) < expected:
            if time.monotonic() > ends_at:
                break
            time.sleep(0.2)
        duration = time.monotonic() - started_at
        console.kill()
    wrong = _check(receiver, ids)
    copies = len(receiver.taken) - len({row[:2] for row in receiver.taken})
    print(f"{expected} messages over {options.kills} kills in {duration:.0f} s")
    print(f"taken {len(receiver.taken)}, of them {copies} second copies under the same id")
    print("faults: " + ", ".join(f"{name} {n}" for name, n in sorted(receiver.faults.items())))
    print("wrong: " + ", ".join(f"{name} {n}" for name, n in wrong.items()))
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
