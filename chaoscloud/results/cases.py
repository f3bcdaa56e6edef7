"""A journal as test cases: the hypothesis before, during and after, each activity, each rollback.

Nothing trusts the shape of a journal, and nothing raises.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from chaoscloud.outcome import Outcome, find_outcome
from chaoscloud.outcome.sentences import (
    describe_failure,
    describe_unmet,
    find_block,
    name_of,
    read_states,
)
from chaoscloud.outcome.values import as_list, as_map, as_moment, as_seconds, as_text

__all__ = ["Case", "CaseStatus", "Suite", "build_suite", "build_unstarted_suite"]

CaseStatus = Literal["passed", "failure", "error", "skipped"]
Section = Literal["hypothesis", "method", "rollbacks", "run"]
Phase = Literal["before", "during", "after"]

_PHASES: tuple[Phase, ...] = ("before", "during", "after")
_NOT_RUN = "not run"
_LONGEST_TEXT = 16 * 1024  # characters of one traceback


@dataclass(frozen=True, slots=True)
class Case:
    """One test case; `seconds` is how long it took, `details` the traceback of an error."""

    section: Section
    name: str
    status: CaseStatus = "passed"
    message: str = ""
    details: str = ""
    seconds: float | None = None
    start: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """The cases of one run; `outcome` is None where the run did not start, or goes on.

    `facts` are what else there is to know: names and values, in the order to show them.
    """

    title: str
    cases: tuple[Case, ...]
    outcome: Outcome | None = None
    sentence: str = ""
    start: datetime | None = None
    duration: float | None = None  # seconds
    node: str = ""
    address: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    def count(self, status: CaseStatus) -> int:
        """How many cases have this status."""
        return sum(case.status == status for case in self.cases)


def build_suite(
    journal: object, *, address: str = "", facts: Mapping[str, str] | None = None
) -> Suite:
    """Return the cases of a journal without secrets, decoded from JSON.

    `address` is the run's page in the console; `facts` are shown before what the journal says.
    """
    document = as_map(journal)
    experiment = as_map(document.get("experiment"))
    outcome = find_outcome(document)
    cases = list(_read_cases(document, experiment, outcome))
    if outcome is not None:
        cases = [_qualify(case, outcome) for case in cases]
    if (whole := _judge_run(cases, outcome)) is not None:
        cases.append(whole)
    return Suite(
        title=as_text(experiment.get("title")) or "Untitled experiment",
        cases=tuple(cases),
        outcome=outcome,
        sentence=outcome.sentence if outcome else "the run has not ended",
        start=as_moment(document.get("start")),
        duration=as_seconds(document.get("duration")),
        node=as_text(document.get("node")),
        address=address,
        facts={**(facts or {}), **_read_context(document)},
    )


def build_unstarted_suite(title: str, reason: str) -> Suite:
    """Return the suite of a run that did not start: one error that says why."""
    case = Case("run", "the run starts", "error", reason)
    return Suite(title=title, cases=(case,), sentence=f"the run did not start: {reason}")


# --- cases -------------------------------------------------------------------------------------


def _read_cases(
    journal: Mapping[str, Any], experiment: Mapping[str, Any], outcome: Outcome | None
) -> Iterator[Case]:
    def read(section: Section, runs: str) -> Iterator[Case]:
        declared = map(as_map, as_list(experiment.get(section)))
        sentence = outcome.sentence if outcome else ""
        return _read_activities(
            section, list(map(as_map, as_list(journal.get(runs)))), declared, sentence
        )

    hypothesis = list(_read_hypothesis(journal, experiment))
    last = [case for case in hypothesis if case.name == _name_phase("after")]
    yield from (case for case in hypothesis if case not in last)
    yield from read("method", "run")
    yield from last
    yield from read("rollbacks", "rollbacks")


def _name_phase(phase: Phase) -> str:
    return f"steady state {phase} the method"


def _read_hypothesis(journal: Mapping[str, Any], experiment: Mapping[str, Any]) -> Iterator[Case]:
    states: dict[str, list[Mapping[str, Any]]] = {phase: [] for phase in _PHASES}
    for phase, state in read_states(journal):
        states[phase].append(state)
    hypothesis = as_map(experiment.get("steady-state-hypothesis"))
    is_declared = bool(as_list(hypothesis.get("probes")))
    for phase in _PHASES:
        name = _name_phase(phase)
        if states[phase]:
            yield _read_phase(name, phase, states[phase])
        elif is_declared and phase != "during":  # sampled by choice only
            yield Case("hypothesis", name, "skipped", _NOT_RUN)
    if not is_declared and not any(states.values()):
        message = "the experiment has no probes that judge the system"
        yield Case("hypothesis", "steady state", "skipped", message)


def _read_phase(name: str, phase: Phase, states: list[Mapping[str, Any]]) -> Case:
    """One case of all tests of the hypothesis in this phase: the worst of them counts."""
    probes = [as_map(probe) for state in states for probe in as_list(state.get("probes"))]
    starts = [start for probe in probes if (start := as_moment(probe.get("start")))]
    case = Case(
        "hypothesis",
        name,
        seconds=sum(as_seconds(probe.get("duration")) or 0.0 for probe in probes),
        start=min(starts) if starts else None,
    )
    broken = [probe for probe in probes if probe.get("status") != "succeeded"]
    if broken:
        message = describe_failure(broken[0], "probe")
        return replace(case, status="error", message=message, details=_trace(broken[0]))
    unmet = [state for state in states if state.get("steady_state_met") is False]
    if unmet:
        message = describe_unmet(phase, unmet[0])
        if phase == "during":
            message = f"{len(unmet)} of {len(states)} samples were not met; {message}"
        return replace(case, status="failure", message=message)
    return case


def _read_activities(
    section: Section,
    runs: list[Mapping[str, Any]],
    declared: Iterable[Mapping[str, Any]],
    sentence: str,
) -> Iterator[Case]:
    """What was run, in order, and then what was declared but not run."""
    for run in runs:
        yield _read_run(section, run, sentence)
    rest = Counter(_name_declared(activity) for activity in declared)
    rest.subtract(name_of(run) for run in runs)
    for name, count in rest.items():
        yield from (Case(section, name, "skipped", _NOT_RUN) for _ in range(count))


def _read_run(section: Section, run: Mapping[str, Any], sentence: str) -> Case:
    case = Case(
        section,
        name_of(run),
        seconds=as_seconds(run.get("duration")),
        start=as_moment(run.get("start")),
    )
    if run.get("status") == "succeeded":
        return case
    if run.get("status") == "failed":
        kind = "rollback" if section == "rollbacks" else ""
        message = describe_failure(run, kind)
        return replace(case, status="error", message=message, details=_trace(run))
    message = f"did not finish: {sentence}" if sentence else "did not finish"
    return replace(case, status="error", message=message)


def _name_declared(activity: Mapping[str, Any]) -> str:
    return as_text(activity.get("name")) or as_text(activity.get("ref")) or "unnamed"


def _trace(run: Mapping[str, Any]) -> str:
    """The traceback as the host wrote it, its end where it is long."""
    exception = run.get("exception")
    lines = exception if isinstance(exception, list) else [exception]
    return "".join(map(as_text, lines))[-_LONGEST_TEXT:]


# --- what the outcome makes of them ------------------------------------------------------------


def _qualify(case: Case, outcome: Outcome) -> Case:
    """A case that says nothing, because of what keeps the run from answering, is a skipped one."""
    if case.status != "passed":
        return case
    messages = {caveat.code: caveat.message for caveat in outcome.warnings}
    if "dry-run" in messages:
        return replace(case, status="skipped", message=messages["dry-run"])
    is_before = case.name == _name_phase("before")
    if case.section == "hypothesis" and outcome.reasons and not is_before:
        message = f"inconclusive: {messages[outcome.reasons[0]]}"
        return replace(case, status="skipped", message=message)
    return case


def _judge_run(cases: list[Case], outcome: Outcome | None) -> Case | None:
    """A case of the run as a whole, where the others do not show that it did not pass."""
    name = "the run reaches its end"
    if outcome is None:
        return Case("run", name, "error", "the run has not ended")
    if outcome.outcome == "passed":
        return None
    if any(case.status in ("failure", "error") for case in cases):
        return None
    status: CaseStatus = "failure" if outcome.outcome == "deviated" else "error"
    return Case("run", name, status, outcome.sentence)


def _read_context(journal: Mapping[str, Any]) -> dict[str, str]:
    """CI build and labels of the run, as the plugin's block of the journal has them."""
    context = as_map(find_block(journal).get("context"))
    build = {f"ci.{name}": value for name, value in as_map(context.get("ci")).items()}
    labels = {f"label.{name}": value for name, value in as_map(context.get("labels")).items()}
    return {name: as_text(value) for name, value in {**build, **labels}.items()}
