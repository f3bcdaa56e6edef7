"""What people see of a wait, on a terminal and in a log."""

import io
import logging
from typing import Any

import pytest

from chaoscloud.types import Journal
from chaoscloud.verify.progress import LogProgress, TerminalProgress, describe, progress_on

logger = logging.getLogger("chaostoolkit")


def journal(*met: bool | None) -> Journal:
    """A journal of samples that found the steady state met, or not."""
    return {"steady_states": {"during": [{"steady_state_met": one} for one in met]}}


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("samples", "line"),
    [
        ((), "Warm-up: 8s left, 0 samples, 0 deviated"),
        ((True,), "Warm-up: 8s left, 1 sample, 0 deviated"),
        ((True, False, None, False), "Warm-up: 8s left, 4 samples, 2 deviated"),
    ],
    ids=["none yet", "one", "some deviated"],
)
def test_a_line_says_where_we_are(samples: tuple[bool | None, ...], line: str) -> None:
    """Which phase, how long still, the samples so far and how many deviated."""
    assert describe("Warm-up", 7.2, journal(*samples)) == line


def test_a_terminal_gets_a_line_that_is_redrawn_and_leaves_no_trace() -> None:
    """The line takes the place of the one before, and is gone at the end."""
    terminal = Terminal()
    progress = progress_on(terminal)

    progress.begin("Warm-up", 2)
    progress.show("Warm-up", 2, journal())
    progress.show("Warm-up", 1.9, journal())
    progress.show("Warm-up", 0.9, journal(False))
    progress.end()

    assert terminal.getvalue().split("\r\x1b[2K") == [
        "",
        "Warm-up: 2s left, 0 samples, 0 deviated",
        "Warm-up: 1s left, 1 sample, 1 deviated",
        "",
    ]


def test_the_line_gives_way_to_the_log() -> None:
    """A record logged during a wait starts on a line of its own."""
    filters = list(logger.filters)
    terminal = Terminal()
    handler = logging.StreamHandler(terminal)
    logger.addHandler(handler)
    progress = TerminalProgress(terminal)

    progress.begin("Warm-up", 2)
    progress.show("Warm-up", 2, journal())
    logger.warning("The probe is late.")
    logger.removeHandler(handler)
    progress.end()

    line = "Warm-up: 2s left, 0 samples, 0 deviated"
    assert f"{line}\r\x1b[2KThe probe is late.\n" in terminal.getvalue()
    assert logger.filters == filters


def test_a_terminal_that_went_away_does_not_end_the_run() -> None:
    """The window is closed, the run goes on."""
    filters = list(logger.filters)
    terminal = Terminal()
    progress = TerminalProgress(terminal)
    terminal.close()

    progress.begin("Warm-up", 2)
    progress.show("Warm-up", 2, journal())
    progress.end()

    assert logger.filters == filters


def test_elsewhere_the_log_says_it_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    """A pipeline's log has a line at the start of a wait, and one every half minute."""
    progress = progress_on(io.StringIO())
    assert isinstance(progress, LogProgress)

    with caplog.at_level(logging.INFO, logger="chaostoolkit"):
        progress.begin("Conditions", 70)
        for left in range(70, 0, -1):
            progress.show("Conditions", left, journal(True))
        progress.end()

    assert caplog.messages == [
        "Conditions: 70s",
        "Conditions: 40s left, 1 sample, 0 deviated",
        "Conditions: 10s left, 1 sample, 0 deviated",
    ]


def test_nothing_is_said_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output belongs to what other programs read."""
    for progress in (progress_on(), TerminalProgress(Terminal())):
        progress.begin("Warm-up", 40)
        progress.show("Warm-up", 5, journal())
        progress.end()

    assert capsys.readouterr().out == ""


def test_a_journal_that_is_only_beginning_has_no_samples() -> None:
    """A run without any samples is shown as well."""
    bare: Any = {"steady_states": None}

    assert describe("Warm-up", 1, bare) == "Warm-up: 1s left, 0 samples, 0 deviated"
