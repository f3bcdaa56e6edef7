"""The threads that send: one for what this run records, one for what earlier runs left behind.

Each spool has a state of its own: what has to wait, or what this token may not send, is put back as
it is, and holds up nothing but itself.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chaoscloud import _settings_file, api
from chaoscloud.delivery.errors import NotRecorded, best_effort
from chaoscloud.delivery.retry import Blocked, Decision, Rejected, Retry
from chaoscloud.delivery.spool import Spool
from chaoscloud.delivery.spool_directory import Recipient, SpoolDirectory
from chaoscloud.delivery.spool_sender import MOST_AT_ONCE, OnIds, SpoolSender
from chaoscloud.delivery.transport import Transport
from chaoscloud.exceptions import SettingsException

__all__ = ["Destination", "Sender", "count_of"]

logger = logging.getLogger("chaostoolkit")

LONG_FOR_A_CALL = 2.0  # seconds

FIRST_LINGER, LINGER = 0.5, 1.0
"""Seconds that events wait for company where the console takes batches; the first ones less."""

BETWEEN_PASSES = 5.0
"""Seconds between two looks at what earlier runs left, while some of it has to wait."""

UNREACHABLE = -1.0
"""Stands for the moment to try again when the console does not answer at all: soon."""


@dataclass(frozen=True)
class Destination:
    """Where records are kept, for whom, and over what they are sent."""

    directory: SpoolDirectory
    recipient: Recipient
    open_session: Callable[[], AbstractContextManager[Any]]

    @classmethod
    def of(
        cls,
        recipient: Recipient,
        open_session: Callable[[], AbstractContextManager[Any]],
        folder: Path | None = None,
    ) -> "Destination":
        """For a team; what is kept lies in `folder`, unless given that of the settings in use."""
        directory = SpoolDirectory(folder or _settings_file.in_use().parent)
        return cls(directory, recipient, open_session)

    def team_url(self, header: Mapping[str, Any], session: Any) -> str:
        """The address of the team that a spool's header names.

        Records of other teams, a verification's for instance, go with them in their own name.
        """
        ours = (self.recipient.org_id, self.recipient.team_id)
        if (header.get("org_id"), header.get("team_id")) == ours:
            return str(session.base_url)
        return api.build_base_url(self.recipient.url, str(header["org_id"]), str(header["team_id"]))


class Sender:
    """The threads of one run, each with a session of its own, from `start` to `close`.

    `reason` says why something is still pending, `failures` how many attempts in a row came to
    nothing; `stopped` means that no further one is made, `in_contact` that the last one was taken;
    `rejected` is the first that never will be. `backlog_done` is whether nothing more can be done
    now for what earlier runs left.
    """

    def __init__(self, spool: Spool, destination: Destination, on_ids: OnIds) -> None:
        self.reason = ""
        self.failures = 0
        self.stopped = False
        self.in_contact = False
        self.blocked = False
        self.rejected: Rejected | None = None
        self.backlog_done = False
        self._busy_since = math.inf
        self._spool = spool
        self._destination = destination
        self._on_ids = on_ids
        self._change = threading.Condition()
        self._news = False
        self._waits_for_news = False
        self._linger = FIRST_LINGER
        self._hurry = False
        self._closing = False
        self._threads: list[threading.Thread] = []

    @property
    def is_kept_waiting(self) -> bool:
        """Whether the console takes its time over the call under way."""
        return time.monotonic() - self._busy_since > LONG_FOR_A_CALL

    def start(self) -> None:
        """Start to send; where no thread can be had, nothing is sent and everything kept."""
        self._start_thread(self._send_own, "chaosiq-outbox")

    def wake(self) -> None:
        """There is something to send."""
        with self._change:
            self._news = True
            if self._waits_for_news:  # waking a thread that lets events gather costs each hook time
                self._change.notify_all()

    def unblock(self) -> None:
        """Try once more what this token may not send: another request may be allowed."""
        with self._change:
            self.stopped = False
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
        if not self._threads:
            self._spool.close()
        for thread in self._threads:
            thread.join(seconds)

    def _start_thread(self, work: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=self._work, args=(work,), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the interpreter shuts down, or has too many threads
            self.reason, self.stopped = str(error), True
        else:
            self._threads.append(thread)

    def _work(self, work: Callable[[], None]) -> None:
        try:
            with best_effort(SettingsException):
                work()
        except (NotRecorded, SettingsException) as x:
            with self._change:
                self.backlog_done = True
                if work == self._send_own:
                    self.reason, self.stopped = str(x), True
                self._change.notify_all()
        finally:
            if work == self._send_own:
                self._wait_until_closed()
                self._spool.sync()
                self._spool.close()

    def _send_own(self) -> None:
        destination, spool = self._destination, self._spool
        with destination.open_session() as session:
            team_url = destination.team_url(spool.contents.header, session)
            own = SpoolSender(spool, Transport(session), team_url, self._on_ids)
            while self._may_go_on():
                self._let_events_gather(own)
                self._busy_since = time.monotonic()
                decision = own.step()
                self._busy_since = math.inf
                self._note(decision)
                if decision is None or isinstance(decision, Blocked):
                    self._begin_backlog()
                if decision is None:
                    self._sleep(None)
                elif isinstance(decision, Retry):
                    self._sleep(decision.seconds, is_minimum=decision.is_minimum)

    def _may_go_on(self) -> bool:
        """Wait while this token may send nothing; whether there is more to do."""
        with self._change:
            self._change.wait_for(lambda: self._closing or not self.stopped)
            return not self._closing

    def _let_events_gather(self, own: SpoolSender) -> None:
        """Fewer requests, and fewer bytes; not while somebody waits for them."""
        records = self._spool.first(MOST_AT_ONCE)
        if records and own.takes_batches and all(record.kind == "event" for record in records):
            self._sleep(self._linger)
            self._linger = LINGER

    def _begin_backlog(self) -> None:
        """Once nothing of this run waits, what earlier runs left may go beside it."""
        if len(self._threads) == 1:
            self._start_thread(self._send_backlog, "chaosiq-backlog")

    def _send_backlog(self) -> None:
        """Send what earlier runs left, and look again while some of it has to wait."""
        retry_at: dict[Path, float] = {}
        with ExitStack() as stack:
            open_once = cache(lambda: stack.enter_context(self._destination.open_session()))
            while not self._closing:
                self._pass_through(retry_at, open_once)
                self._destination.directory.tidy()
                with self._change:
                    self.backlog_done = True
                    self._change.notify_all()
                    if min(retry_at.values(), default=math.inf) == math.inf:
                        return
                    self._change.wait_for(lambda: self._closing, BETWEEN_PASSES)

    def _pass_through(self, retry_at: dict[Path, float], open_once: Callable[[], Any]) -> None:
        """Try each spool once that has no reason to wait; those that have are noted."""
        directory, recipient = self._destination.directory, self._destination.recipient
        for spool in directory.open_pending(recipient, but=self._spool.path):
            path = spool.path or Path()
            try:
                if retry_at.get(path, 0.0) <= time.monotonic():
                    retry_at[path] = self._send_earlier(spool, open_once())
            finally:
                spool.close()
            if self._closing or retry_at.get(path) == UNREACHABLE:
                return

    def _send_earlier(self, spool: Spool, session: Any) -> float:
        """Send what an earlier run left; the moment at which to try what has to wait."""
        team_url = self._destination.team_url(spool.contents.header, session)
        earlier = SpoolSender(spool, Transport(session), team_url)
        earlier.end_orphan()
        before = spool.contents.sent
        while (decision := earlier.step()) is not None and not self._closing:
            if isinstance(decision, Blocked):
                return math.inf
            if isinstance(decision, Retry) and decision.seconds > 0:
                if decision.unreachable:
                    return UNREACHABLE
                return time.monotonic() + decision.seconds
        if count := spool.contents.sent - before:
            logger.info("Sent %s of an earlier run.", count_of(count, "record"))
        if damaged := spool.contents.damaged:
            logger.warning("%d more could not be read any more: they were skipped.", damaged)
        return math.inf

    def _note(self, decision: Decision | None) -> None:
        with self._change:
            match decision:
                case Retry(_, reason):
                    self.failures += 1
                    self.reason, self.in_contact = reason, False
                case Blocked(reason):
                    self.failures += 1
                    self.reason, self.stopped, self.blocked = reason, True, True
                case None:
                    pass
                case _:
                    self.failures, self.in_contact = 0, True
            if isinstance(decision, Rejected):
                self.rejected = self.rejected or decision
            self._change.notify_all()

    def _sleep(self, seconds: float | None, *, is_minimum: bool = False) -> None:
        """Wait for news, or for `seconds`, which only hurry cuts short."""
        with self._change:
            self._waits_for_news = seconds is None
            self._change.wait_for(
                lambda: (
                    self._closing
                    or (seconds is None and self._news)
                    or (self._hurry and not is_minimum)
                ),
                seconds,
            )
            self._news = self._hurry = self._waits_for_news = False

    def _wait_until_closed(self) -> None:
        with self._change:
            self._change.wait_for(lambda: self._closing)


def count_of(count: int, name: str) -> str:
    """A number of things, for people: `1 record`, `2 records`."""
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
