"""What holds for every test."""

import os
import signal
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A suite that a shell started in the background ignores Ctrl-C, and so would each process that
    # it starts. A handler of ours is not inherited: those processes begin with the default.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Where compiled modules are not kept (images of containers say so), each of the hundreds of
# processes that the suite starts would compile every module again: 2 seconds instead of 0.8.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


FEW_RUNS = 2
"""So often a test has a run refused that would show a fault of timing in many; see `--runs`."""

# How long it takes to think of an example says how busy the machine is, and nothing of the code.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the console's tests run on either database, and runs be refused as often as one likes."""
    parser.addoption(
        "--database",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="what the console of tests/console keeps its data in",
    )
    parser.addoption(
        "--runs",
        type=int,
        default=FEW_RUNS,
        help="how often each run that must not go on is tried; the figures are listed at the end",
    )


@pytest.fixture
def runs(request: pytest.FixtureRequest) -> int:
    """How often to try what must not go on."""
    return int(request.config.getoption("--runs"))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """List what tests counted over many runs."""
    if config.getoption("--runs") == FEW_RUNS:
        return
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                if name == "figures" and report.when == "call":
                    terminalreporter.write_line(f"{report.nodeid.partition('::')[2]}: {value}")
