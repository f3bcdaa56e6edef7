"""At most so many executions at once: the first ones go on, those that come later do not."""

from datetime import timedelta
from typing import Annotated

import msgspec

from chaoscloud.console.rules.safeguards.fields import NumberField
from chaoscloud.console.rules.safeguards.kind import Kind
from chaoscloud.console.rules.safeguards.model import (
    Finding,
    Question,
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
        earlier = _created_before(question, safeguard)
        if len(earlier) < settings.most:
            return Finding()
        # A place is free once one of them ends, or has been silent for too long.
        oldest = min(execution.last_seen_at for execution in earlier)
        return Finding(denial(safeguard), oldest + SILENCE)

    def describe(self, settings: LimitSettings) -> str:
        """How many runs may go on."""
        return f"At most {settings.most} {'run' if settings.most == 1 else 'runs'} at once"

    def usage(self, safeguard: Safeguard, settings: LimitSettings, question: Question) -> str:
        """How many of the places are taken."""
        return f"{len(_running(question, safeguard))} of {settings.most} running"


def _created_before(question: Question, safeguard: Safeguard) -> list[RunningExecution]:
    """The executions that count and were created before the one asked about."""
    own_id = question.run.id if question.run else None
    running = _running(question, safeguard)
    for position, execution in enumerate(running):
        if execution.id == own_id:
            return running[:position]
    return running


def _running(question: Question, safeguard: Safeguard) -> list[RunningExecution]:
    """The executions that take a place, in the order they were created."""
    own_id = question.run.id if question.run else None
    # Whoever asks is running, however long ago the database noted it.
    return [
        execution
        for execution in question.facts.running
        if _counts(execution, safeguard)
        and (execution.id == own_id or execution.last_seen_at + SILENCE > question.now)
    ]


def _counts(execution: RunningExecution, safeguard: Safeguard) -> bool:
    """Whether an execution is one of those the safeguard applies to."""
    if safeguard.team_id not in (None, execution.team_id):
        return False
    return not safeguard.tags or not set(execution.tags).isdisjoint(safeguard.tags)


KIND = LimitKind()
