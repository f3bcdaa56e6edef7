"""Every line of the README that one can type, typed as it stands."""

import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import metadata
from pathlib import Path

from tests.together.conftest import LIMIT, SCRIPTS, clean_environment

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
LISTENING = "http://127.0.0.1:8080"  # where the README's console is; the test's has a free port
LOG_PREFIX = re.compile(r"(?:\x1b\[\d+m)*\[[\d-]+ [\d:]+ ([A-Z]+)\]")  # `[2026-03-02 … INFO]`


@dataclass
class Typed:
    """A line of the README that is typed, and what the README says is printed then."""

    command: str
    printed: list[str] = field(default_factory=list)


def read_lines() -> list[Typed]:
    """All that the README's blocks type, in order."""
    lines: list[Typed] = []
    for block in BLOCK.findall((ROOT / "README.md").read_text()):
        for line in filter(None, block.splitlines()):
            if line.startswith("$ "):
                lines.append(Typed(line[2:].partition("  #")[0].strip()))
            else:
                lines[-1].printed.append(line)
    return lines


def find_port() -> int:
    """A port that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Shell:
    """Somebody at a shell of a machine on which nothing but this is installed."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        port = find_port()
        self.home, self.url, self.token = home, f"http://127.0.0.1:{port}", ""
        path = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"
        self.env = clean_environment(home) | {"PATH": path, "CHAOSIQ_CONSOLE_PORT": str(port)}
        self.processes: list[subprocess.Popen[str]] = []

    def type(self, line: Typed) -> list[str]:
        """Type a line; what it printed, as the README would show it."""
        command = line.command.replace(LISTENING, self.url)
        if command == "chaosiq-console serve":
            return self.serve(len(line.printed))
        answer = f"{self.token}\n" if command.startswith("chaos signin") else ""
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.home,
            env=self.env,
            input=answer,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 0 or "CRITICAL" in done.stdout, f"{command}: {done.stdout}"
        return self.as_shown(done.stdout)

    def serve(self, lines: int) -> list[str]:
        """Start the console beside what follows; its first lines."""
        process = subprocess.Popen(
            ["chaosiq-console", "serve"],
            cwd=self.home,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.processes.append(process)
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(lines)]
        self.token = next(word for line in printed for word in line.split() if "ciq_" in word)
        return self.as_shown("".join(printed))

    def as_shown(self, output: str) -> list[str]:
        """Output with the README's address, its home, and no time of day."""
        output = output.replace(self.url, LISTENING).replace(str(self.home), "~")
        return [LOG_PREFIX.sub(r"[\1]", line).rstrip() for line in output.splitlines()]


@contextmanager
def shell(home: Path) -> Iterator[Shell]:
    """A shell, until the block ends; what it runs in the background ends with it."""
    opened = Shell(home)
    try:
        yield opened
    finally:
        for process in opened.processes:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=LIMIT)


def check_printed(line: Typed, output: list[str]) -> None:
    """What the README shows was printed, in its order; `…` stands for anything."""
    rest = iter(output)
    for expected in line.printed:
        pattern = re.compile(".*".join(map(re.escape, expected.rstrip().split("…"))))
        assert any(pattern.match(printed) for printed in rest), (line.command, expected, output)


def check_requirement(requirement: str) -> None:
    """What the README installs is this distribution, with extras that it has."""
    name, _, extras = requirement.rstrip("]").partition("[")
    assert name in (".", "chaosiq-cloud")
    assert not extras or extras in (metadata("chaosiq-cloud").get_all("Provides-Extra") or [])


def test_every_line_of_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    """In a new home, in order; what installs or runs this very suite is only looked at."""
    lines = read_lines()

    with shell(tmp_path / "home") as user:
        for line in lines:
            words = shlex.split(line.command)
            if words[:2] == ["pip", "install"]:
                check_requirement(words[2])
            elif words[0] == "make":
                subprocess.run(
                    ["make", "--dry-run", *words[1:]], cwd=ROOT, check=True, capture_output=True
                )
            else:
                check_printed(line, user.type(line))

    programs = {line.command.split()[0] for line in lines}
    assert {"pip", "make", "chaos", "chaosiq-console"} <= programs
    assert (tmp_path / "home" / "journal.json").exists()
