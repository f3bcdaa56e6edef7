"""At most so many executions at once: the first ones go on, those that come later do not."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Annotated

import msgspec

from chaoscloud.console.rules.safeguards.fields import NumberField
from chaoscloud.console.rules.safeguards.kind import Kind
from chaoscloud.console.rules.safeguards.model import (
    Finding,
    Question,
    Run,
    RunningExecution,
    Safeguard,
    denial,
)

SILENCE = timedelta(minutes=10)  # an execution silent for so long keeps nobody waiting any more


class LimitSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many executions may run at once, of those the safeguard applies to."""

    most: Annotated[int, msgspec.Meta(ge=1, le=10_000)]


class LimitKind(Kind[LimitSettings]):
    """Denies those that were created after the first so many."""

    name = "limit"
    label = "Runs at once"
    purpose = "At most so many runs go on at the same time."
    settings = LimitSettings
    fields = (
        NumberField(
            "most", "At most so many runs at once", "How many runs may go on at once", initial="1"
        ),
    )
    needs_facts = True
    counts_executions = True
    interrupts = False

    def decide(self, safeguard: Safeguard, settings: LimitSettings, question: Question) -> Finding:
        """Deny when enough others were created before.

        A run that is not recorded comes after all that are. Once admitted it stays: others that
        begin later, or its own record that arrives at last, do not stop it. It takes no place from
        others, as nobody would say when it ends.
        """
        if question.run is not None and question.run.admitted:
            return Finding()
        # The rest need not be looked at: a place is free once one of these first ones leaves.
        earlier = list(islice(_created_before(question, safeguard), settings.most))
        if len(earlier) < settings.most:
            return Finding()
        oldest = min(execution.last_seen_at for execution in earlier)
        return Finding(denial(safeguard), oldest + SILENCE)

    def describe(self, settings: LimitSettings) -> str:
        """How many runs may go on."""
        return f"At most {settings.most} {'run' if settings.most == 1 else 'runs'} at once"

    def usage(self, safeguard: Safeguard, settings: LimitSettings, question: Question) -> str:
        """How many of the places are taken."""
        count = sum(1 for _ in _running(question, safeguard))
        return f"{count} of {settings.most} running"


def _created_before(question: Question, safeguard: Safeguard) -> Iterator[RunningExecution]:
    """The executions that count and were created before the one asked about.

    That one may be missing among the running: it was silent for long, and asks again.
    """
    run = question.run
    for execution in _running(question, safeguard):
        if run is not None and _is_created_by(run, execution):
            return
        yield execution


def _is_created_by(run: Run, execution: RunningExecution) -> bool:
    """Whether a run is this execution, or was created before it."""
    if run.id is None or run.created_at is None:
        return run.id == execution.id
    return (run.created_at, run.id) <= (execution.created_at, execution.id)


def _running(question: Question, safeguard: Safeguard) -> Iterator[RunningExecution]:
    """The executions that take a place, in the order they were created."""
    own_id = question.run.id if question.run else None
    # Whoever asks is running, however long ago the database noted it.
    for execution in question.facts.running:
        is_alive = execution.id == own_id or execution.last_seen_at + SILENCE > question.now
        if is_alive and _counts(execution, safeguard):
            yield execution


def _counts(execution: RunningExecution, safeguard: Safeguard) -> bool:
    """Whether an execution is one of those the safeguard applies to."""
    if safeguard.team_id not in (None, execution.team_id):
        return False
    return not safeguard.tags or not set(execution.tags).isdisjoint(safeguard.tags)


KIND = LimitKind()
