"""What the experiments of the tests do."""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

done: list[str] = []
"""The names of what was done, for tests to read."""


def do(name: str) -> str:
    """Do something harmless."""
    done.append(name)
    return f"{name} is done"


moments: dict[str, Callable[[], object]] = {}
"""What a test wants to happen during an activity of this name."""


def live(name: str) -> str:
    """Do what the test wants to happen now."""
    done.append(name)
    moments.get(name, lambda: None)()
    return f"{name} is done"


def say(text: str) -> str:
    """Output a text."""
    return text


def say_much(characters: int) -> str:
    """Output a long text."""
    return "x" * characters


def fail() -> None:
    """Fail, with something in the message."""
    raise RuntimeError("connecting to https://ada:correct-horse@db.example.com failed")


def leak(password: str) -> dict[str, str]:
    """Output what should be kept secret."""
    return {"login": "ada", "stdout": f"logged in with {password}"}


def unspeakable() -> Any:
    """Output what JSON has no form for."""
    return threading.Lock()


def press_ctrl_c() -> None:
    """Do what a user does who has seen enough."""
    signal.raise_signal(signal.SIGINT)


def terminate() -> None:
    """Do what an orchestrator does that wants the process gone."""
    os.kill(os.getpid(), signal.SIGTERM)
