"""The threads that send: one for what this run records, one for what earlier runs left behind.

Each spool has a state of its own: what has to wait, or what this token may not send, is put back as
it is, and holds up nothing but itself.
"""

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from chaoscloud import _settings_file, api, workspace
from chaoscloud.api.verification import results_of
from chaoscloud.delivery.errors import NotRecorded, best_effort
from chaoscloud.delivery.records import encode_members
from chaoscloud.delivery.requests import NotSendable, QueuedRequest, build_request
from chaoscloud.delivery.retry import (
    Blocked,
    Decision,
    Outcome,
    Rejected,
    Reply,
    Retry,
    Sent,
    decide,
    needs_a_second_opinion,
    reconsider,
)
from chaoscloud.delivery.spool import Spool
from chaoscloud.delivery.spool_directory import Recipient, SpoolDirectory
from chaoscloud.delivery.transport import Transport
from chaoscloud.exceptions import SettingsException, WorkspaceException

__all__ = ["Destination", "OnIds", "Sender", "SpoolSender"]

logger = logging.getLogger("chaostoolkit")

MOST_AT_ONCE = 200  # events in a batch
LONG_FOR_A_CALL = 2.0  # seconds

LINGER = 0.5
"""Seconds that events wait for company where the console takes batches."""

BETWEEN_PASSES = 5.0
"""Seconds between two looks at what earlier runs left, while some of it has to wait."""

UNREACHABLE = -1.0
"""Stands for the moment to try again when the console does not answer at all: soon."""

DIED = "its process ended without a word, at this moment or later"

TOO_LARGE = 413
WRONG_FORM = 415

OnIds = Callable[[dict[str, str], str | None], None]
"""Is called with the ids the console gave, and the page of what was created."""


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


class SpoolSender:
    """Sends what one spool holds, a request at each `step`."""

    def __init__(
        self,
        spool: Spool,
        transport: Transport,
        team_url: str,
        on_ids: OnIds = lambda ids, address: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        rng: random.Random | None = None,
    ) -> None:
        self.attempt = 0
        self.address: str | None = None
        self._spool = spool
        self._transport = transport
        self._team_url = team_url
        self._on_ids = on_ids
        self._now = now
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, protects nothing
        self._alone_until = 0
        self._cut = 0

    @property
    def takes_batches(self) -> bool:
        """Whether the console has said that it does."""
        return self._transport.batches

    def end_orphan(self) -> None:
        """Record the end that can be proven of a run whose process died before it could say so.

        Only where nobody else can own the spool.
        """
        spool, contents = self._spool, self._spool.contents
        if not spool.is_orphan or contents.opening is None:
            return
        end = {
            "status": "aborted",
            "end": contents.time or spool.changed_at,
            "extensions": [{"name": "chaosiq", **contents.ids, "aborted": {"reason": DIED}}],
        }
        if not contents.ended:
            spool.append("end", encode_members(end=end))
        opening = contents.run_opening
        is_known = "run_id" in contents.ids or (opening and opening.n in contents.pending)
        if opening is not None and is_known and not contents.run_ended:
            start = opening.read()
            names = {"key": f"{start['key']}.end", "verification_id": start["verification_id"]}
            spool.append("run-end", encode_members(**names, end=end, results=results_of({})))

    def step(self) -> Decision | None:
        """Send what is next, and say what follows from it; None when nothing is left."""
        records = self._spool.first(MOST_AT_ONCE)
        if not records:
            return None
        batches = self._transport.batches and records[0].n > self._alone_until
        try:
            with best_effort(NotSendable):
                request = build_request(
                    records, self._spool.contents, self._team_url, batches=batches, cut=self._cut
                )
        except (NotSendable, NotRecorded) as x:
            self._spool.reject([records[0].n], str(x))
            return Rejected(str(x))
        return self._send(request)

    def _send(self, request: QueuedRequest) -> Decision:
        self.attempt += 1
        outcome = self._transport.send(request)
        decision = decide(self.attempt, outcome, self._now(), self._rng)
        if isinstance(decision, Rejected):
            if self._may_change(request, outcome):
                return Retry(0.0, decision.reason)
            if needs_a_second_opinion(outcome):
                team = self._transport.ask(self._team_url)
                decision = reconsider(outcome, team, self.attempt, self._now(), self._rng)
        if isinstance(decision, Sent | Rejected):
            self.attempt = 0
        if isinstance(decision, Sent):
            self._note_sent(request, outcome)
        elif isinstance(decision, Rejected):
            # Of an end, what is large goes first: the small record alone is still to be tried.
            self._spool.reject(request.numbers[-1:], decision.reason)
        return decision

    def _may_change(self, request: QueuedRequest, outcome: Outcome) -> bool:
        """Whether it may be taken in smaller pieces, in a smaller or in the plain form."""
        if len(request.records) > 1 and request.records[0].kind == "event":
            self._alone_until = request.records[-1].n
            return True
        status = outcome.status if isinstance(outcome, Reply) else 0
        if status == TOO_LARGE and request.is_cuttable:
            if self._cut == 0:
                logger.warning("The journal is too large for the console: its outputs are cut.")
            self._cut += 1
            return True
        return status == WRONG_FORM and self._transport.was_compressed

    def _note_sent(self, request: QueuedRequest, outcome: Outcome) -> None:
        if isinstance(outcome, Reply) and outcome.id is not None and request.id_name is not None:
            ids = {request.id_name: outcome.id}
            self._spool.learn(**ids)
            _link_workspace(self._spool)
            self._on_ids(ids, outcome.address)
        if isinstance(outcome, Reply):
            self.address = outcome.address or self.address
        self._cut = 0
        self._spool.mark_sent(request.numbers)


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
                    self._sleep(decision.seconds, asked=decision.asked)

    def _may_go_on(self) -> bool:
        """Wait while this token may send nothing; whether there is more to do."""
        with self._change:
            self._change.wait_for(lambda: self._closing or not self.stopped)
            return not self._closing

    def _let_events_gather(self, own: SpoolSender) -> None:
        """Fewer requests, and fewer bytes; not while somebody waits for them."""
        records = self._spool.first(MOST_AT_ONCE)
        if records and own.takes_batches and all(record.kind == "event" for record in records):
            self._sleep(LINGER)

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

    def _wait_until_closed(self) -> None:
        with self._change:
            self._change.wait_for(lambda: self._closing)


def count_of(count: int, name: str) -> str:
    """A number of things, for people: `1 record`, `2 records`."""
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def _link_workspace(spool: Spool) -> None:
    """Link the experiment's file to the console's experiment, if it is still where it was."""
    header, ids = spool.contents.header, spool.contents.ids
    place = header.get("workspace")
    if place is None or "execution_id" not in ids or not Path(place["file"]).exists():
        return
    try:
        workspace.link_file(
            place["path"], header["org_id"], header["team_id"], place["file"], ids["experiment_id"]
        )
    except WorkspaceException as x:
        logger.warning("The experiment is not linked to the console's: %s", x)
