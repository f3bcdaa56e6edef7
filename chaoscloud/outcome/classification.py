"""How an execution ended: its outcome, whether that answers the question, and one sentence.

Pure: from a decoded journal to an `Outcome`. Words and precedence are those of the Chaos Toolkit's
own report (`chaostoolkit.agent.classify`, since chaostoolkit 1.21), from the least to the most
trustworthy: interrupted, aborted, probe-error, baseline-not-met, deviated, passed. Three words are
ours, for what that report does not tell apart:

- `refused`: safeguards did not let the execution start;
- `failed`: the journal says so and holds nothing that says why;
- `unknown`: the journal has ended and does not say how.

Journals come from anywhere, so nothing here trusts their shape, and nothing raises.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from chaoscloud.outcome.sentences import (
    find_block,
    find_failed,
    name_of,
    read_states,
    write_sentence,
)
from chaoscloud.outcome.values import as_list, as_map, as_text

__all__ = ["ENDED", "INCONCLUSIVE", "Caveat", "Outcome", "OutcomeName", "find_outcome"]

OutcomeName = Literal[
    "passed",
    "deviated",
    "baseline-not-met",
    "probe-error",
    "failed",
    "aborted",
    "interrupted",
    "refused",
    "unknown",
]

ENDED = frozenset({"completed", "failed", "aborted", "interrupted", "deviated"})
"""What the status of a journal is when its execution is over."""

INCONCLUSIVE = ("dry-run", "no-steady-state-hypothesis", "method-activity-failed")
"""The caveats that keep an outcome from answering the question."""

LEFT_BEHIND = ("rollback-failed", "rollbacks-not-played")
"""The caveats of rollbacks that did not put back what the method had changed."""

METHOD_NOT_RUN = ("refused", "baseline-not-met", "probe-error", "unknown")
"""Outcomes of executions whose method was not run, unless the journal has activities of it."""

# chaostoolkit-lib of before 1.43 took an interruption during an activity for that activity's
# failure; the host's report looks for the same line.
_SWALLOWED = "chaoslib.exceptions.ActivityFailed: chaoslib.exceptions.InterruptExecution"


@dataclass(frozen=True, slots=True)
class Caveat:
    """What weakens or qualifies an outcome (a "warning" of the host): its code and a sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an execution ended.

    `conclusive` is whether the outcome answers the experiment's question, `reasons` are the codes
    of what keeps it from that, `dry` is whether activities were left out on purpose, `left_behind`
    whether what the method did may still be there: rollbacks failed, or were not run.
    """

    outcome: OutcomeName
    conclusive: bool
    reasons: tuple[str, ...]
    warnings: tuple[Caveat, ...]
    sentence: str
    dry: bool
    left_behind: bool


def find_outcome(journal: object) -> Outcome | None:
    """Return how the execution of this decoded journal ended; None when it has not ended."""
    document = as_map(journal)
    if not _has_ended(document):
        return None
    outcome = _classify(document)
    caveats = tuple(_caveats(document))
    codes = [caveat.code for caveat in caveats]
    reasons = tuple(code for code in INCONCLUSIVE if code in codes)
    return Outcome(
        outcome=outcome,
        conclusive=outcome in ("passed", "deviated") and not reasons,
        reasons=reasons,
        warnings=caveats,
        sentence=write_sentence(document, outcome, codes),
        dry="dry-run" in codes,
        left_behind=_is_left_behind(document, outcome, codes),
    )


def _has_ended(journal: Mapping[str, Any]) -> bool:
    """Whether the execution is over: its status says so, or it has an end whatever its status."""
    return as_text(journal.get("status")) in ENDED or bool(as_text(journal.get("end")))


# --- the outcome -------------------------------------------------------------------------------


def _classify(journal: Mapping[str, Any]) -> OutcomeName:
    status = journal.get("status")
    if status == "interrupted" or _was_swallowed(journal):
        return "refused" if _is_refused(journal) else "interrupted"
    if status == "aborted":
        return "aborted"
    return _classify_by_hypothesis(journal) or _classify_by_status(journal)


def _classify_by_hypothesis(journal: Mapping[str, Any]) -> OutcomeName | None:
    """What the tests of the hypothesis say; None when all of them held, or there were none."""
    states = list(read_states(journal))
    if any(
        as_map(probe).get("status") != "succeeded"
        for _, state in states
        for probe in as_list(state.get("probes"))
    ):
        return "probe-error"
    unmet = [phase for phase, state in states if state.get("steady_state_met") is False]
    if "before" in unmet:
        return "baseline-not-met"
    return "deviated" if unmet else None


def _classify_by_status(journal: Mapping[str, Any]) -> OutcomeName:
    """What is left to tell when the tests of the hypothesis say nothing against it.

    The host's report reads "passed" in each of these cases; a journal that says otherwise, or that
    says nothing, is believed here.
    """
    status = journal.get("status")
    if journal.get("deviated") is True or status == "deviated":
        return "deviated"
    if status == "completed":
        return "passed"
    return "failed" if status == "failed" else "unknown"


def _is_refused(journal: Mapping[str, Any]) -> bool:
    """Whether safeguards kept the execution from starting.

    The host drops a test of the hypothesis that is interrupted, so a journal without any activity
    may be one of an execution that had started. A stop with a latency interrupted something.
    """
    block = find_block(journal)
    if not block.get("safeguards") or as_map(block.get("stop")).get("latency") is not None:
        return False
    acted = as_list(journal.get("run")) or as_list(journal.get("rollbacks"))
    return not acted and not any(read_states(journal))


def _was_swallowed(journal: Mapping[str, Any]) -> bool:
    return any(
        as_text(line).strip().startswith(_SWALLOWED)
        for activity in _runs_of(journal)
        for line in as_list(activity.get("exception"))
    )


def _runs_of(journal: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for section in ("run", "rollbacks"):
        yield from map(as_map, as_list(journal.get(section)))
    for _, state in read_states(journal):
        yield from map(as_map, as_list(state.get("probes")))


# --- caveats -----------------------------------------------------------------------------------


def _caveats(journal: Mapping[str, Any]) -> Iterator[Caveat]:
    """The host's warnings, in its order; what a journal cannot tell is not warned of."""
    experiment = as_map(journal.get("experiment"))
    dry = experiment.get("dry") or find_block(journal).get("dry")
    if dry:
        kind = f" ({dry})" if isinstance(dry, str) else ""
        yield Caveat("dry-run", f"It was a dry run{kind}: activities were left out.")
    hypothesis = as_map(experiment.get("steady-state-hypothesis"))
    if experiment and not as_list(hypothesis.get("probes")):
        yield Caveat(
            "no-steady-state-hypothesis", "The experiment has no probes that judge the system."
        )
    if failed := find_failed(journal, "run"):
        yield Caveat(
            "method-activity-failed",
            f"The method may not have had its effect: {_names(failed)} failed.",
        )
    yield from _rollback_caveats(journal, experiment)


def _rollback_caveats(
    journal: Mapping[str, Any], experiment: Mapping[str, Any]
) -> Iterator[Caveat]:
    declared = len(as_list(experiment.get("rollbacks")))
    run = len(as_list(journal.get("rollbacks")))
    if "rollbacks" in journal and run < declared:
        yield Caveat(
            "rollbacks-not-played",
            f"{declared - run} of {declared} rollbacks were not run: "
            "what the method did may still be there.",
        )
    if failed := find_failed(journal, "rollbacks"):
        yield Caveat(
            "rollback-failed",
            f"What the method did may still be there: {_names(failed)} failed.",
        )


def _is_left_behind(journal: Mapping[str, Any], outcome: OutcomeName, codes: Sequence[str]) -> bool:
    if "rollback-failed" in codes:
        return True
    # Nothing is left by a method that was not run.
    may_have_begun = outcome not in METHOD_NOT_RUN or bool(as_list(journal.get("run")))
    return may_have_begun and "dry-run" not in codes and not set(codes).isdisjoint(LEFT_BEHIND)


def _names(activities: Sequence[Mapping[str, Any]]) -> str:
    names = [name_of(activity) for activity in activities]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
