"""One connection to the console, used by one thread at a time.

Hooks of background activities run in threads of their own, and a `requests` session is not made
for that. And a console that hangs must not be waited for at every hook: after a call without an
answer the line rests ten times as long as the call took. So a console in trouble slows a run by a
tenth at most, and one that refuses connections (a matter of milliseconds) is soon asked again.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

REST = 10
"""The rest after a failed call, as a multiple of the time the call took."""

T = TypeVar("T")


class Line:
    """Passes calls on one by one, and none while it rests. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rests_until = 0.0

    def call(self, send: Callable[[], T | None], *, insist: bool = False) -> T | None:
        """Return what `send` returns; None, without calling it, while the line rests.

        `send` returns None when nobody answered. With `insist` a resting line is used all the same.
        """
        with self._lock:
            began = self._clock()
            if began < self._rests_until and not insist:
                return None
            answer = send()
            if answer is None:
                ended = self._clock()
                self._rests_until = ended + REST * (ended - began)
            return answer
