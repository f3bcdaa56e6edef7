"""The thread that delivers: first what this run records, then what earlier runs left behind."""

import logging
import math
import threading
import time
from collections.abc import Callable, Generator, Iterator

from chaoscloud.delivery.courier import Courier
from chaoscloud.delivery.linking import link
from chaoscloud.delivery.losses import NotStored, courtesy
from chaoscloud.delivery.passage import MOST_AT_ONCE, Learn, Passage
from chaoscloud.delivery.posting import Post
from chaoscloud.delivery.retry import Again, Decision, SetAside, Stop
from chaoscloud.delivery.spool import Spool

__all__ = ["Worker"]

logger = logging.getLogger("chaostoolkit")

LONG_FOR_A_CALL = 2.0  # seconds

LINGER = 0.1
"""Seconds that events wait for company where the console takes batches."""


class Worker:
    """A daemon thread with one session, from `start` to `close`.

    `reason` says why something is still to be sent, `failures` how many attempts in a row came to
    nothing; `stopped` means that no further one is made, `in_contact` that the last one was taken;
    `set_aside` is the first that never will be.
    """

    def __init__(self, spool: Spool, post: Post, learn: Learn) -> None:
        self.reason = ""
        self.failures = 0
        self.stopped = False
        self.in_contact = False
        self.token_refused = False
        self.set_aside: SetAside | None = None
        self._busy_since = math.inf
        self._spool = spool
        self._post = post
        self._courier = Courier(post.session)
        self._own = Passage(spool, self._courier, post.team_url(spool.contents.header), learn)
        self._change = threading.Condition()
        self._news = False
        self._hurry = False
        self._closing = False
        self._thread: threading.Thread | None = None

    @property
    def is_kept_waiting(self) -> bool:
        """Whether the console takes its time over the call under way."""
        return time.monotonic() - self._busy_since > LONG_FOR_A_CALL

    def start(self) -> None:
        """Start the thread; where none can be had, nothing is sent and everything kept."""
        thread = threading.Thread(target=self._work, name="chaosiq-outbox", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the interpreter shuts down, or has too many threads
            self.reason, self.stopped = str(error), True
        else:
            self._thread = thread

    def wake(self) -> None:
        """There is something to send."""
        with self._change:
            self._news = True
            self._change.notify_all()

    def hurry(self) -> None:
        """Try now what would be tried later, unless the console asked for the time."""
        with self._change:
            self._hurry = True
            self._change.notify_all()

    def wait_for(self, happened: Callable[[], bool], seconds: float) -> bool:
        """Wait until something has happened, `seconds` at most; whether it has."""
        with self._change:
            return self._change.wait_for(happened, seconds)

    def close(self, seconds: float = 0.0) -> None:
        """End it, without waiting for a call under way for longer than `seconds`."""
        with self._change:
            self._closing = True
            self._change.notify_all()
        if self._thread is None:
            self._spool.close()
        else:
            self._thread.join(seconds)

    def _work(self) -> None:
        try:
            with courtesy():
                self._deliver()
        except NotStored as x:
            self.reason, self.stopped = str(x), True
            self._note(None)
        finally:
            self._until_closed()
            self._spool.close()

    def _deliver(self) -> None:
        earlier = self._earlier()
        while not (self._closing or self.stopped):
            self._linger()
            self._busy_since = time.monotonic()
            decision = self._own.step() or next(earlier, None)
            self._busy_since = math.inf
            self._note(decision)
            match decision:
                case None:
                    self._sleep(None)
                case Again(seconds, _, asked):
                    self._sleep(seconds, asked=asked)
        earlier.close()

    def _linger(self) -> None:
        """Let events gather, unless somebody waits for them: fewer requests, and fewer bytes."""
        waiting = self._spool.first(MOST_AT_ONCE)
        if waiting and self._courier.batches and all(each.kind == "event" for each in waiting):
            self._sleep(LINGER)

    def _earlier(self) -> Generator[Decision, None, None]:
        """Deliver what earlier runs left, one letter each time."""
        self._post.shelf.tidy()
        for spool in self._post.shelf.waiting(self._post.to.console):
            try:
                yield from self._replayed(spool)
            finally:
                spool.close()

    def _replayed(self, spool: Spool) -> Iterator[Decision]:
        kept = len(spool.contents.pending)
        passage = Passage(
            spool,
            self._courier,
            self._post.team_url(spool.contents.header),
            lambda *_: link(spool.contents),
        )
        while (decision := passage.step()) is not None:
            yield decision
        logger.info("Sent %d records that an earlier run had kept.", kept)
        if damaged := spool.contents.damaged:
            logger.warning("%d more could not be read any more: they were skipped.", damaged)

    def _note(self, decision: Decision | None) -> None:
        with self._change:
            match decision:
                case Again(_, reason, _):
                    self.failures += 1
                    self.reason, self.in_contact = reason, False
                case Stop(reason):
                    self.failures += 1
                    self.reason, self.stopped, self.token_refused = reason, True, True
                case None:
                    pass
                case _:
                    self.failures, self.in_contact = 0, True
            if isinstance(decision, SetAside):
                self.set_aside = self.set_aside or decision
            self._change.notify_all()

    def _sleep(self, seconds: float | None, *, asked: bool = False) -> None:
        """Wait for news, or for `seconds`, which only hurry cuts short."""
        with self._change:
            self._change.wait_for(
                lambda: (
                    self._closing or (seconds is None and self._news) or (self._hurry and not asked)
                ),
                seconds,
            )
            self._news = self._hurry = False

    def _until_closed(self) -> None:
        with self._change:
            self._change.wait_for(lambda: self._closing)
