"""The outbox of a run: what it records, what it says, and what it leaves behind."""

import json
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chaoscloud.delivery import flushing
from chaoscloud.delivery import spool as spool_module
from chaoscloud.delivery.errors import deferred_signals
from chaoscloud.delivery.flushing import read_flush_timeout
from chaoscloud.delivery.report import Report
from tests.plugin.loopback import Seen
from tests.plugin.outboxes import (
    JOURNAL,
    LAST_JOURNAL,
    end,
    outbox_at,
    spooled,
)
from tests.plugin.runs import block_of, orders
from tests.plugin.stub_console import HANG_UP, Answer, StubConsole, serving

pytestmark = pytest.mark.loopback

AWAY = "http://127.0.0.1:9"


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


def test_a_start_names_both_and_the_page(console: StubConsole, tmp_path: Path) -> None:
    """What the console said is in the answer and in the experiment's block."""
    experiment = orders()

    with outbox_at(console.served.url, tmp_path) as outbox:
        registration = outbox.register(experiment, JOURNAL)

    page = f"{console.served.url}/acme/checkout/executions/monday"
    assert (registration.experiment_id, registration.execution_id) == ("orders", "monday")
    assert (registration.address, registration.problem, registration.pending) == (page, None, None)
    assert block_of(experiment) == {"name": "chaosiq", **registration.ids}


def test_the_execution_is_created_with_the_experiment_it_runs(
    console: StubConsole, tmp_path: Path
) -> None:
    """The journal that creates it holds the experiment with its id."""
    with outbox_at(console.served.url, tmp_path) as outbox:
        outbox.register(orders(), {**JOURNAL, "experiment": {"title": "as it was before"}})

    [created] = console.bodies("execution")
    assert created["journal"]["experiment"]["title"] == orders()["title"]
    assert block_of(created["journal"]["experiment"])["experiment_id"] == "orders"


def test_a_run_starts_with_one_request_where_the_console_takes_it(
    console: StubConsole, tmp_path: Path
) -> None:
    """The experiment goes once, and the answer names the execution, too."""
    execution = {"id": "tuesday", "address": "/api/acme/checkout/executions/tuesday"}
    console.answer = lambda kind, entries: (
        (201, {"id": "orders", "execution": execution}) if kind == "experiment" else None
    )

    with outbox_at(console.served.url, tmp_path) as outbox:
        registration = outbox.register(orders(), JOURNAL)
        end(outbox)

    [start] = console.bodies("experiment")
    assert start["experiment"]["title"] == orders()["title"]
    assert start["journal"] == JOURNAL
    assert console.kinds == ["experiment", "journal"]
    assert registration.ids == {"experiment_id": "orders", "execution_id": "tuesday"}
    assert registration.address == f"{console.served.url}/acme/checkout/executions/tuesday"
    assert outbox.report.sent == 4


def test_a_start_that_is_not_taken_in_one_goes_in_two(console: StubConsole, tmp_path: Path) -> None:
    """What is wrong with the execution does not cost the experiment."""

    def answer(kind: str, request: Seen) -> Answer | None:
        return (422, []) if "journal" in json.loads(request.body) else None

    console.answer = answer

    with outbox_at(console.served.url, tmp_path) as outbox:
        registration = outbox.register(orders(), JOURNAL)
        outbox.discard()

    assert console.kinds == ["experiment", "experiment", "execution"]
    assert registration.experiment_id == "orders"
    assert registration.problem


def test_an_unchanged_experiment_keeps_its_id(console: StubConsole, tmp_path: Path) -> None:
    """204 comes without one."""
    console.answer = lambda kind, entries: (204, None) if kind == "experiment" else None
    experiment = orders() | {"extensions": [{"name": "chaosiq", "experiment_id": "known"}]}

    with outbox_at(console.served.url, tmp_path) as outbox:
        registration = outbox.register(experiment, JOURNAL)

    assert registration.ids == {"experiment_id": "known", "execution_id": "monday"}


def test_without_a_start_nothing_is_recorded(console: StubConsole, tmp_path: Path) -> None:
    """There is nothing an event or a journal could belong to."""
    with outbox_at(console.served.url, tmp_path) as outbox:
        outbox.record_event("starting-method", orders())
        end(outbox)

    assert console.kinds == []
    assert outbox.report.sent == 0


def test_ids_are_put_in_where_they_were_not_known(console: StubConsole, tmp_path: Path) -> None:
    """The journal of a run the console did not know of names its execution when it arrives."""
    console.answer = lambda kind, entries: HANG_UP
    with outbox_at(console.served.url, tmp_path) as outbox:
        outbox.register(orders(), JOURNAL)
        block = {"name": "chaosiq", "experiment_id": None, "execution_id": None}
        console.answer = lambda kind, records: None
        end(outbox, {"status": "completed", "experiment": orders(), "extensions": [block]})

    [sent] = console.bodies("journal")
    assert block_of(sent["journal"])["execution_id"] == "monday"
    assert block_of(sent["journal"])["experiment_id"] == "orders"


def test_an_event_says_how_much_was_taken_out(console: StubConsole, tmp_path: Path) -> None:
    """A number among its attributes; none where there was nothing."""
    with outbox_at(console.served.url, tmp_path, {"password": "correct-horse"}) as outbox:
        outbox.register(orders(), JOURNAL)
        outbox.record_event(
            "activity-finished", {"name": "leak"}, ["correct-horse", "x correct-horse"]
        )
        outbox.record_event("method-finished", orders(), [])
        end(outbox)

    leaking, clean = console.bodies("event")
    assert leaking["redacted"] == 2
    assert "redacted" not in clean


def test_when_no_clean_copy_can_be_made_nothing_of_it_goes(
    console: StubConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event goes without its data, and says so."""
    with outbox_at(console.served.url, tmp_path) as outbox:
        outbox.register(orders(), JOURNAL)

        def broken(_: Any) -> Any:
            raise RuntimeError("dictionary changed size during iteration")

        monkeypatch.setattr(outbox._recorder._redactor, "redact", broken)
        outbox.record_event("activity-finished", {"name": "leak"}, "correct-horse")
        outbox.release()

    [event] = console.bodies("event")
    data = json.loads(event["data"])
    assert (data["context"], data["state"]) == (None, None)
    assert data["error"]["type"] == "redaction"
    assert "correct-horse" not in console.everything


SECRET = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=4, max_size=12
).map(
    lambda text: f"Zq{text}9x"  # nothing of ours reads like that
)


@given(secret=SECRET)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_secret_is_sent_spooled_or_logged(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture, secret: str
) -> None:
    """Wherever it stands in what a run tells, in any of its spellings."""
    folder = tmp_path_factory.mktemp("secrets")
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    spellings = {secret, json.dumps(secret)[1:-1], json.dumps(json.dumps(secret)[1:-1])[1:-1]}

    with serving() as console:
        with outbox_at(console.served.url, folder, {"password": secret}) as outbox:
            outbox.register({**orders(), "description": f"with {secret}"}, JOURNAL)
            outbox.record_event(
                "activity-finished", {"name": secret}, {"output": [secret, f"as {secret}"]}
            )
            spool = b"".join(file.read_bytes() for file in folder.rglob("*.jsonl")).decode()
            end(outbox, {**LAST_JOURNAL, "run": [{"output": f"<{secret}>"}]})
        everything = "\n".join([console.everything, spool, caplog.text])

    assert "[redacted]" in everything
    assert [spelling for spelling in spellings if spelling in everything] == []


def test_where_nothing_can_be_kept_the_loss_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No console, and no disk: the user reads at the start that the record may be lost."""
    monkeypatch.setattr(flushing, "OUT_OF_CONTACT", 0.1)
    (tmp_path / "chaosiq").write_text("in the way")

    with outbox_at(AWAY, tmp_path) as outbox:
        registration = outbox.register(orders(), JOURNAL)
        outbox.record_event("starting-method", orders())
        end(outbox)

    assert registration.pending
    assert registration.disk_error
    report = outbox.report
    assert (report.lost, report.pending) == (5, 0)
    assert report.as_notes()["not_recorded"] == {"lost": 5, "reason": registration.disk_error}
    assert "5 lost" in caplog.text


def test_a_disk_that_fills_up_costs_nothing_while_the_console_answers(
    console: StubConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be written is sent all the same."""
    with outbox_at(console.served.url, tmp_path) as outbox:
        outbox.register(orders(), JOURNAL)
        monkeypatch.setattr(spool_module.Spool, "_write", lambda *_: False)
        outbox.record_event("starting-method", orders())
        end(outbox)

    assert console.kinds[-2:] == ["event", "journal"]
    assert outbox.report.lost == outbox.report.pending == 0


def test_a_forked_child_records_nothing(
    console: StubConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the run's objects, but neither its thread nor its file."""
    with outbox_at(console.served.url, tmp_path) as outbox:
        outbox.register(orders(), JOURNAL)
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: -1)
            outbox.record_event("starting-method", orders())
            end(outbox)
            outbox.close()
        outbox.record_event("method-finished", orders())
        outbox.release()

    assert console.events == ["method-finished"]


def test_without_a_thread_everything_is_kept(
    console: StubConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No thread is started while the interpreter shuts down."""

    def refuse(_: Any) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr("threading.Thread.start", refuse)

    with outbox_at(console.served.url, tmp_path) as outbox:
        registration = outbox.register(orders(), JOURNAL)
        end(outbox)

    assert "interpreter shutdown" in str(registration.pending)
    assert [len(contents.pending) for contents in spooled(tmp_path)] == [4]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_skips_the_wait_and_loses_nothing(
    console: StubConsole, tmp_path: Path, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    """The journal is recorded, and the last line says what is pending."""
    console.answer = lambda kind, entries: console.hang() if kind == "event" else None
    with outbox_at(console.served.url, tmp_path) as outbox:
        outbox.register(orders(), JOURNAL)
        outbox.record_event("starting-method", orders())
        with deferred_signals() as interrupted:
            outbox.record_end(LAST_JOURNAL)
            os.kill(os.getpid(), number)
            outbox.release(interrupted)
        console.closing.set()

    assert outbox.report.pending == 3
    assert "3 pending on this machine" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_journal_is_copied_loses_nothing(
    console: StubConsole, tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is held back until all is recorded."""
    with outbox_at(console.served.url, tmp_path) as outbox:
        outbox.register(orders(), JOURNAL)
        redact = outbox._recorder._redactor.redact

        def interrupt(document: Any) -> Any:
            os.kill(os.getpid(), number)
            return redact(document)

        with monkeypatch.context() as patch, deferred_signals() as interrupted:
            patch.setattr(outbox._recorder._redactor, "redact", interrupt)
            outbox.record_end(LAST_JOURNAL)

    assert interrupted.is_set()
    assert [sent["journal"]["status"] for sent in console.bodies("journal")] == ["completed"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        (" 0.5 ", 0.5),
        ("0", 0),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("nan", None),
    ],
)
def test_the_user_may_say_how_long_the_end_waits(text: str, seconds: float | None) -> None:
    """In seconds; what makes no sense counts as nothing said."""
    assert read_flush_timeout({"CHAOSIQ_FLUSH_TIMEOUT": text}) == seconds


def test_for_ever_is_as_long_as_a_wait_can_be() -> None:
    """No wait of Python's takes infinity."""
    matches = read_flush_timeout({"CHAOSIQ_FLUSH_TIMEOUT": "inf"})

    assert matches is not None
    assert 0 < matches < float("inf")


PAGE = "https://console.example.com/acme/checkout/executions/monday"


@pytest.mark.parametrize(
    ("report", "level", "line"),
    [
        (
            Report(sent=3, address=PAGE),
            logging.INFO,
            f"The record of this run: 3 sent to the console. See {PAGE}",
        ),
        (
            Report(sent=1, pending=2, reason="it is away", address=PAGE),
            logging.WARNING,
            "The record of this run: 1 sent to the console, 2 pending on this machine (it is away)."
            f" See {PAGE}. What is pending is sent by the next run, or by `chaos publish`.",
        ),
        (
            Report(sent=1, rejected=1, lost=1, loss="too large"),
            logging.WARNING,
            "The record of this run: 1 sent to the console, 1 rejected by the console (too large), "
            "1 lost (too large). `chaos publish --rejected` tries again what was rejected.",
        ),
    ],
)
def test_one_line_says_what_became_of_the_record(report: Report, level: int, line: str) -> None:
    """Where it is, how much was sent, what is pending, why and what sends it, and what is lost."""
    assert report.describe() == (level, line)
