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
from chaoscloud.delivery.records import SpoolContents, read_lines
from chaoscloud.delivery.sender import Destination
from chaoscloud.delivery.spool_directory import Recipient
from chaoscloud.redaction import Redactor
from tests.plugin.runs import orders

JOURNAL: dict[str, Any] = {"status": "running", "start": "2026-03-02T09:30:00.000000"}
LAST_JOURNAL: dict[str, Any] = {
    "status": "completed",
    "start": "2026-03-02T09:30:00.000000",
    "end": "2026-03-02T09:30:05.000000",
}


def destination_at(
    url: str, folder: Path, team: str = "checkout", call_limit: float = 30.0
) -> Destination:
    """The console at `url`, and the spools in `folder`."""

    def open_session() -> ConsoleSession:
        session = ConsoleSession(build_base_url(url, "acme", team), "ada")
        session.call_limit = call_limit
        return session

    return Destination.of(Recipient(url, "acme", team), open_session, folder)


@contextmanager
def outbox_at(
    url: str, folder: Path, secrets: Any = None, call_limit: float = 30.0
) -> Iterator[Outbox]:
    """An outbox for a run that is recorded in that console."""
    outbox = Outbox(destination_at(url, folder, call_limit=call_limit), Redactor(secrets))
    yield outbox
    if not outbox.is_closed:
        outbox.release()
    join_threads(outbox)


def join_threads(outbox: Outbox) -> None:
    """Wait until nothing of it goes on."""
    for thread in outbox._sender._threads:
        thread.join(5)


def end(outbox: Outbox, journal: dict[str, Any] = LAST_JOURNAL) -> None:
    """What a run records at its end."""
    outbox.record_end(journal)
    outbox.release()


def spooled(folder: Path) -> list[SpoolContents]:
    """What the spool files in a folder say."""
    files = sorted((folder / "chaosiq" / "outbox").glob("*/*.jsonl"))
    return [read_lines(file.read_bytes().splitlines(keepends=True)) for file in files]


def ids_in(contents: SpoolContents) -> list[str]:
    """The ids of the events that wait in a spool file."""
    documents = [record.parse() for record in contents.pending.values()]
    return [document["event"]["id"] for document in documents if document["kind"] == "event"]


def main(url: str, folder: str) -> None:
    """Record a run without end, until somebody kills the process; say so once it goes on."""
    with outbox_at(url, Path(folder)) as outbox:
        experiment = orders()
        outbox.register(experiment, JOURNAL)
        sys.stdout.write("started\n")
        sys.stdout.flush()
        for number in range(100_000):
            outbox.record_event("starting-activity", {"name": f"activity {number}"})
            time.sleep(0.0005)


if __name__ == "__main__":
    main(*sys.argv[1:])
