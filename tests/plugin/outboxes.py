"""Outboxes of runs that never were, for tests and for processes that tests kill."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chaoscloud.api import build_base_url
from chaoscloud.api._http import ConsoleSession
from chaoscloud.delivery.outbox import Outbox
from chaoscloud.delivery.posting import Post, post_to
from chaoscloud.delivery.records import Contents, read_lines
from chaoscloud.redaction import Redactor
from chaoscloud.tenancy import Tenancy
from tests.plugin.runs import orders

CHECKOUT = Tenancy("acme", "Acme", "checkout", "Checkout")
JOURNAL: dict[str, Any] = {"status": "running", "start": "2026-03-02T09:30:00.000000"}


@contextmanager
def post_at(url: str, folder: Path, token: str = "ada") -> Iterator[Post]:
    """The way to the console at `url`, and the shelf in `folder`."""
    with ConsoleSession(build_base_url(url, "acme", "checkout"), token) as session:
        yield post_to(url, CHECKOUT, session, folder)


@contextmanager
def outbox_at(url: str, folder: Path, secrets: Any = None) -> Iterator[Outbox]:
    """An outbox for a run that is told to that console."""
    with post_at(url, folder) as post:
        outbox = Outbox(post, Redactor(secrets))
        yield outbox
        outbox.close()
        thread = outbox._worker._thread
        if thread is not None:
            thread.join(5)


def spooled(folder: Path) -> list[Contents]:
    """What the spool files in a folder say."""
    files = sorted((folder / "chaosiq" / "outbox").glob("*/*.jsonl"))
    return [read_lines(file.read_bytes().splitlines(keepends=True)) for file in files]


def ids_in(contents: Contents) -> list[str]:
    """The ids of the events that wait in a spool file."""
    records = [entry.read() for entry in contents.pending.values()]
    return [record["event"]["id"] for record in records if record["kind"] == "event"]


def main(url: str, folder: str) -> None:
    """Record a run without end, until somebody kills the process; say so once it goes on."""
    with outbox_at(url, Path(folder)) as outbox:
        experiment = orders()
        outbox.start(experiment, JOURNAL)
        sys.stdout.write("started\n")
        sys.stdout.flush()
        for number in range(100_000):
            outbox.event("starting-activity", {"name": f"activity {number}"})
            time.sleep(0.0005)


if __name__ == "__main__":
    main(*sys.argv[1:])
