"""The decision of all safeguards together."""

from collections.abc import Iterable
from datetime import datetime

from chaoscloud.console.rules.safeguards.kinds import KINDS
from chaoscloud.console.rules.safeguards.model import (
    Decision,
    Facts,
    Finding,
    Question,
    Run,
    Safeguard,
)
from chaoscloud.console.rules.safeguards.settings import load_settings

NO_FACTS = Facts()


def decide(
    safeguards: Iterable[Safeguard],
    now: datetime,
    run: Run | None = None,
    facts: Facts = NO_FACTS,
) -> Decision:
    """The decision about a run: one denial is enough, and every safeguard that denies is named.

    Without a run: whether anything at all may run, whatever it is.
    """
    question = Question(now, run, facts)
    applying = [s for s in safeguards if is_in_force(s, now) and applies_to(s, run)]
    findings = [_ask(safeguard, question) for safeguard in applying]
    policies = tuple(finding.policy for finding in findings if finding.policy is not None)
    changes = (
        *(finding.changes_at for finding in findings),
        *(safeguard.expires_at for safeguard in applying),
    )
    return Decision(not policies, policies, min((at for at in changes if at), default=None))


def is_in_force(safeguard: Safeguard, now: datetime) -> bool:
    """Whether a safeguard is switched on and its time is not over."""
    return safeguard.enabled and (safeguard.expires_at is None or safeguard.expires_at > now)


def applies_to(safeguard: Safeguard, run: Run | None) -> bool:
    """Whether a safeguard of the run's team or organization is about this run."""
    if safeguard.execution_id is not None:
        return run is not None and run.id == safeguard.execution_id
    if not safeguard.tags:
        return True
    return run is not None and not set(run.tags).isdisjoint(safeguard.tags)


def _ask(safeguard: Safeguard, question: Question) -> Finding:
    return KINDS[safeguard.kind].decide(safeguard, load_settings(safeguard), question)
