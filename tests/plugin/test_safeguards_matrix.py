"""What becomes of a run: each answer a console may give, at each moment, in both strengths.

answer   allow, deny, an error, a refused token, an unknown run, silence, one byte after the
         other, a page of a proxy, a mistake of ours
moment   before the start, during the method, while rollbacks are played
strength on (the run carries on without an answer), required (it does not)
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chaoscloud.api.policies import read_answer
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
STRENGTHS = ["on", "required"]

LONG = 30.0  # seconds: what waits that long was not stopped
QUICK = Timing(every=0.02, limit=5.0, fresh=0.02, backoff=0.0, lease=1.0)
PATIENCE = 0.7  # seconds, where the console says nothing: more than it needs when it is well

CARRIES_ON = "The experiment carries on without them"
NOT_STARTED = "They are required: the experiment does not start without them"
WILL_BE_STOPPED = "They are required: the experiment is stopped unless the console answers"
REFUSED = "Black Friday: nobody touches the shop"
NOBODY = "Safeguards are required: nobody answers"
TOO_LATE = "A safeguard says no while the rollbacks run"


@dataclass
class Trouble:
    """What the console does with questions about safeguards, once it is on."""

    name: str
    asked: int = 0
    on: bool = False

    def reply(self, console: StubConsole, handler: Handler) -> bool:
        """Answer the question in hand, if it is one; returns whether it was."""
        if not self.on or kind_of(console.served.seen[-1]) != "policies":
            return False
        self.asked += 1
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
            self.asked += 1
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


def outcome_of(answer: str, moment: str, strength: str) -> str:
    """What the design says: refused, interrupted, noted, or completed with or without a word."""
    if answer == "allow":
        return "completed"
    if answer == "deny":
        return {"before": "refused", "during": "interrupted", "in rollbacks": "noted"}[moment]
    if moment != "in rollbacks" and strength == "required":
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
        # The watch may end with the first no; else it goes on asking.
        until(lambda: not interrupted and (trouble.asked > 1 or not watched()))

    activities.moments["lose the broker"] = begin if moment == "during" else lambda: None
    activities.moments["bring it back"] = begin if moment == "in rollbacks" else lambda: None
    trouble.on = moment == "before"
    return orders() | {
        "method": [activity("live", name="lose the broker"), activity("do", name="lose another")],
        "rollbacks": [activity("live", name="bring it back")],
    }


def watched() -> bool:
    """Whether somebody watches."""
    return any(thread.name == "safeguards" for thread in threading.enumerate())


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_each_answer_at_each_moment(
    console: StubConsole,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    moment: str,
    strength: str,
) -> None:
    """Outcome, exit code, log and journal."""
    trouble = Trouble(answer)
    console.instead = lambda handler: trouble.reply(console, handler)
    if answer in ("hang", "drip"):
        use_timing(monkeypatch, replace(QUICK, limit=PATIENCE))
    if answer == "our own bug":
        monkeypatch.setattr(question, "read_answer", trouble.read_answer)
    settings = console.settings
    settings["controls"]["chaosiq-cloud"]["safeguards"] = {"required": strength == "required"}
    expected = outcome_of(answer, moment, strength)
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
    [found] = block["safeguards"]
    assert found["name"] == "Safeguards are required"
    return found


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
