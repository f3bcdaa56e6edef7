"""An experiment of many short activities, each of which notes when it starts."""

import time
from typing import Any

SECONDS = 0.01
COUNT = 500

starts: list[float] = []
"""When each activity started, by the monotonic clock."""


def nap() -> None:
    """Note the moment, and sleep."""
    starts.append(time.monotonic())
    time.sleep(SECONDS)


def experiment() -> dict[str, Any]:
    """Naps, one after the other."""
    provider = {"type": "python", "module": __name__, "func": "nap"}
    naps = [
        {"type": "action", "name": f"nap-{number}", "provider": provider} for number in range(COUNT)
    ]
    return {"title": "Naps", "description": "One after the other.", "method": naps}
