"""Where an activity cannot be interrupted: no such signal, or not on the main thread."""

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from chaoslib.exceptions import InterruptExecution
from chaoslib.exit import exit_signals

from chaoscloud import _settings_file
from chaoscloud.api.policies import Allowed, Denied
from chaoscloud.safeguards.guard import Guard
from chaoscloud.safeguards.question import PolicyReply
from chaoscloud.settings import is_required_by_organization
from tests.plugin import activities
from tests.plugin.loopback import Seen
from tests.plugin.runs import activity, orders, run
from tests.plugin.stub_console import Answer, serving

LONG = 60.0  # seconds

AT_ITS_NEXT_STEP = "at its next step: an activity is not interrupted"


def open_guard() -> Guard:
    """The guard of a run that was allowed to start."""
    guard = Guard(lambda *_: PolicyReply(Allowed()))
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
        open_guard().close()

    assert "denies this run, it stops at once" in caplog.text


@pytest.mark.parametrize("lacking", ["the signal", "the host", "the main thread"])
def test_elsewhere_the_next_control_stops_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lacking: str
) -> None:
    """The line at the start says that, and no signal is sent: it would end the process."""
    if lacking == "the signal":
        monkeypatch.delattr(signal, "SIGUSR1")

    def stop_run() -> None:
        guard = open_guard()
        in_another_thread(lambda: guard.hear(PolicyReply(Denied(({"name": "Black Friday"},)))))
        with pytest.raises(InterruptExecution, match="Black Friday"):
            guard.check()
        guard.close()

    in_another_thread(stop_run) if lacking == "the main thread" else stop_run()

    assert AT_ITS_NEXT_STEP in caplog.text


@pytest.mark.loopback
def test_what_the_organization_requires_is_remembered_in_the_file_that_the_command_names(
    tmp_path: Path,
) -> None:
    """The watch hears of it in a thread of its own, which knows no command."""
    named = tmp_path / "settings.yaml"

    def answer(kind: str, request: Seen) -> Answer | None:
        required = {"required": True} if "Prefer" in request.headers else {}
        return (200, {"allowed": True} | required) if kind == "policies" else None

    def wait_for_the_watch() -> None:
        ends = time.monotonic() + LONG
        while "required_by" not in named.read_text() and time.monotonic() < ends:
            time.sleep(0.01)

    with serving() as console:
        console.answer = answer
        _settings_file.save(console.settings, named)
        activities.moments["lose the broker"] = wait_for_the_watch
        with click.Context(click.Command("run"), obj={"settings_path": str(named)}):
            run(orders() | {"method": [activity("live", name="lose the broker")]}, console.settings)

    assert is_required_by_organization(_settings_file.load(named))
    assert not (tmp_path / "home" / ".chaostoolkit" / "settings.yaml").exists()


def test_two_writers_of_the_settings_wait_for_each_other(tmp_path: Path) -> None:
    """What one has read and changed is not written over what the other wrote meanwhile."""
    path = tmp_path / "settings.yaml"

    def add(name: str) -> None:
        with _settings_file.locked(path):
            settings = _settings_file.load(path)
            time.sleep(0.01)
            _settings_file.save(settings | {name: True}, path)

    threads = [threading.Thread(target=add, args=(f"n{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(_settings_file.load(path)) == 8


def test_the_settings_in_use_are_those_the_command_names(tmp_path: Path) -> None:
    """`chaos --settings PATH run …` is heard by controls, which the host tells nothing."""
    named = tmp_path / "settings.yaml"
    with click.Context(click.Command("run"), obj={"settings_path": str(named)}):
        inside = _settings_file.in_use()

    assert inside == named
    assert _settings_file.in_use() != named
