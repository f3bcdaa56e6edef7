"""The suite does the same in a terminal and in the background of a shell."""

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
IN_THE_BACKGROUND = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:randomly", *sys.argv[1:]]))
"""


def test_a_process_can_be_interrupted_when_the_suite_runs_in_the_background() -> None:
    """Shells let what they start in the background ignore Ctrl-C; tests send it to processes."""
    inner = f"{Path(__file__).name}::test_a_started_process_listens_to_an_interrupt"

    done = subprocess.run(
        [sys.executable, "-c", IN_THE_BACKGROUND, f"tests/{inner}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout


def test_a_started_process_listens_to_an_interrupt() -> None:
    """It has the handler that Python sets where nobody ignored the signal."""
    ask = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"

    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)

    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    assert done.stdout.strip() == "True"
