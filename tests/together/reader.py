"""Somebody who follows a page of the documentation: types its lines and saves its files."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.together.conftest import LIMIT, SCRIPTS, clean_environment

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"(?:Save this as `(?P<name>[^`]+)`:\n\n)?"
    r"^```(?P<language>\w+)\n(?P<text>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
LISTENING = "http://127.0.0.1:8080"  # where a page's console is; the test's has a free port
LOG_PREFIX = re.compile(r"(?:\x1b\[\d+m)*\[[\d-]+ [\d:]+ ([A-Z]+)\]")  # `[2026-03-02 … INFO]`


@dataclass
class Typed:
    """A line that is typed, and what the page says is printed then."""

    command: str
    printed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Saved:
    """A file that a page says to save: "Save this as `NAME`:", and its text."""

    name: str
    text: str


def read_steps(page: Path) -> list[Typed | Saved]:
    """Return all that a page says to type or to save, in order."""
    steps: list[Typed | Saved] = []
    for block in BLOCK.finditer(page.read_text()):
        if block["name"]:
            steps.append(Saved(block["name"], block["text"]))
        elif block["language"] == "console":
            steps += read_lines(block["text"])
    return steps


def read_lines(block: str) -> list[Typed]:
    """Return what one block of a terminal shows: what is typed, and what is printed then."""
    lines: list[Typed] = []
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
        """Type a line, and return what it printed, as the page would show it.

        What a line leaves in the background goes on beside the next ones.
        """
        command = line.command.replace(LISTENING, self.url)
        if command == "chaosiq-console serve":
            return self.serve(len(line.printed))
        answer = f"{self.token}\n" if command.startswith("chaos signin") else ""
        printed = self.home / "printed.txt"  # a pipe would stay open while something runs on
        with printed.open("w") as output:
            done = subprocess.run(
                ["/bin/sh", "-c", command],
                cwd=self.home,
                env=self.env,
                input=answer,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=LIMIT,
                check=False,
            )
        text = printed.read_text()
        if " & " in command:  # what goes on in the background may take its time until it prints
            while not has_printed(line.printed, self.as_shown(text)):
                time.sleep(0.05)
                text = printed.read_text()
        assert done.returncode == 0 or "CRITICAL" in text, f"{command}: {text}"
        return self.as_shown(text)

    def save(self, file: Saved) -> None:
        """Save a file in the home, with the address of this console."""
        (self.home / file.name).write_text(file.text.replace(LISTENING, self.url))

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
        """Output with the page's address, its home, and no time of day."""
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


def has_printed(lines: list[str], output: list[str]) -> bool:
    """Say whether these lines were printed, in their order; `…` stands for anything."""
    rest = iter(output)
    patterns = [re.compile(".*".join(map(re.escape, line.rstrip().split("…")))) for line in lines]
    return all(any(pattern.match(printed) for printed in rest) for pattern in patterns)


def check_printed(line: Typed, output: list[str]) -> None:
    """What the page shows was printed."""
    assert has_printed(line.printed, output), (line.command, line.printed, output)
