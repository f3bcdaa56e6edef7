"""The outbox of a run: what it records, what it says, and what it leaves behind."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chaoscloud.delivery import outbox as outboxes
from chaoscloud.delivery import spool as spools
from chaoscloud.delivery.outbox import flush_timeout
from chaoscloud.delivery.reports import Tally
from tests.plugin.outboxes import JOURNAL, outbox_at, spooled
from tests.plugin.runs import block_of, orders
from tests.plugin.stub_console import HANG_UP, StubConsole, serving

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

    with outbox_at(console.served.url, tmp_path) as told:
        started = told.start(experiment, JOURNAL)

    page = f"{console.served.url}/acme/checkout/executions/monday"
    assert (started.experiment_id, started.execution_id) == ("orders", "monday")
    assert (started.address, started.problem, started.kept) == (page, None, None)
    assert block_of(experiment) == {"name": "chaosiq", **started.ids}


def test_the_execution_is_created_with_the_experiment_it_runs(
    console: StubConsole, tmp_path: Path
) -> None:
    """The journal that creates it holds the experiment with its id."""
    with outbox_at(console.served.url, tmp_path) as told:
        told.start(orders(), {**JOURNAL, "experiment": {"title": "as it was before"}})

    [created] = console.bodies("execution")
    assert created["journal"]["experiment"]["title"] == orders()["title"]
    assert block_of(created["journal"]["experiment"])["experiment_id"] == "orders"


def test_an_unchanged_experiment_keeps_its_id(console: StubConsole, tmp_path: Path) -> None:
    """204 comes without one."""
    console.answer = lambda kind, seen: (204, None) if kind == "experiment" else None
    experiment = orders() | {"extensions": [{"name": "chaosiq", "experiment_id": "known"}]}

    with outbox_at(console.served.url, tmp_path) as told:
        started = told.start(experiment, JOURNAL)

    assert started.ids == {"experiment_id": "known", "execution_id": "monday"}


def test_without_a_start_nothing_is_recorded(console: StubConsole, tmp_path: Path) -> None:
    """There is nothing an event or a journal could belong to."""
    with outbox_at(console.served.url, tmp_path) as told:
        told.event("starting-method", orders())
        told.finish(JOURNAL)

    assert console.kinds == []
    assert told.notes == {}


def test_ids_are_put_in_where_they_were_not_known(console: StubConsole, tmp_path: Path) -> None:
    """The journal of a run the console did not know of names its execution when it arrives."""
    console.answer = lambda kind, seen: HANG_UP
    with outbox_at(console.served.url, tmp_path) as told:
        told.start(orders(), JOURNAL)
        block = {"name": "chaosiq", "experiment_id": None, "execution_id": None}
        console.answer = lambda kind, seen: None
        told.finish({"status": "completed", "experiment": orders(), "extensions": [block]})

    [sent] = console.bodies("journal")
    assert block_of(sent["journal"])["execution_id"] == "monday"
    assert block_of(sent["journal"])["experiment_id"] == "orders"


def test_an_event_says_how_much_was_taken_out(console: StubConsole, tmp_path: Path) -> None:
    """A number among its attributes; none where there was nothing."""
    with outbox_at(console.served.url, tmp_path, {"password": "correct-horse"}) as told:
        told.start(orders(), JOURNAL)
        told.event("activity-finished", {"name": "leak"}, ["correct-horse", "x correct-horse"])
        told.event("method-finished", orders(), [])
        told.finish(JOURNAL)

    leaking, clean = console.bodies("event")
    assert leaking["redacted"] == 2
    assert "redacted" not in clean


def test_when_no_clean_copy_can_be_made_nothing_of_it_goes(
    console: StubConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event goes without its data, and says so."""
    with outbox_at(console.served.url, tmp_path) as told:
        told.start(orders(), JOURNAL)

        def broken(_: Any) -> Any:
            raise RuntimeError("dictionary changed size during iteration")

        monkeypatch.setattr(told._redactor, "redact", broken)
        told.event("activity-finished", {"name": "leak"}, "correct-horse")
        told.flush()

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
        with outbox_at(console.served.url, folder, {"password": secret}) as told:
            told.start({**orders(), "description": f"with {secret}"}, JOURNAL)
            told.event("activity-finished", {"name": secret}, {"output": [secret, f"as {secret}"]})
            spool = b"".join(file.read_bytes() for file in folder.rglob("*.jsonl")).decode()
            told.finish({**JOURNAL, "run": [{"output": f"<{secret}>"}]})
        everything = "\n".join([console.everything, spool, caplog.text])

    assert "[redacted]" in everything
    assert [spelling for spelling in spellings if spelling in everything] == []


def test_where_nothing_can_be_kept_the_loss_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No console, and no disk: the user reads at the start that the record may be lost."""
    monkeypatch.setattr(outboxes, "OUT_OF_CONTACT", 0.1)
    (tmp_path / "chaosiq").write_text("in the way")

    with outbox_at(AWAY, tmp_path) as told:
        started = told.start(orders(), JOURNAL)
        told.event("starting-method", orders())
        told.finish(JOURNAL)

    assert started.kept
    assert started.trouble
    assert told.tally().gone == 4
    assert told.tally().kept == 0
    assert told.notes["not_recorded"]["lost"] == 4
    assert "4 not recorded" in caplog.text


def test_a_disk_that_fills_up_costs_nothing_while_the_console_answers(
    console: StubConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be written is sent all the same."""
    with outbox_at(console.served.url, tmp_path) as told:
        told.start(orders(), JOURNAL)
        monkeypatch.setattr(spools.Spool, "_write", lambda *_: False)
        told.event("starting-method", orders())
        told.finish(JOURNAL)

    assert console.kinds[-2:] == ["event", "journal"]
    assert told.tally().lost == told.tally().kept == 0


def test_a_forked_child_records_nothing(
    console: StubConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the run's objects, but neither its thread nor its file."""
    with outbox_at(console.served.url, tmp_path) as told:
        told.start(orders(), JOURNAL)
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: -1)
            told.event("starting-method", orders())
            told.finish(JOURNAL)
            told.close()
        told.event("method-finished", orders())
        told.flush()

    assert console.events == ["method-finished"]


def test_without_a_thread_everything_is_kept(
    console: StubConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No thread is started while the interpreter shuts down."""

    def refuse(_: Any) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr("threading.Thread.start", refuse)

    with outbox_at(console.served.url, tmp_path) as told:
        started = told.start(orders(), JOURNAL)
        told.finish(JOURNAL)

    assert "interpreter shutdown" in str(started.kept)
    assert [len(contents.pending) for contents in spooled(tmp_path)] == [3]


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(20)])
def test_ctrl_c_skips_the_wait_and_loses_nothing(
    console: StubConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    """The journal is recorded, and the last line says what is kept."""
    console.answer = lambda kind, seen: console.hang() if kind == "event" else None
    with outbox_at(console.served.url, tmp_path) as told:
        told.start(orders(), JOURNAL)
        told.event("starting-method", orders())

        def interrupted(*_: Any) -> bool:
            raise stop

        monkeypatch.setattr(told._worker, "wait_for", interrupted)
        told.finish(JOURNAL)
        console.closing.set()

        assert told.tally().kept == 2


@pytest.mark.parametrize(
    ("said", "seconds"),
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
def test_the_user_may_say_how_long_the_end_waits(said: str, seconds: float | None) -> None:
    """In seconds; what makes no sense counts as nothing said."""
    assert flush_timeout({"CHAOSIQ_FLUSH_TIMEOUT": said}) == seconds


def test_for_ever_is_as_long_as_a_wait_can_be() -> None:
    """No wait of Python's takes infinity."""
    found = flush_timeout({"CHAOSIQ_FLUSH_TIMEOUT": "inf"})

    assert found is not None
    assert 0 < found < float("inf")


@pytest.mark.parametrize(
    ("tally", "level", "said"),
    [
        (Tally(sent=3), logging.INFO, "The record of this run: 3 sent to the console."),
        (
            Tally(sent=1, kept=2, reason="it is away"),
            logging.WARNING,
            "The record of this run: 1 sent to the console, 2 kept on this machine (it is away). "
            "What is kept goes with the next run, or with `chaos publish`.",
        ),
        (
            Tally(sent=1, refused=1, gone=1, loss="too large"),
            logging.WARNING,
            "The record of this run: 1 sent to the console, 2 not recorded (too large).",
        ),
    ],
)
def test_one_line_says_what_became_of_the_record(tally: Tally, level: int, said: str) -> None:
    """Sent, kept and why and what sends it, lost and why."""
    assert tally.line() == (level, said)
