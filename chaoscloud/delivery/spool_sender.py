"""Sends what one spool holds, in order, with retries; each spool has a state of its own."""

import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from chaoscloud import workspace
from chaoscloud.api.answers import hide_addresses
from chaoscloud.api.verification import results_of
from chaoscloud.delivery.errors import NotRecorded, best_effort
from chaoscloud.delivery.records import encode_members
from chaoscloud.delivery.requests import NotSendable, QueuedRequest, build_request
from chaoscloud.delivery.retry import (
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
from chaoscloud.delivery.transport import Transport
from chaoscloud.exceptions import WorkspaceException

__all__ = ["MOST_AT_ONCE", "OnIds", "SpoolSender"]

logger = logging.getLogger("chaostoolkit")

MOST_AT_ONCE = 200  # events in a batch
DIED = "its process ended without a word, at this moment or later"

TOO_LARGE = 413
WRONG_FORM = 415

OnIds = Callable[[dict[str, str], str | None], None]
"""Is called with the ids the console gave, and the page of what was created."""


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
            start = opening.parse()
            names = {"key": f"{start['key']}.end", "verification_id": start["verification_id"]}
            spool.append("run-end", encode_members(**names, end=end, results=results_of({})))

    def step(self) -> Decision | None:
        """Send what is next, and say what follows from it; None when nothing is left."""
        records = self._spool.first(MOST_AT_ONCE)
        if not records:
            return None
        try:
            with best_effort(NotSendable):
                request = build_request(
                    records,
                    self._spool.contents,
                    self._team_url,
                    batches=self._transport.batches,
                    alone=records[0].n <= self._alone_until,
                    cut=self._cut,
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
            reason = hide_addresses(decision.reason, self._team_url)
            self._spool.reject(request.numbers[-1:], reason)
        return decision

    def _may_change(self, request: QueuedRequest, outcome: Outcome) -> bool:
        """Whether it may be taken in smaller pieces, in a smaller or in the plain form."""
        if len(request.records) > 1 and request.records[0].kind in ("event", "experiment"):
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
        numbers = request.numbers
        if isinstance(outcome, Reply):
            address = outcome.address
            if outcome.id is not None and request.id_name is not None:
                ids = {request.id_name: outcome.id}
                if outcome.execution is not None:
                    ids["execution_id"], address = outcome.execution
                elif request.id_name == "experiment_id":
                    numbers = numbers[:1]  # the execution beside it is still to be made
                self._spool.learn(**ids)
                _link_workspace(self._spool)
                self._on_ids(ids, address)
            self.address = address or self.address
        self._cut = 0
        self._spool.mark_sent(numbers)


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
