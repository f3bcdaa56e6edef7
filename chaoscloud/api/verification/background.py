"""Calls to the console that nobody waits for: one after another, in a thread, over one session."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from queue import Queue
from threading import Thread
from typing import TypeVar

from chaoscloud.api._http import ConsoleSession

__all__ = ["Background"]

logger = logging.getLogger("chaostoolkit")

T = TypeVar("T")
Call = Callable[[ConsoleSession], object]


class Background:
    """A daemon thread and its queue. `open_session` is called in it, before the first call.

    However long the console takes, the thread that asks or tells is not held up by it, and the
    process does not wait for this one at its end.
    """

    def __init__(self, open_session: Callable[[], AbstractContextManager[ConsoleSession]]) -> None:
        self._open_session = open_session
        self._calls: Queue[Call | None] = Queue()
        self._thread: Thread | None = None
        self._closing = False

    def ask(self, call: Callable[[ConsoleSession], T], seconds: float) -> T:
        """What `call` returns or raises; `TimeoutError` when it has not ended after `seconds`."""
        answer: Future[T] = Future()

        def settle(session: ConsoleSession) -> None:
            try:
                answer.set_result(call(session))
            except Exception as x:  # noqa: BLE001 - raised again where the answer is read
                answer.set_exception(x)

        self.tell(settle)
        return answer.result(timeout=seconds)

    def tell(self, call: Call) -> None:
        """Have `call` made when its turn comes."""
        if self._thread is None:
            self._thread = Thread(target=self._work, name="chaosiq", daemon=True)
            self._thread.start()
        self._calls.put(call)

    def close(self, seconds: float) -> int:
        """End it once all is said, waiting up to `seconds`; returns how many calls are left."""
        if self._thread is not None:
            self._closing = True
            self._calls.put(None)
            self._thread.join(seconds)
        return self.left

    @property
    def left(self) -> int:
        """How many calls have not ended."""
        if self._thread is None or not self._thread.is_alive():
            return 0
        return max(0, self._calls.unfinished_tasks - self._closing)

    def _work(self) -> None:
        with self._open_session() as session:
            while (call := self._calls.get()) is not None:
                try:
                    call(session)
                except Exception:
                    # The thread must outlive its worst call: the next ones are none the worse.
                    logger.warning("Telling the console failed", exc_info=True)
                self._calls.task_done()
