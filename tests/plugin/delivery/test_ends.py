"""Every run ends in the record: what it crashes over, what other controls add, orphans."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chaoscloud.delivery.copies import copy_document, shorten, summarise_event
from chaoscloud.redaction import Redactor
from tests.plugin.loopback import Handler, Seen
from tests.plugin.outboxes import (
    JOURNAL,
    LAST_JOURNAL,
    destination_at,
    end,
    join_threads,
    outbox_at,
    spooled,
)
from tests.plugin.runs import activity, block_of, orders, run, without
from tests.plugin.stub_console import Answer, StubConsole, kind_of, serving

pytestmark = pytest.mark.loopback


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


def journals(console: StubConsole) -> list[Any]:
    """The journals a console was sent at the end of a run, in order."""
    return [body["journal"] for body in console.bodies("journal")]


def test_a_run_that_the_host_crashes_over_is_aborted(console: StubConsole) -> None:
    """A tolerance that the host does not understand: our last hook is passed by."""
    experiment = orders()
    experiment["steady-state-hypothesis"]["probes"][0]["tolerance"] = {"type": "regex"}

    with pytest.raises(TypeError):
        run(experiment, without("safeguards", console.settings))

    [sent] = journals(console)
    assert sent["status"] == "aborted"
    assert sent["end"]
    assert sent["experiment"]["title"] == experiment["title"]
    assert block_of(sent)["execution_id"] == "monday"


def test_the_record_is_the_journal_as_the_host_writes_it(console: StubConsole) -> None:
    """With what controls add that are called after ours."""
    experiment = orders()
    module = "tests.plugin.delivery.adding_control"
    experiment["controls"] = [
        {"name": "adding", "provider": {"type": "python", "module": module}},
    ]

    journal = run(experiment, without("safeguards", console.settings))

    [sent] = journals(console)
    assert journal["added"] == "after ours"
    assert sent["added"] == "after ours"
    assert sent["added_at_cleanup"] == "after all hooks"


@pytest.mark.parametrize(
    ("value", "note"),
    [
        (b"\xff\xfe", "[bytes: has no form in JSON]"),
        ({1, 2}, "[set: has no form in JSON]"),
        (Path("/tmp"), "[PosixPath: has no form in JSON]"),  # noqa: S108 - it is not used
        (object(), "[object: has no form in JSON]"),
        ({(1, 2): "x"}, {"[tuple: is no key in JSON]": "x"}),
    ],
)
def test_what_has_no_json_becomes_a_note_of_its_type(value: Any, note: Any) -> None:
    """And nothing else is lost for it."""
    text, _ = copy_document({"status": "completed", "output": value}, Redactor())

    assert json.loads(text) == {"status": "completed", "output": note}


def test_what_contains_itself_or_is_too_deep_becomes_a_note() -> None:
    """Where it does; around it all is there."""
    cycle: dict[str, Any] = {"name": "cycle"}
    cycle["self"] = cycle
    deep: list[Any] = []
    for _ in range(3_000):
        deep = [deep]

    copies = [json.loads(copy_document({"a": 1, "b": v}, Redactor())[0]) for v in (cycle, deep)]

    assert copies[0] == {
        "a": 1,
        "b": {"name": "cycle", "self": "[dict: contains itself]"},
    }
    assert copies[1]["a"] == 1
    assert "is nested too deeply" in str(copies[1]["b"])


def test_the_end_goes_before_a_journal_that_cannot_be_copied(
    console: StubConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status and times arrive with what was known when the run began."""
    with outbox_at(console.served.url, tmp_path) as outbox:
        outbox.register(orders(), JOURNAL)
        redact = outbox._recorder._redactor.redact

        def break_down(document: Any) -> Any:
            if "run" in document:
                raise MemoryError
            return redact(document)

        monkeypatch.setattr(outbox._recorder._redactor, "redact", break_down)
        end(outbox, {**LAST_JOURNAL, "run": [], "deviated": True})

    [sent] = journals(console)
    assert (sent["status"], sent["deviated"], sent["end"]) == (
        "completed",
        True,
        LAST_JOURNAL["end"],
    )
    assert sent["experiment"]["title"] == orders()["title"]
    assert outbox.report.lost == 1


@pytest.mark.parametrize("page", [True, False], ids=["proxy", "console"])
def test_a_journal_that_is_too_large_is_cut(
    console: StubConsole, tmp_path: Path, page: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Its outputs; the rest is there, and the cut is said."""
    body = b"<html>too large</html>" if page else b'{"title": "too large"}'

    def refuse(handler: Handler) -> bool:
        entries = handler.console.seen[-1]
        if kind_of(entries) == "journal" and len(entries.body) > 100_000:
            handler.say(413, body, Content_Type="text/html" if page else "application/json")
            return True
        return False

    console.instead = refuse
    with outbox_at(console.served.url, tmp_path) as outbox:
        outbox.register(orders(), JOURNAL)
        large = {"output": "x" * 200_000, "status": "succeeded", "duration": 2.5}
        end(outbox, {**LAST_JOURNAL, "run": [large]})

    sent = journals(console)[-1]
    assert sent["status"] == "completed"
    assert sent["run"][0]["duration"] == 2.5
    assert sent["run"][0]["output"].endswith("[… 200000 characters in all]")
    assert block_of(sent)["cut"]["reason"] == "the whole journal is too large for the console"
    assert "its outputs are cut" in caplog.text
    assert (outbox.report.pending, outbox.report.rejected) == (0, 0)


def test_when_no_journal_is_taken_the_end_goes_alone(console: StubConsole, tmp_path: Path) -> None:
    """The console rejects what activities did; it learns how the run ended all the same."""

    def answer(kind: str, entries: Seen) -> Answer | None:
        is_rejected = kind == "journal" and b"unwanted" in entries.body
        return (422, [{"loc": ["run"], "msg": "odd", "type": "odd"}]) if is_rejected else None

    console.answer = answer
    with outbox_at(console.served.url, tmp_path) as outbox:
        outbox.register(orders(), JOURNAL)
        end(outbox, {**LAST_JOURNAL, "run": [{"output": "unwanted"}]})

    assert [(sent["status"], "run" in sent) for sent in journals(console)] == [
        ("completed", True),
        ("completed", False),
    ]
    assert outbox.report.rejected == 1


def test_the_next_run_ends_a_run_whose_process_died(console: StubConsole, tmp_path: Path) -> None:
    """Aborted, at the last moment something was recorded, with what was known at its start."""
    died = outbox_of_a_process_that_dies(console, tmp_path)

    with outbox_at(console.served.url, tmp_path) as outbox:
        outbox.register(orders(), JOURNAL)
        end(outbox)

    aborted = next(sent for sent in journals(console) if sent["status"] == "aborted")
    assert aborted["end"] == died
    assert aborted["start"] == JOURNAL["start"]
    assert aborted["experiment"]["title"] == orders()["title"]
    assert "ended without a word" in block_of(aborted)["aborted"]["reason"]
    assert spooled(tmp_path) == []


def outbox_of_a_process_that_dies(console: StubConsole, folder: Path) -> str:
    """Leave what a killed process leaves: all is sent, and nothing ended; the last event's time."""
    from chaoscloud.delivery.outbox import Outbox
    from chaoscloud.delivery.registry import remove_outbox

    outbox = Outbox(destination_at(console.served.url, folder), Redactor())
    outbox.register(orders(), JOURNAL)
    outbox.record_event("starting-method", orders())
    outbox._sender.wait_for(lambda: outbox._spool.is_empty, 5)
    remove_outbox(outbox)
    outbox._spool.leave()
    outbox._spool.path = None  # its thread writes nothing more
    outbox._sender.close()
    join_threads(outbox)
    return str(console.bodies("event")[-1]["time"])


def test_what_others_could_not_send_is_not_said_to_be_none(
    console: StubConsole, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A run that finds nothing says nothing of it."""
    caplog.set_level("INFO")

    with outbox_at(console.served.url, tmp_path) as outbox:
        outbox.register(orders(), JOURNAL)
        end(outbox)

    assert "earlier run" not in caplog.text


def test_a_document_out_of_a_journal_makes_a_run_of_its_own(
    console: StubConsole, tmp_path: Path
) -> None:
    """Loaded from a file, it has left the run of the verification that it was taken from."""
    from chaoscloud.controls import after_loading_experiment_control

    verification = {"id": "slo", "run_id": "of-the-past"}
    block = {"name": "chaosiq", "execution_id": "of-the-past", "verification": verification}
    experiment = orders() | {"extensions": [block]}

    after_loading_experiment_control(
        context=str(tmp_path / "orders.json"), state=experiment, settings=console.settings
    )
    run(experiment, without("safeguards", console.settings))

    assert console.kinds[:2] == ["experiment", "execution"]
    assert "of-the-past" not in console.everything


def test_configuring_names_both_ids_before_it_returns(console: StubConsole) -> None:
    """However fast the console answers."""
    from chaoscloud.controls import cleanup_control, configure_control

    settings = without("safeguards", console.settings)
    for _ in range(20):
        experiment = orders()
        configure_control(experiment, settings)
        block = dict(block_of(experiment))
        cleanup_control()

        assert (block["experiment_id"], block["execution_id"]) == ("orders", "monday")


LARGE = "x" * 1_000_000


def test_a_large_output_is_sent_once(console: StubConsole) -> None:
    """In the journal: its event has the beginning, and later events repeat nothing."""
    experiment = orders() | {"method": [activity("say_much", characters=len(LARGE))]}

    run(experiment, without("safeguards", console.settings))

    sent = sum(len(view.body) for view in console.served.seen)
    [journal] = journals(console)
    assert journal["run"][0]["output"] == LARGE
    [_, finished, *_] = console.data("activity-finished")
    assert finished["state"]["output"].endswith("[… 1000000 characters in all]")
    assert finished["state"]["status"] == "succeeded"
    assert sent < 1.2 * len(json.dumps(journal))


def test_events_of_the_method_do_not_repeat_what_its_activities_did() -> None:
    """Names, times and statuses are enough."""
    runs = [{"activity": activity("do", name="x"), "output": "y", "status": "succeeded"}]

    context, state = summarise_event("method-finished", orders(), runs)

    assert context == {"title": orders()["title"]}
    assert state == [{"activity": {"name": "do", "type": "action"}, "status": "succeeded"}]


@given(secret=st.text("abcXYZ/+=é", min_size=8, max_size=60), at=st.integers(3_900, 4_200))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_part_of_a_secret_is_left_at_the_cut(secret: str, at: int) -> None:
    """Wherever in a long text it stands."""
    redactor = Redactor({"password": secret})
    text = "-" * at + secret + "-" * 100_000

    copied, _ = copy_document(shorten({"output": text}, redactor=redactor), redactor)

    beginning = json.loads(copied)["output"].partition("[…")[0]
    assert beginning.strip("-") in ("", "[redacted]"[: len(beginning.strip("-"))])


LEAVING = """
import sys
from pathlib import Path
from chaoscloud.delivery.outbox import Outbox
from chaoscloud.redaction import Redactor
from tests.plugin.outboxes import JOURNAL, destination_at
from tests.plugin.runs import orders

outbox = Outbox(destination_at(sys.argv[1], Path(sys.argv[2])), Redactor({}))
outbox.register(orders(), dict(JOURNAL))
sys.exit(3)
"""


def test_a_process_that_leaves_without_a_word_tells_the_end_of_its_run(tmp_path: Path) -> None:
    """`SystemExit` passes by the host and by us; the exit code stays that of the process."""
    root = Path(__file__).parents[3]

    with serving() as console:
        done = subprocess.run(
            [sys.executable, "-c", LEAVING, console.served.url, str(tmp_path)],
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=False,
        )

        [body] = console.bodies("journal")

    assert done.returncode == 3, done.stderr
    assert body["journal"]["status"] == "aborted"
    assert body["journal"]["end"]
    assert list(tmp_path.rglob("*.jsonl")) == []
