"""What becomes of a run: each answer a console may give, at each moment, in both modes.

answer   allow, deny, an error, a refused token, an unknown run, silence, one byte after the
         other, a page of a proxy, a mistake of ours
moment   before the start, during the method, while rollbacks run
mode     on (the run carries on without an answer), required (it does not)

And whatever becomes of the rest of the plugin: the record is refused, or still pending; there is no
home; each function that the host calls makes a mistake of its own.
"""

import json
import logging
import pwd
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import chaoslib.settings
import pytest
from chaoslib.control import load_global_controls
from chaoslib.exceptions import InterruptExecution
from chaoslib.experiment import run_experiment
from chaoslib.loader import load_experiment

from chaoscloud.api.policies import read_answer
from chaoscloud.delivery.outbox import Outbox
from chaoscloud.safeguards import question
from chaoscloud.safeguards.timing import Timing
from tests.plugin import activities
from tests.plugin.guarding import FRIDAY, use_timing
from tests.plugin.loopback import Handler, drip
from tests.plugin.runs import activity, block_of, orders, run
from tests.plugin.stub_console import StubConsole, kind_of, serving

pytestmark = pytest.mark.loopback

ANSWERS = ["allow", "deny", "5xx", "401", "404", "hang", "drip", "bad JSON", "our own bug"]
MOMENTS = ["before", "during", "in rollbacks"]
MODES = ["on", "required"]

LONG = 30.0  # seconds: what waits that long was not stopped
QUICK = Timing(every=0.02, limit=5.0, fresh=0.02, fresh_held=0.02, backoff=0.0, lease=1.0)
PATIENCE = 0.7  # seconds, where the console says nothing: more than it needs when it is well

CARRIES_ON = "The experiment carries on without them"
NOT_STARTED = "They are required: the experiment does not start without them"
WILL_BE_STOPPED = "They are required: the experiment is stopped unless the console answers"
REFUSED = "Black Friday: nobody touches the shop"
NOBODY = "Safeguards are required: nobody answers"
TOO_LATE = "A safeguard denies this run while the rollbacks run"


@dataclass
class Trouble:
    """What the console does with questions about safeguards, once it is on."""

    name: str
    questions: int = 0
    on: bool = False

    def reply(self, console: StubConsole, handler: Handler) -> bool:
        """Answer the question in hand, if it is one; returns whether it was."""
        if not self.on or kind_of(console.served.seen[-1]) != "policies":
            return False
        self.questions += 1
        match self.name:
            case "hang":
                console.closing.wait()
            case "drip":
                handler.send_response(200)
                handler.send_header("Content-Length", "1000")
                handler.end_headers()
                drip(handler, b" ")
            case _:
                status, body = WORDS[self.name]
                handler.say(status, body)
                return True
        handler.close_connection = True
        return True

    def read_answer(self, status: int, body: object) -> Any:
        """What reads an answer, with a mistake in it once the trouble is on."""
        if self.on:
            self.questions += 1
            raise KeyError("a mistake of ours")
        return read_answer(status, body)


WORDS = {
    "allow": (200, b'{"allowed": true}'),
    "deny": (
        200,
        b'{"allowed": false, "policies": '
        b'[{"name": "Black Friday", "reason": "nobody touches the shop"}]}',
    ),
    "5xx": (503, b""),
    "401": (401, b'{"allowed": true}'),
    "404": (404, b'{"allowed": false}'),
    "bad JSON": (200, b"<html>welcome</html>"),
    "our own bug": (200, b'{"allowed": true}'),
}


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds become hundredths; nothing of another test is left."""
    activities.done.clear()
    activities.moments.clear()
    use_timing(monkeypatch, QUICK)


def outcome_of(answer: str, moment: str, mode: str) -> str:
    """What the design says: refused, interrupted, noted, or completed with or without a word."""
    if answer == "allow":
        return "completed"
    if answer == "deny":
        return {"before": "refused", "during": "interrupted", "in rollbacks": "noted"}[moment]
    if moment != "in rollbacks" and mode == "required":
        return {"before": "not started", "during": "lease"}[moment]
    return "unguarded"


def until(happened: Callable[[], bool]) -> None:
    """Be busy until something has happened."""
    ends = time.monotonic() + LONG
    while not happened() and time.monotonic() < ends:
        time.sleep(0.01)


def the_experiment(trouble: Trouble, moment: str, interrupted: bool) -> dict[str, Any]:
    """An experiment in which trouble begins at this moment, and is there for a while."""

    def begin() -> None:
        trouble.on = True
        # The watch may end with the first no; else it goes on asking, two addresses at a time.
        until(lambda: not interrupted and (trouble.questions > 2 or not is_watched()))

    activities.moments["lose the broker"] = begin if moment == "during" else lambda: None
    activities.moments["bring it back"] = begin if moment == "in rollbacks" else lambda: None
    trouble.on = moment == "before"
    return orders() | {
        "method": [activity("live", name="lose the broker"), activity("do", name="lose another")],
        "rollbacks": [activity("live", name="bring it back")],
    }


def is_watched() -> bool:
    """Whether somebody watches."""
    return any(thread.name == "safeguards" for thread in threading.enumerate())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_each_answer_at_each_moment(
    console: StubConsole,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    moment: str,
    mode: str,
) -> None:
    """Outcome, exit code, log and journal."""
    trouble = Trouble(answer)
    console.instead = lambda handler: trouble.reply(console, handler)
    if answer in ("hang", "drip"):
        use_timing(monkeypatch, replace(QUICK, limit=PATIENCE))
    if answer == "our own bug":
        monkeypatch.setattr(question, "read_answer", trouble.read_answer)
    settings = console.settings
    settings["controls"]["chaosiq-cloud"]["safeguards"] = {"required": mode == "required"}
    expected = outcome_of(answer, moment, mode)
    experiment = the_experiment(trouble, moment, expected in ("interrupted", "lease"))

    with caplog.at_level(logging.INFO, logger="chaostoolkit"):
        journal = run(experiment, settings)

    block = block_of(journal)
    stopped = expected in ("refused", "interrupted", "not started", "lease")
    assert journal["status"] == ("interrupted" if stopped else "completed")
    assert exit_code_of(journal) == (1 if stopped else 0)
    assert activities.done == DONE[expected]
    assert [words for words in SAID[expected] if words not in caplog.text] == []
    assert (block["safeguards"] or [None])[0] == STOPPED_BY[expected](block)
    assert ("safeguards_without_answer" in block) is (expected in ("unguarded", "lease")) or (
        expected == "not started"
    )
    assert ("stop" in block) is stopped
    assert ("safeguards_during_rollbacks" in block) is (expected == "noted")
    assert block.get("rollbacks_not_played") == (
        ["live"] if expected in ("interrupted", "lease") else None
    )


RECORDS = ["422 experiment", "413 experiment", "422 execution", "503 experiment", "our own bug"]


def refuse_record(
    record: str, console: StubConsole, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have no execution filed for this run."""
    status, kind = record.split(maxsplit=1) if record[0].isdigit() else ("", "")

    def reply(handler: Handler) -> bool:
        if kind and kind_of(console.served.seen[-1]) == kind:
            handler.say(int(status), b"[]")
            return True
        return trouble.reply(console, handler)

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("ours")

    console.instead = reply
    if not kind:
        monkeypatch.setattr(Outbox, "register", fail)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("answer", ["allow", "deny", "404"])
@pytest.mark.parametrize("record", RECORDS)
def test_a_run_without_a_record_is_guarded_as_any_other(
    console: StubConsole,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    record: str,
    answer: str,
    moment: str,
    mode: str,
) -> None:
    """It is asked about by its tags, which are those of the document; 404 is an older console."""
    trouble = Trouble(answer)
    refuse_record(record, console, trouble, monkeypatch)
    settings = console.settings
    settings["controls"]["chaosiq-cloud"]["safeguards"] = {"required": mode == "required"}
    expected = outcome_of(answer, moment, mode)
    experiment = the_experiment(trouble, moment, expected in ("interrupted", "lease"))

    with caplog.at_level(logging.INFO, logger="chaostoolkit"):
        journal = run(experiment | {"tags": ["production"]}, settings)

    assert activities.done == DONE[expected]
    assert [words for words in SAID[expected] if words not in caplog.text] == []
    questions = [request for request in console.served.seen if kind_of(request) == "policies"]
    assert {request.path.partition("checkout/")[2] for request in questions} == {
        "policies?tag=production"
    }
    assert block_of(journal)["safeguards"] == (None if expected in UNSTOPPED else ANY)


UNSTOPPED = ("completed", "unguarded", "noted")

HOOKS = {
    "before_loading_experiment_control": "chaoscloud.controls.loading.read_workspace",
    "after_loading_experiment_control": "chaoscloud.controls.loading.remember_source",
    "configure_control": "chaoscloud.controls.opening.console_of",
    "configure_control, the guard": "chaoscloud.controls.opening.build_guard",
    "configure_control, the run": "chaoscloud.controls.run.Run.__init__",
    "configure_control, an import": "chaoscloud.controls.opening",
    "a hook": "chaoscloud.controls.run.Run.handle",
    "a hook finds its run": "chaoscloud.controls.open_runs.OpenRuns.find",
    "the guard opens": "chaoscloud.safeguards.guard.Guard.open",
    "the guard checks": "chaoscloud.safeguards.guard.Guard.check",
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("place", HOOKS)
def test_a_mistake_of_ours_in_what_the_host_calls(
    console: StubConsole,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    place: str,
    mode: str,
) -> None:
    """It is said, and then the mode decides. The host would drop our control without a word."""

    def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("ours")

    settings = console.settings
    settings["controls"]["chaosiq-cloud"]["safeguards"] = {"required": mode == "required"}
    document = tmp_path / "orders.json"
    document.write_text(json.dumps(orders()))
    if place.endswith("an import"):
        monkeypatch.setitem(sys.modules, HOOKS[place], None)  # importing it fails
    else:
        monkeypatch.setattr(HOOKS[place], fail)

    outcomes = [load_and_run(document, settings) for _ in range(2)]

    assert "this run is not guarded" in caplog.text.lower()
    may_run = mode == "on"
    assert [status for status, _ in outcomes] == [("completed" if may_run else "not run")] * 2
    for journal in [journal for _, journal in outcomes if journal and "loading" not in place]:
        assert "ZeroDivision" in str(block_of(journal)) or place.endswith("an import")
        assert ("interruption" in journal) is not may_run
    assert ("lose the broker" in activities.done) is may_run


@pytest.mark.parametrize(
    "place",
    [
        "run.Run.start_rollbacks",
        "run.Run._finish",
        "open_runs.OpenRuns.pop",
        "relay.Relay._tell",
    ],
)
def test_a_mistake_of_ours_stops_no_rollbacks(
    console: StubConsole,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    """Not even where safeguards are required: it is said, and they are run to the end."""

    def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("ours")

    settings = console.settings
    settings["controls"]["chaosiq-cloud"]["safeguards"] = {"required": True}
    monkeypatch.setattr(f"chaoscloud.controls.{place}", fail)
    if place == "relay.Relay._tell":  # at the method's start the run may be stopped
        settings["controls"]["chaosiq-cloud"]["safeguards"] = {"required": False}

    journal = run(orders(), settings)

    assert journal["status"] == "completed"
    assert activities.done[-1] == "bring the broker back"
    assert "ZeroDivisionError" in caplog.text


def load_and_run(document: Path, settings: dict[str, Any]) -> tuple[str, Any]:
    """Load and run as `chaos run` does: what is refused while it is loaded is not run."""
    token = chaoslib.settings.loaded_settings.set(settings)
    try:
        load_global_controls(settings)
        experiment = load_experiment(str(document), settings)
        journal = run_experiment(experiment, settings=settings)
    except InterruptExecution as x:
        logging.getLogger("chaostoolkit").warning("%s", x)
        return "not run", None
    finally:
        chaoslib.settings.loaded_settings.reset(token)
    return "not run" if journal["status"] == "interrupted" else journal["status"], journal


def forget_user(_: int) -> Any:
    """As the system answers for a user that it does not know."""
    raise KeyError("uid not found")


@pytest.mark.parametrize("home", ["nobody's", "a file"])
@pytest.mark.parametrize("answer", ["allow", "deny"])
def test_a_run_without_a_home_is_guarded(
    console: StubConsole, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str, answer: str
) -> None:
    """As in a container, or in somebody's own program; nothing is written elsewhere instead."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    if home == "nobody's":
        monkeypatch.delenv("HOME")
        monkeypatch.setattr(pwd, "getpwuid", forget_user)
    trouble = Trouble(answer, on=True)
    console.instead = lambda handler: trouble.reply(console, handler)

    journal = run(orders(), console.settings)

    assert journal["status"] == {"allow": "completed", "deny": "interrupted"}[answer]
    assert activities.done == ([] if answer == "deny" else ANY)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def exit_code_of(journal: dict[str, Any]) -> int:
    """As `chaos run` has it."""
    return 0 if journal["status"] == "completed" and not journal["deviated"] else 1


BEGUN = ["keep the orders", "lose the broker"]
WHOLE = [*BEGUN, "lose another", "keep the orders", "bring it back"]

DONE = {
    "completed": WHOLE,
    "unguarded": WHOLE,
    "noted": WHOLE,
    "interrupted": BEGUN,
    "lease": BEGUN,
    "refused": [],
    "not started": [],
}

SAID = {
    "completed": ["Safeguards are active"],
    "unguarded": ["Safeguards could not be asked"],
    "noted": [TOO_LATE, REFUSED],
    "interrupted": [REFUSED, "Rollbacks not run after the stop"],
    "lease": [WILL_BE_STOPPED, NOBODY, "Rollbacks not run after the stop"],
    "refused": [REFUSED],
    "not started": [NOT_STARTED, NOBODY],
}


def nobody_in(block: dict[str, Any]) -> Any:
    """The stand-in for a policy, where nobody answered."""
    [policy] = block["safeguards"]
    assert policy["name"] == "Safeguards are required"
    return policy


STOPPED_BY: dict[str, Callable[[dict[str, Any]], Any]] = {
    "completed": lambda _: None,
    "unguarded": lambda _: None,
    "noted": lambda _: None,
    "interrupted": lambda _: FRIDAY,
    "refused": lambda _: FRIDAY,
    "lease": nobody_in,
    "not started": nobody_in,
}


@pytest.mark.parametrize(("answer", "runs"), [("5xx", 200), ("hang", 20), ("drip", 20)])
def test_without_an_answer_nothing_starts_in_many_runs(
    console: StubConsole, monkeypatch: pytest.MonkeyPatch, answer: str, runs: int
) -> None:
    """Whatever the timing. Where an answer is required, its absence is a no."""
    use_timing(monkeypatch, Timing(limit=0.02))
    trouble = Trouble(answer, on=True)
    console.instead = lambda handler: trouble.reply(console, handler)
    settings = console.settings
    settings["controls"]["chaosiq-cloud"]["safeguards"] = {"required": True}

    statuses = {run(orders(), settings)["status"] for _ in range(runs)}

    assert statuses == {"interrupted"}
    assert activities.done == []


def test_a_run_the_console_does_not_record_does_not_start_where_that_is_required(
    console: StubConsole, caplog: pytest.LogCaptureFixture
) -> None:
    """Publishing is off, or no team is chosen: nobody can be asked about the run."""
    settings = console.settings
    control = settings["controls"]["chaosiq-cloud"]
    control["safeguards"] = {"required": True}
    control["features"]["publish"] = "off"

    journal = run(orders(), settings)

    assert journal["status"] == "interrupted"
    assert activities.done == []
    assert "publishing is disabled" in caplog.text
    assert console.kinds == []


def test_what_an_organization_imposes_outlives_its_console(
    console: StubConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remembered in the settings, it counts against a choice of the user and without an answer."""
    settings = console.settings
    control = settings["controls"]["chaosiq-cloud"]
    control["safeguards"] = {"required_by": ["acme"]}
    control["features"]["safeguards"] = "off"
    trouble = Trouble("5xx", on=True)
    console.instead = lambda handler: trouble.reply(console, handler)

    journal = run(orders(), settings)

    assert journal["status"] == "interrupted"
    assert activities.done == []
