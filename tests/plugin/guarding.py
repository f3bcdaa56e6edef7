"""What the tests of safeguards have in common: a console's answers in turn, and a quick timing."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from chaoscloud.controls import guarding
from chaoscloud.safeguards.timing import Timing
from tests.plugin.loopback import Seen
from tests.plugin.runs import warnings_in
from tests.plugin.stub_console import Answer, StubConsole

FRIDAY = {"name": "Black Friday", "reason": "nobody touches the shop"}
YES: Answer = (200, {"allowed": True})
NO: Answer = (200, {"allowed": False, "policies": [FRIDAY]})
SENTENCE = (
    "The following safe guards disallow this execution from continuing:\n"
    "Black Friday: nobody touches the shop"
)

AT_EACH_HOOK = Timing(every=3600.0, fresh=0.0, fresh_held=0.0, backoff=0.0)
"""Every control asks for itself, and the watch keeps out of it."""


def use_timing(monkeypatch: pytest.MonkeyPatch, timing: Timing) -> None:
    """Have runs ask by this timing."""
    monkeypatch.setattr(guarding, "TIMING", timing)


def answering(console: StubConsole, *answers: Answer | None) -> None:
    """Have the console answer questions about safeguards so, in turn; the last one for ever."""
    turns: Iterator[Answer | None] = iter(answers[:-1])

    def answer(kind: str, request: Seen) -> Answer | None:
        return next(turns, answers[-1]) if kind == "policies" else None

    console.answer = answer


def no_from(console: StubConsole, question: int) -> None:
    """Have the console say no from the n-th question on; the first is asked before the start."""
    answering(console, *[YES] * (question - 1), NO)


def about_safeguards(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the user is warned of that has to do with safeguards."""
    return [line for line in warnings_in(caplog) if "safeguard" in line.lower()]


class Switch:
    """The stop switch of a console that keeps questions until its verdict changes.

    Install it as a stub console's `answer`. With `pushes=False` it is an ordinary console.
    """

    def __init__(self, console: StubConsole, pushes: bool = True) -> None:
        self._console = console
        self._pushes = pushes
        self._turned = threading.Condition()
        self._body: dict[str, Any] = {"allowed": True}
        self.asked = 0

    def stop(self, *policies: dict[str, Any]) -> None:
        """Say no from now on."""
        decided = datetime.now(UTC).isoformat()
        denials = [{"decided_at": decided, **policy} for policy in policies or (FRIDAY,)]
        self._turn({"allowed": False, "policies": denials})

    def resume(self) -> None:
        """Say yes from now on."""
        self._turn({"allowed": True})

    def __call__(self, kind: str, request: Seen) -> Answer | None:
        """Answer a question about safeguards, and nothing else."""
        if kind != "policies":
            return None
        with self._turned:
            self.asked += 1
            if not self._pushes:
                return 200, self._body
            wait = request.headers.get("Prefer", "").partition("wait=")[2]
            known = request.headers.get("If-None-Match")
            if wait and known == self._tag:
                self._turned.wait_for(lambda: known != self._tag, float(wait))
            headers = {"ETag": self._tag} | ({"Preference_Applied": f"wait={wait}"} if wait else {})
            return (304, None, headers) if known == self._tag else (200, self._body, headers)

    @property
    def _tag(self) -> str:
        return f'"{hash(str(self._body))}"'

    def _turn(self, body: dict[str, Any]) -> None:
        with self._turned:
            self._body = body
            self._turned.notify_all()
