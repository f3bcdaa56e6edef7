"""What the tests of the matrix share: what a console answers, when, and what is due then."""

import logging
import pwd
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from tests.plugin.loopback import Handler, drip
from tests.plugin.runs import activity, orders
from tests.plugin.stub_console import StubConsole, kind_of

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


def build_experiment(trouble: Trouble, moment: str, interrupted: bool) -> dict[str, Any]:
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


def fail(*_: Any, **__: Any) -> Any:
    """Be a mistake of ours."""
    raise ZeroDivisionError("ours")


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

    console.instead = reply
    if not kind:
        monkeypatch.setattr(Outbox, "register", fail)


HOOKS = {
    "before_loading_experiment_control": "chaoscloud.controls.loading.read_workspace",
    "after_loading_experiment_control": "chaoscloud.controls.loading.remember_source",
    "configure_control": "chaoscloud.controls.console.console_of",
    "configure_control, the guard": "chaoscloud.controls.opening.build_guard",
    "configure_control, the run": "chaoscloud.controls.run.Run.__init__",
    "configure_control, an import": "chaoscloud.controls.opening",
    "a hook": "chaoscloud.controls.run.Run.handle",
    "a hook finds its run": "chaoscloud.controls.open_runs.OpenRuns.find",
    "the guard opens": "chaoscloud.safeguards.guard.Guard.open",
    "the guard checks": "chaoscloud.safeguards.guard.Guard.check",
}


def break_hook(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a mistake of ours into this place of `HOOKS`."""
    if place.endswith("an import"):
        monkeypatch.setitem(sys.modules, HOOKS[place], None)  # importing it fails
    else:
        monkeypatch.setattr(HOOKS[place], fail)


def break_answers(trouble: Trouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a mistake of ours into what reads answers, where that is the trouble."""
    if trouble.name == "our own bug":
        monkeypatch.setattr(question, "read_answer", trouble.read_answer)


HOMES = ["nobody's", "a file"]


def leave_no_home(home: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no home to write into, as in a container or in somebody's own program."""

    def forget_user(_: int) -> Any:
        raise KeyError("uid not found")  # as the system answers for a user that it does not know

    monkeypatch.chdir(folder)
    (folder / "file").touch()
    monkeypatch.setenv("HOME", str(folder / "file"))
    if home == "nobody's":
        monkeypatch.delenv("HOME")
        monkeypatch.setattr(pwd, "getpwuid", forget_user)


def settings_in_mode(console: StubConsole, mode: str = "required") -> dict[str, Any]:
    """The settings of somebody who signed in here, with this guard mode."""
    settings = console.settings
    settings["controls"]["chaosiq-cloud"]["safeguards"] = {"required": mode == "required"}
    return settings


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
