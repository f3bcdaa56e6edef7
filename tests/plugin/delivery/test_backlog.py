"""What earlier runs left: each spool has a state of its own, and holds up nothing but itself."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from chaoscloud.cli import publish
from chaoscloud.delivery.outbox import Outbox
from chaoscloud.delivery.records import encode_members
from chaoscloud.delivery.spool_directory import Recipient, SpoolDirectory
from chaoscloud.redaction import Redactor
from tests.plugin.loopback import Handler, Seen
from tests.plugin.outboxes import (
    JOURNAL,
    destination_at,
    end,
    join_threads,
    outbox_at,
    spooled,
)
from tests.plugin.runs import block_of, orders
from tests.plugin.stub_console import HANG_UP, Answer, StubConsole, serving

pytestmark = pytest.mark.loopback


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


def leave_behind(console: StubConsole, folder: Path, team: str, event_type: str) -> Path:
    """What a run of a team left that could not send its last event."""
    spool = SpoolDirectory(folder).create(Recipient(console.served.url, "acme", team))
    spool.learn(experiment_id="orders", execution_id=f"of-{team}")
    event = encode_members(event={"id": event_type, "type": event_type}, data={})
    spool.append("event", event, event_type)
    spool.leave()
    assert spool.path is not None
    return spool.path


def run_once(console: StubConsole, folder: Path) -> Outbox:
    """A run that waits as long as a run does."""
    with outbox_at(console.served.url, folder) as outbox:
        outbox.register(orders(), JOURNAL)
        outbox.record_event("starting-method", orders())
        end(outbox)
    return outbox


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_this_token_may_not_send_is_put_back_untouched(
    console: StubConsole, tmp_path: Path, status: int
) -> None:
    """Another team's records stay as they are; this run's, and those behind, are sent."""
    theirs = leave_behind(console, tmp_path, "payments", "theirs")
    before = theirs.read_bytes()
    leave_behind(console, tmp_path, "checkout", "behind")
    os.utime(theirs, (1, theirs.stat().st_mtime - 60))

    def answer(kind: str, entries: Seen) -> Answer | None:
        is_theirs = "/teams/payments" in entries.path
        return (status, {"title": "not yours"}) if is_theirs else None

    console.answer = answer
    outbox = run_once(console, tmp_path)

    assert theirs.read_bytes() == before
    assert console.kinds.count("journal") == 1
    assert "behind" in console.events
    assert (outbox.report.pending, outbox.report.rejected) == (0, 0)


@pytest.mark.parametrize(
    "trouble", [(503, None, {"Retry_After": "60"}), (429, None), HANG_UP, (200, None)]
)
def test_one_record_that_has_to_wait_holds_up_nothing_else(
    console: StubConsole, tmp_path: Path, trouble: Answer
) -> None:
    """Neither the run under way, nor the record of another run."""
    waits = leave_behind(console, tmp_path, "checkout", "waits")
    console.answer = lambda kind, entries: trouble if b'"waits"' in entries.body else None

    outbox = run_once(console, tmp_path)

    assert waits.exists()
    assert console.kinds.count("journal") == 1
    assert outbox.report.pending == 0


def test_a_short_run_sends_all_that_earlier_ones_left(
    console: StubConsole, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As many as there is time for, not two."""
    caplog.set_level("INFO")
    for number in range(12):
        leave_behind(console, tmp_path, "checkout", f"left-{number}")

    run_once(console, tmp_path)

    assert {f"left-{number}" for number in range(12)} <= set(console.events)
    assert spooled(tmp_path) == []
    assert caplog.text.count("Sent 1 record of an earlier run.") == 12


def test_a_captive_portal_is_no_console(console: StubConsole, tmp_path: Path) -> None:
    """Nothing counts as sent for its empty 200, whatever it is about."""

    def welcome(handler: Handler) -> bool:
        handler.say(200)
        return True

    console.instead = welcome
    with outbox_at(console.served.url, tmp_path) as outbox:
        outbox.join("orders", "monday")
        outbox.record_event("starting-method", orders())
        end(outbox)

    assert (outbox.report.sent, outbox.report.pending) == (0, 3)


@pytest.fixture
def settings_path(console: StubConsole, tmp_path: Path) -> Path:
    """Somebody who signed in to the console."""
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump(console.settings))
    path.chmod(0o600)
    return path


def chaos_publish(path: Path, *words: str) -> Any:
    """`chaos publish …`."""
    return CliRunner().invoke(publish, words, obj={"settings_path": str(path)})


def test_what_was_rejected_is_tried_again_when_somebody_asks(
    console: StubConsole, tmp_path: Path, settings_path: Path
) -> None:
    """Once the console takes it, nothing of it is left."""
    leave_behind(console, tmp_path, "checkout", "odd")
    console.answer = lambda kind, entries: (422, []) if kind == "event" else None
    rejected, nothing = chaos_publish(settings_path), chaos_publish(settings_path)
    console.answer = lambda kind, records: None

    tried_again = chaos_publish(settings_path, "--rejected")

    assert "did not take 1 of them" in rejected.output
    assert "Nothing is pending" in nothing.output
    assert "Sent 1 record of an earlier run" in tried_again.output
    assert console.events == ["odd", "odd"]
    assert list((tmp_path / "chaosiq").rglob("*.*")) == []


def test_publishing_says_where_each_execution_is(
    console: StubConsole, tmp_path: Path, settings_path: Path
) -> None:
    """The address that the console gives for what it creates."""
    console.answer = lambda kind, entries: HANG_UP
    outbox = Outbox(destination_at(console.served.url, tmp_path), Redactor())
    outbox.register(orders(), JOURNAL)
    end(outbox)
    join_threads(outbox)
    console.answer = lambda kind, records: None

    published = chaos_publish(settings_path)

    page = f"{console.served.url}/acme/checkout/executions/monday"
    assert f"of an earlier run, see {page}" in published.output


def test_what_a_token_may_not_send_is_said_and_kept(
    console: StubConsole, tmp_path: Path, settings_path: Path
) -> None:
    """The exit code is that of a refused token only if nothing could be sent."""
    leave_behind(console, tmp_path, "payments", "theirs")
    console.answer = lambda kind, entries: (
        (403, {"title": "not yours"}) if "/teams/payments" in entries.path else None
    )

    alone = chaos_publish(settings_path)
    leave_behind(console, tmp_path, "checkout", "ours")
    beside = chaos_publish(settings_path)

    assert alone.exit_code == 4
    assert "still pending" in alone.output
    assert beside.exit_code == 0
    assert [len(contents.pending) for contents in spooled(tmp_path)] == [1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_last_wait_leaves_line_and_note(
    console: StubConsole, tmp_path: Path, number: int
) -> None:
    """The journal is written with the note, so that publishing it makes no second execution."""
    console.answer = lambda kind, entries: console.hang() if kind == "event" else None
    home = tmp_path / ".chaostoolkit"
    home.mkdir()
    (home / "settings.yaml").write_text(yaml.safe_dump(console.settings))
    experiment = orders() | {"method": [], "rollbacks": []}
    del experiment["steady-state-hypothesis"]
    (tmp_path / "orders.json").write_text(json.dumps(experiment))
    output = ""
    with subprocess.Popen(
        [Path(sys.executable).with_name("chaos"), "--no-version-check", "run", "orders.json"],
        cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path), "CHAOSIQ_FLUSH_TIMEOUT": "60"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            output += line
            if "Sending the rest" in line:
                process.send_signal(number)

    journal = json.loads((tmp_path / "journal.json").read_text())
    assert "pending on this machine" in output
    assert block_of(journal)["pending"]["records"] > 0
    assert block_of(journal)["execution_id"] == "monday"
