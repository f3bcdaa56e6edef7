"""Ctrl-C and SIGTERM at moments where the host alone would miss them, or lose the journal."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.plugin import activities
from tests.plugin.runs import activity, block_of, orders, run
from tests.plugin.stub_console import StubConsole, serving

pytestmark = pytest.mark.loopback

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


class SendingHandler(logging.Handler):
    """Sends a signal to this process as it writes a line, once, and lives on as handlers do."""

    def __init__(self, words: str, number: int) -> None:
        super().__init__()
        self._words = words
        self._number = number
        self.is_sent = False

    def emit(self, record: logging.LogRecord) -> None:
        """Send it; what that raises here is swallowed, as `logging.StreamHandler` does."""
        if self._words in record.getMessage() and not self.is_sent:
            self.is_sent = True
            with suppress(Exception):
                os.kill(os.getpid(), self._number)


@contextmanager
def sending_at(words: str, number: int) -> Iterator[SendingHandler]:
    """Have the signal arrive while the host logs these words."""
    logger, handler = logging.getLogger("chaostoolkit"), SendingHandler(words, number)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def waiting(seconds: int) -> dict[str, Any]:
    """An experiment of one action, which takes some time, and a second one."""
    code = f"import time; time.sleep({seconds})"
    provider = {"type": "process", "path": sys.executable, "arguments": ["-c", code]}
    experiment = orders()
    action = {"type": "action", "name": "wait", "provider": provider}
    experiment["method"] = [action, activity("do", name="lose the broker")]
    return experiment


def test_sigterm_that_arrives_as_the_host_logs_still_ends_the_run(console: StubConsole) -> None:
    """`logging` swallows what the host raises for it, and the action would run to its end."""
    activities.done.clear()

    with sending_at("Action: wait", signal.SIGTERM) as handler:
        journal = run(waiting(30), console.settings)

    assert handler.is_sent
    assert journal["status"] == "interrupted"
    assert "lose the broker" not in activities.done


@pytest.mark.parametrize("number", SIGNALS)
def test_the_journal_names_the_signal_that_interrupted_the_run(
    console: StubConsole, number: signal.Signals
) -> None:
    """As the newest host does, on every host; the console gets it as well."""
    with sending_at("Action: wait", number):
        journal = run(waiting(30), console.settings)

    name = number.name
    assert journal["interruption"] == {
        "kind": "signal",
        "name": name,
        "reason": f"received {name}",
    }
    [body] = console.bodies("journal")
    assert body["journal"]["interruption"]["name"] == name


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("words", ["Cleaning up global control", "Applying after-control"])
def test_a_signal_between_the_last_controls_does_not_lose_the_journal(
    console: StubConsole, number: int, words: str
) -> None:
    """The experiment is over, and its host would end without writing the journal."""
    experiment = orders()
    del experiment["steady-state-hypothesis"]
    experiment["method"], experiment["rollbacks"] = [], []
    other = {"type": "python", "module": "tests.plugin.delivery.adding_control"}
    experiment["controls"] = [{"name": "other", "provider": other}]
    if words.startswith("Applying"):
        words = "Applying after-control 'other' on 'experiment'"

    with sending_at(words, number) as handler:
        journal = run(experiment, console.settings)

    assert handler.is_sent
    assert journal["status"] == "completed"
    assert "interruption" not in journal
    assert "not_recorded" not in block_of(journal)


def test_ctrl_c_reaches_another_control_that_takes_its_time_at_the_end(
    console: StubConsole, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is theirs to be interrupted, as it is without us."""
    (tmp_path / "uploading.py").write_text(
        "import os, signal\n\n"
        "def after_experiment_control(context, state, **kwargs):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    experiment = orders()
    provider = {"type": "python", "module": "uploading"}
    experiment["controls"] = [{"name": "uploading", "provider": provider}]

    with pytest.raises(KeyboardInterrupt):
        run(experiment, console.settings)


def test_the_handlers_of_before_are_back_after_the_run(console: StubConsole) -> None:
    """Of this process, which may be somebody else's."""
    before = [signal.getsignal(number) for number in SIGNALS]

    run(orders(), console.settings)

    assert [signal.getsignal(number) for number in SIGNALS] == before
