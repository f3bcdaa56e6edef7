"""Asking people at a terminal: a real one, in a real `chaos` process."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaoscloud import _prompts

CHAOS = Path(sys.executable).with_name("chaos")
LIMIT = 60  # seconds: a process that says nothing for so long hangs


@dataclass
class Person:
    """Somebody at a terminal, in front of a `chaos` process."""

    process: subprocess.Popen[bytes]
    terminal: int
    seen: str = ""

    def waits_for(self, words: str) -> None:
        """Read on until the words are there."""
        while words not in self.seen:
            ready, _, _ = select.select([self.terminal], [], [], LIMIT)
            assert ready, f"{words!r} never came: {self.seen}"
            self.seen += os.read(self.terminal, 4096).decode()

    def types(self, line: str) -> None:
        """Answer; what was seen so far is done with."""
        self.seen = ""
        os.write(self.terminal, f"{line}\n".encode())

    def interrupts(self) -> None:
        """Press Ctrl-C.

        One that comes just before Python starts to wait is noticed at the next key: so press one.
        """
        self.process.send_signal(signal.SIGINT)
        self.types("")


@contextmanager
def at_a_terminal(home: Path, *args: str) -> Iterator[Person]:
    """A `chaos` process whose three streams are a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [CHAOS, "--no-version-check", "--no-log-file", *args],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "HOME": str(home)},
        cwd=home,
        # without a terminal of its own, so that hidden answers are read from this one
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Person(process, ours)
    finally:
        process.kill()
        process.wait(LIMIT)
        os.close(ours)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where nobody has signed in yet."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def test_a_url_that_is_none_is_asked_again(home: Path) -> None:
    """The reason stands above the question, which proposes no console to a newcomer."""
    with at_a_terminal(home, "signin") as ada:
        ada.waits_for("ChaosIQ url: ")
        ada.types("console.example.com")

        ada.waits_for("ChaosIQ url: ")

    assert "The url must look like https://console.example.com" in ada.seen


def test_a_token_does_not_show(home: Path) -> None:
    """Not while it is typed, and not in what is said about it."""
    with at_a_terminal(home, "signin", "--url", "http://127.0.0.1:1") as ada:
        ada.waits_for("ChaosIQ token: ")
        ada.types("ciq_secret")

        ada.waits_for("cannot be reached")

    assert "ciq_secret" not in ada.seen


@pytest.mark.parametrize(
    ("args", "question"),
    [([], "ChaosIQ url"), (["--url", "http://127.0.0.1:1"], "ChaosIQ token")],
)
def test_ctrl_c_at_a_question_aborts(home: Path, args: list[str], question: str) -> None:
    """Exit code 1, and nothing is written."""
    with at_a_terminal(home, "signin", *args) as ada:
        ada.waits_for(question)
        ada.interrupts()

        ada.waits_for("Aborted!")

        assert ada.process.wait(LIMIT) == 1
    assert not (home / ".chaostoolkit").exists()


def test_a_choice_is_asked_again_until_it_is_on_the_list(home: Path) -> None:
    """The list is shown once, numbered from 1."""
    question = (
        "from chaoscloud._prompts import *; print('chose', choose('Teams:', ['A', 'B'], 'Which'))"
    )
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", question],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=home,
    ) as process:
        os.write(ours, b"3\n2\n")
        out, _ = process.communicate(timeout=LIMIT)
    os.close(theirs)
    os.close(ours)

    text = out.decode()
    assert text.startswith("Teams:\n1) A\n2) B\nWhich: ")
    assert len(re.findall("Which: ", text)) == 2
    assert "Error: 3 is not in the range 1<=x<=2." in text
    assert text.endswith("chose 1\n")


def test_a_process_without_any_input_has_nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some schedulers close standard input altogether."""
    monkeypatch.setattr(sys, "stdin", None)

    assert not _prompts.has_terminal()
    assert _prompts.ask_token() is None
    assert _prompts.choose("Teams:", ["Checkout", "Payments"], "Which") is None
    assert _prompts.confirm("Sure?") is None


def test_where_a_token_comes_from_is_said(home: Path) -> None:
    """Above the question, with the address of the page that makes one."""
    with at_a_terminal(home, "signin", "--url", "127.0.0.1:1") as ada:
        ada.waits_for("ChaosIQ token: ")

    assert "Make a token at http://127.0.0.1:1/settings/tokens" in ada.seen


@pytest.mark.parametrize("command", ["org", "team"])
def test_somebody_who_is_not_signed_in_is_told_to(home: Path, command: str) -> None:
    """At a terminal, choosing a team does not turn into a sign-in."""
    with at_a_terminal(home, command) as ada:
        ada.waits_for("You are not signed in: run `chaos signin` first.")

        assert ada.process.wait(LIMIT) == 1
