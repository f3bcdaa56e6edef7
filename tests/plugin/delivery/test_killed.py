"""Processes killed with -9 at random moments: what their spools hold arrives, in order, once."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from chaoscloud.commands.pending import SentRun, send_all
from tests.plugin.outboxes import destination_at, ids_in, spooled
from tests.plugin.stub_console import HANG_UP, StubConsole, kind_of, serving

pytestmark = pytest.mark.loopback

ROOT = Path(__file__).parents[3]
AT_ONCE = 4
KILLS = [(moment, is_there) for moment in range(4) for is_there in (True, False)]


def recording(console: StubConsole, folder: Path) -> "subprocess.Popen[str]":
    """A process that records a run without end."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.plugin.outboxes", console.served.url, str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def kill(process: "subprocess.Popen[str]", rng: random.Random) -> None:
    """Let a process get going, and end it at a moment it does not expect: its start, too."""
    assert process.stdout is not None
    if rng.random() < 0.8:
        process.stdout.readline()
    time.sleep(rng.uniform(0, 0.05))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


def replayed(console: StubConsole, folder: Path) -> list[SentRun]:
    """Send what a folder keeps, as `chaos publish` does."""
    return list(send_all(destination_at(console.served.url, folder)))


def arrived(console: StubConsole) -> list[Any]:
    """The events as a console has them that keeps each id once; half a body is none."""
    bodies = [view.body for view in console.served.seen if kind_of(view) == "event"]
    whole = [json.loads(body) for body in bodies if body.endswith(b"}")]
    return list({event["id"]: event for event in whole}.values())


@pytest.mark.parametrize(("moment", "is_there"), KILLS)
def test_what_killed_runs_recorded_arrives(tmp_path: Path, moment: int, is_there: bool) -> None:
    """Before or after the kill, without a gap, with a console that was there or was not."""
    rng = random.Random(moment)  # noqa: S311 - the same moments each time
    folders = [tmp_path / str(number) for number in range(AT_ONCE)]
    with ExitStack() as stack:
        consoles = [stack.enter_context(serving()) for _ in folders]
        for console in consoles:
            console.answer = lambda kind, entries: None if is_there else HANG_UP
        pairs = list(zip(consoles, folders, strict=True))

        processes = [recording(console, folder) for console, folder in pairs]
        for process in processes:
            kill(process, rng)

        for console, folder in pairs:
            lock = [item for contents in spooled(folder) for item in ids_in(contents)]
            console.answer = lambda kind, records: None
            sent = replayed(console, folder)
            events = arrived(console)
            assert set(lock) <= {event["id"] for event in events}
            sequence = [int(event["sequence"]) for event in events]
            assert sequence == list(range(1, len(events) + 1))
            assert sum(report.rejected for report in sent) == 0
            assert spooled(folder) == []


def test_two_that_replay_at_once_send_it_once(tmp_path: Path) -> None:
    """Each run's file has one owner; the other finds nothing to do."""
    with serving() as console:
        console.answer = lambda kind, entries: HANG_UP
        for number in range(3):
            process = recording(console, tmp_path)
            kill(process, random.Random(number + 10))  # noqa: S311 - likewise
        lock = [item for contents in spooled(tmp_path) for item in ids_in(contents)]
        console.answer = lambda kind, records: None
        before = len(console.served.seen)
        threads = [Thread(target=replayed, args=(console, tmp_path)) for _ in range(3)]

        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        content = console.bodies("event")[-len(lock) :]
        assert sorted(event["id"] for event in content) == sorted(lock)
        sent = console.served.seen[before:]
        keys = [(kind_of(view), view.headers["Idempotency-Key"]) for view in sent]
        creations = [(kind, key) for kind, key in keys if key]
        assert len(set(creations)) == len(creations)
        assert spooled(tmp_path) == []
