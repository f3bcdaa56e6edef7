"""What holds for every test."""

import os
import signal
import sys

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A suite that a shell started in the background ignores Ctrl-C, and so would each process that
    # it starts. A handler of ours is not inherited: those processes begin with the default.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Where compiled modules are not kept (images of containers say so), each of the hundreds of
# processes that the suite starts would compile every module again: 2 seconds instead of 0.8.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the console's tests run on either database."""
    parser.addoption(
        "--database",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="what the console of tests/console keeps its data in",
    )
