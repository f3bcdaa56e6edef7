"""Where a run must not start, or not go on, no activity starts: not in one run of many.

Each cell of the matrix in which a run is refused or stopped, some runs long (`--runs`). Whatever
threads do in between, the count of activities that start too late is 0.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.plugin import activities
from tests.plugin.guarding import use_timing
from tests.plugin.runs import orders, run
from tests.plugin.safeguards.matrix import (
    ANSWERS,
    BEGUN,
    HOMES,
    HOOKS,
    MODES,
    QUICK,
    RECORDS,
    Trouble,
    break_answers,
    break_hook,
    build_experiment,
    leave_no_home,
    load_and_run,
    outcome_of,
    refuse_record,
    settings_in_mode,
)
from tests.plugin.stub_console import StubConsole

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.usefixtures("quick"),
    pytest.mark.timeout(900),  # for `--runs 200`
]

BRIEF = replace(QUICK, every=0.01, fresh=0.01, fresh_held=0.01, lease=0.1)
PATIENCE = 0.15  # seconds, where the console says nothing

MUST_NOT_GO_ON = {"refused", "not started", "interrupted", "lease"}

CELLS = [
    cell
    for cell in product(ANSWERS, ["before", "during"], MODES)
    if outcome_of(*cell) in MUST_NOT_GO_ON
]


class Tally:
    """Counts runs, and the activities that started in them though none should have."""

    def __init__(self, record_property: Callable[[str, object], None]) -> None:
        self.runs = self.started = 0
        self._record_property = record_property

    def add(self, names: list[str]) -> None:
        """Count one run, with the names of what started too late."""
        self.runs += 1
        self.started += len(names)

    def report(self) -> None:
        """Have the figures listed at the end of the session."""
        figures = f"{self.runs} runs, {self.started} activities started"
        self._record_property("figures", figures)


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Tally:
    """Nothing is counted yet."""
    return Tally(record_property)


@pytest.fixture(autouse=True)
def no_wait_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a console did not take is not waited for at the end of each run."""
    monkeypatch.setenv("CHAOSIQ_FLUSH_TIMEOUT", "0")


def try_cell(
    trouble: Trouble, moment: str, settings: dict[str, Any], runs: int, tally: Tally
) -> None:
    """Have trouble begin at this moment in so many runs, and count what starts after it."""
    for _ in range(2 * runs):
        activities.done.clear()
        trouble.questions = 0
        experiment = build_experiment(trouble, moment, interrupted=True)
        journal = run(experiment | {"tags": ["production"]}, settings)
        assert journal["status"] == "interrupted"
        has_begun = activities.done[: len(BEGUN)] == BEGUN
        if moment == "before":
            tally.add(activities.done)
        elif has_begun:
            tally.add(activities.done[len(BEGUN) :])
        # Else the first answer came too late for so little patience, and nothing had begun.
        if tally.runs == runs:
            break


@pytest.mark.parametrize(("answer", "moment", "mode"), CELLS)
def test_an_answer_in_many_runs(
    console: StubConsole,
    monkeypatch: pytest.MonkeyPatch,
    tally: Tally,
    runs: int,
    answer: str,
    moment: str,
    mode: str,
) -> None:
    """A denial; and where an answer is required, everything that is none."""
    trouble = Trouble(answer)
    console.instead = lambda handler: trouble.reply(console, handler)
    limit = PATIENCE if answer in ("hang", "drip") else QUICK.limit
    use_timing(monkeypatch, replace(BRIEF, limit=limit))
    break_answers(trouble, monkeypatch)

    try_cell(trouble, moment, settings_in_mode(console, mode), runs, tally)

    tally.report()
    assert (tally.runs, tally.started) == (runs, 0)


@pytest.mark.parametrize(
    ("answer", "moment", "mode"), [cell for cell in CELLS if cell[0] in ("deny", "404")]
)
@pytest.mark.parametrize("record", RECORDS)
def test_a_record_that_is_refused_in_many_runs(
    console: StubConsole,
    monkeypatch: pytest.MonkeyPatch,
    tally: Tally,
    runs: int,
    record: str,
    answer: str,
    moment: str,
    mode: str,
) -> None:
    """The same, whatever becomes of the run's record."""
    trouble = Trouble(answer)
    refuse_record(record, console, trouble, monkeypatch)
    use_timing(monkeypatch, BRIEF)

    try_cell(trouble, moment, settings_in_mode(console, mode), runs, tally)

    tally.report()
    assert (tally.runs, tally.started) == (runs, 0)


@pytest.mark.parametrize(
    ("answer", "moment", "mode"), [cell for cell in CELLS if cell[0] in ("deny", "5xx")]
)
@pytest.mark.parametrize("home", HOMES)
def test_no_home_in_many_runs(
    console: StubConsole,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    tally: Tally,
    runs: int,
    home: str,
    answer: str,
    moment: str,
    mode: str,
) -> None:
    """The same, where HOME is unset or no folder."""
    trouble = Trouble(answer)
    console.instead = lambda handler: trouble.reply(console, handler)
    leave_no_home(home, tmp_path, monkeypatch)
    use_timing(monkeypatch, BRIEF)

    try_cell(trouble, moment, settings_in_mode(console, mode), runs, tally)

    tally.report()
    assert (tally.runs, tally.started) == (runs, 0)


@pytest.mark.parametrize("place", HOOKS)
def test_a_mistake_of_ours_in_many_runs(
    console: StubConsole,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    tally: Tally,
    runs: int,
    place: str,
) -> None:
    """Nothing starts where safeguards are required."""
    settings = settings_in_mode(console, "required")
    document = tmp_path / "orders.json"
    document.write_text(json.dumps(orders()))
    break_hook(place, monkeypatch)

    for _ in range(runs):
        activities.done.clear()
        load_and_run(document, settings)
        tally.add(activities.done)

    tally.report()
    assert (tally.runs, tally.started) == (runs, 0)
