"""Where an activity cannot be interrupted: no such signal, or not on the main thread."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from chaoslib.exceptions import InterruptExecution
from chaoslib.exit import exit_signals

from chaoscloud import _settings_file
from chaoscloud.api.policies import Allowed, Denied
from chaoscloud.safeguards.guard import Guard
from chaoscloud.safeguards.question import Reply

AT_ITS_NEXT_STEP = "at its next step: an activity is not interrupted"


def opened() -> Guard:
    """The guard of a run that was allowed to start."""
    guard = Guard(lambda _: Reply(Allowed()))
    guard.open()
    return guard


def in_another_thread(work: Callable[[], object]) -> None:
    """Do the work there, and wait for it."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@pytest.fixture(autouse=True)
def info(caplog: pytest.LogCaptureFixture) -> None:
    """The line at the start is no warning."""
    caplog.set_level("INFO", logger="chaostoolkit")


def test_a_run_is_stopped_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """Where the host listens to its exit signal; the line at the start says so."""
    with exit_signals():
        opened().close()

    assert "stops this run at once" in caplog.text


@pytest.mark.parametrize("lacking", ["the signal", "the host", "the main thread"])
def test_elsewhere_the_next_control_stops_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lacking: str
) -> None:
    """The line at the start says that, and no signal is sent: it would end the process."""
    if lacking == "the signal":
        monkeypatch.delattr(signal, "SIGUSR1")

    def stopped() -> None:
        guard = opened()
        in_another_thread(lambda: guard.hear(Reply(Denied(({"name": "Black Friday"},)))))
        with pytest.raises(InterruptExecution, match="Black Friday"):
            guard.check()
        guard.close()

    in_another_thread(stopped) if lacking == "the main thread" else stopped()

    assert AT_ITS_NEXT_STEP in caplog.text


def test_the_settings_in_use_are_those_the_command_names(tmp_path: Path) -> None:
    """`chaos --settings PATH run …` is heard by controls, which the host tells nothing."""
    named = tmp_path / "settings.yaml"
    with click.Context(click.Command("run"), obj={"settings_path": str(named)}):
        inside = _settings_file.in_use()

    assert inside == named
    assert _settings_file.in_use() != named
