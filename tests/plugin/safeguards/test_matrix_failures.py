"""Whatever goes wrong around a run, it is guarded, or does not start where that is required."""

import json
from pathlib import Path
from unittest.mock import ANY

import pytest

from tests.plugin import activities
from tests.plugin.runs import block_of, orders, run
from tests.plugin.safeguards.matrix import (
    HOMES,
    HOOKS,
    MODES,
    Trouble,
    break_hook,
    fail,
    leave_no_home,
    load_and_run,
    settings_in_mode,
)
from tests.plugin.stub_console import StubConsole

pytestmark = [pytest.mark.loopback, pytest.mark.usefixtures("quick")]


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
    settings = settings_in_mode(console, mode)
    document = tmp_path / "orders.json"
    document.write_text(json.dumps(orders()))
    break_hook(place, monkeypatch)

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
    settings = settings_in_mode(console)
    monkeypatch.setattr(f"chaoscloud.controls.{place}", fail)
    if place == "relay.Relay._tell":  # at the method's start the run may be stopped
        settings["controls"]["chaosiq-cloud"]["safeguards"] = {"required": False}

    journal = run(orders(), settings)

    assert journal["status"] == "completed"
    assert activities.done[-1] == "bring the broker back"
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("answer", ["allow", "deny"])
def test_a_run_without_a_home_is_guarded(
    console: StubConsole, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str, answer: str
) -> None:
    """As in a container, or in somebody's own program; nothing is written elsewhere instead."""
    leave_no_home(home, tmp_path, monkeypatch)
    trouble = Trouble(answer, on=True)
    console.instead = lambda handler: trouble.reply(console, handler)

    journal = run(orders(), console.settings)

    assert journal["status"] == {"allow": "completed", "deny": "interrupted"}[answer]
    assert activities.done == ([] if answer == "deny" else ANY)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


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
