"""The operator's commands, one a line, in one process: `chaosiq-console` without its start.

`operating` is for tests that give hundreds of them.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner

from chaoscloud.console.cli import main as console_command
from tests.together.conftest import LIMIT, Console, clean_environment

READY = "ready\n"
"""What the process says once its commands are imported."""

ROOT = Path(__file__).parents[2]


@contextmanager
def operating(console: Console) -> Iterator[Callable[..., str]]:
    """What runs a command beside the server, given its words, and returns what it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        cwd=ROOT,
        env=clean_environment(console.data),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def operate(*words: str) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([*words, "--data", str(console.data)]) + "\n")
        process.stdin.flush()
        exit_code, output = json.loads(process.stdout.readline())
        assert exit_code == 0, output
        return str(output)

    try:
        assert process.stdout is not None
        assert process.stdout.readline() == READY
        yield operate
    finally:
        process.communicate(timeout=LIMIT)


def main() -> None:
    """Run what comes, and answer with exit code and output."""
    sys.stdout.write(READY)
    sys.stdout.flush()
    for line in sys.stdin:
        result = CliRunner().invoke(console_command, json.loads(line))
        sys.stdout.write(json.dumps([result.exit_code, result.output]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
