"""The one sentence that says how an execution ended, and what it is read from.

"orders-are-accepted after the method: expected 201, got 503"; "the action kill-broker failed:
ConnectionError: …"; "stopped from the console after 12 s: Black Friday".
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from chaoscloud.outcome.durations import format_duration
from chaoscloud.outcome.tolerances import describe_tolerance
from chaoscloud.outcome.values import as_list, as_map, as_moment, as_text, format_value

__all__ = [
    "describe_failure",
    "describe_unmet",
    "find_block",
    "find_failed",
    "name_of",
    "read_states",
    "write_sentence",
]

Phase = Literal["before", "during", "after"]

LONGEST_VALUE = 80  # characters of one value
LONGEST_SENTENCE = 300

_LEFT_BEHIND = "what the method did may still be there"


# --- reading -----------------------------------------------------------------------------------


def read_states(journal: Mapping[str, Any]) -> Iterator[tuple[Phase, Mapping[str, Any]]]:
    """Yield each test of the hypothesis that the journal holds, in order, with its phase."""
    states = as_map(journal.get("steady_states"))
    tests: list[tuple[Phase, Any]] = [("before", states.get("before"))]
    tests += [("during", state) for state in as_list(states.get("during"))]
    tests += [("after", states.get("after"))]
    for phase, state in tests:
        if as_map(state):
            yield phase, as_map(state)


def find_failed(journal: Mapping[str, Any], section: str) -> list[Mapping[str, Any]]:
    """Return the runs of activities that failed, of the section `run` or `rollbacks`."""
    runs = map(as_map, as_list(journal.get(section)))
    return [run for run in runs if run.get("status") == "failed"]


def find_block(journal: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the plugin's block of the journal's extensions, or an empty one."""
    blocks = map(as_map, as_list(journal.get("extensions")))
    return next((block for block in blocks if block.get("name") == "chaosiq"), {})


def name_of(run: Mapping[str, Any]) -> str:
    """Return the name of the activity that was run."""
    activity = as_map(run.get("activity"))
    return as_text(activity.get("name")) or as_text(activity.get("ref")) or "unnamed"


# --- the sentence ------------------------------------------------------------------------------


def write_sentence(journal: Mapping[str, Any], outcome: str, caveats: Sequence[str]) -> str:
    """Return one sentence on how the execution ended, without a full stop at its end.

    `caveats` are the codes of what qualifies the outcome. A rollback that failed is always named.
    """
    write = _WRITERS.get(outcome, _write_unknown)
    parts = [write(journal, caveats)]
    if failed := find_failed(journal, "rollbacks"):
        parts.append(f"{describe_failure(failed[0], 'rollback')}; {_LEFT_BEHIND}")
    return _cut("; ".join(parts), LONGEST_SENTENCE)


def _write_passed(journal: Mapping[str, Any], caveats: Sequence[str]) -> str:
    if "dry-run" in caveats:
        return "a dry run: activities were left out, so nothing was learned"
    if failed := find_failed(journal, "run"):
        return describe_failure(failed[0])
    phases = list(dict.fromkeys(phase for phase, _ in read_states(journal)))
    if "no-steady-state-hypothesis" in caveats or not phases:
        return "nothing was judged: the steady state was not tested"
    return f"the steady state held {_join(phases)} the method"


def _write_deviated(journal: Mapping[str, Any], _: Sequence[str]) -> str:
    states = [pair for pair in read_states(journal) if pair[1].get("steady_state_met") is False]
    if not states:
        return "the steady state did not hold; the journal does not say where"
    # The state that the method left behind is the news; one that came back is the second best.
    return describe_unmet(*next((pair for pair in states if pair[0] == "after"), states[0]))


def _write_baseline(journal: Mapping[str, Any], _: Sequence[str]) -> str:
    phase, state = next(read_states(journal))
    return f"{describe_unmet(phase, state)}; the method was not run"


def _write_probe_error(journal: Mapping[str, Any], _: Sequence[str]) -> str:
    phase, probe = next(
        (phase, probe)
        for phase, state in read_states(journal)
        for probe in map(as_map, as_list(state.get("probes")))
        if probe.get("status") != "succeeded"
    )
    return f"{describe_failure(probe, 'probe')}, {phase} the method"


def _write_aborted(journal: Mapping[str, Any], _: Sequence[str]) -> str:
    failed = find_failed(journal, "run")
    if failed:
        return f"aborted: {describe_failure(failed[-1])}"
    return "aborted by an unexpected error; the journal does not say which"


def _write_failed(journal: Mapping[str, Any], _: Sequence[str]) -> str:
    failed = find_failed(journal, "run")
    return describe_failure(failed[0]) if failed else "failed; the journal does not say why"


def _write_interrupted(journal: Mapping[str, Any], _: Sequence[str]) -> str:
    after = _write_moment(journal)
    policies = _write_policies(journal)
    if policies:
        return f"stopped from the console{after}: {policies}"
    addon = as_text(as_map(journal.get("safeguards")).get("triggered_by"))
    if addon:
        return f"stopped by the safeguard {_cut(addon)}{after}"
    interruption = as_map(journal.get("interruption"))
    name, reason = as_text(interruption.get("name")), as_text(interruption.get("reason"))
    if interruption.get("kind") == "signal" and name:
        return f"interrupted by {_SIGNALS.get(name, _cut(name))}{after}"
    if name or reason:
        return f"interrupted by {_cut(name or 'a control')}{after}: {_cut(reason or 'no reason')}"
    return f"interrupted{after}; the journal does not say by whom"


def _write_refused(journal: Mapping[str, Any], _: Sequence[str]) -> str:
    return f"not started: {_write_policies(journal)}"


def _write_unknown(journal: Mapping[str, Any], _: Sequence[str]) -> str:
    return "ended; the journal does not say how"


_WRITERS = {
    "passed": _write_passed,
    "deviated": _write_deviated,
    "baseline-not-met": _write_baseline,
    "probe-error": _write_probe_error,
    "failed": _write_failed,
    "aborted": _write_aborted,
    "interrupted": _write_interrupted,
    "refused": _write_refused,
}

_SIGNALS = {"SIGINT": "Ctrl-C", "SIGTERM": "SIGTERM", "SIGHUP": "SIGHUP"}


# --- its parts ---------------------------------------------------------------------------------


def describe_unmet(phase: Phase, state: Mapping[str, Any]) -> str:
    """Say which probe of a test was outside its tolerance, what was expected, what came."""
    probes = map(as_map, as_list(state.get("probes")))
    probe = next((probe for probe in probes if probe.get("tolerance_met") is False), None)
    if probe is None:
        return f"the steady state did not hold {phase} the method"
    tolerance = as_map(probe.get("activity")).get("tolerance")
    expectation = _cut(describe_tolerance(tolerance)) or "its tolerance"
    value = _cut(format_value(_select_value(probe.get("output"), tolerance))) or "nothing"
    return f"{name_of(probe)} {phase} the method: expected {expectation}, got {value}"


def _select_value(output: object, tolerance: object) -> object:
    """The part of a probe's output that its tolerance looks at.

    Outputs of `http` and `process` probes are objects; a plain number is held against their status.
    """
    if not isinstance(output, dict):
        return output
    if isinstance(tolerance, dict) and as_text(tolerance.get("target")) in output:
        return output[as_text(tolerance.get("target"))]
    return output.get("status", output)


def describe_failure(run: Mapping[str, Any], kind: str = "") -> str:
    """Say which activity failed and by which error; `kind` is what to call it."""
    activity = as_map(run.get("activity"))
    kind = kind or as_text(activity.get("type")) or "activity"
    exception = run.get("exception")
    text = "".join(map(as_text, exception)) if isinstance(exception, list) else as_text(exception)
    lines = text.strip().splitlines()
    error = lines[-1].removeprefix("chaoslib.exceptions.ActivityFailed: ") if lines else ""
    return f"the {kind} {name_of(run)} failed" + (f": {_cut(error, 160)}" if error else "")


def _write_policies(journal: Mapping[str, Any]) -> str:
    """Name the safeguards that stopped the execution: by their reasons, else by their names."""
    words = []
    for policy in as_list(find_block(journal).get("safeguards")):
        fields = as_map(policy)
        text = as_text(fields.get("reason")) or as_text(fields.get("name")) or as_text(policy)
        words.append(_cut(text or "a safeguard"))
    return ", ".join(dict.fromkeys(words))


def _write_moment(journal: Mapping[str, Any]) -> str:
    """Say how long after its start an execution was interrupted; nothing where that is not known.

    The plugin writes the moment of a stop. Without it, the journal's end is that moment, unless
    rollbacks were run in between.
    """
    start = as_moment(journal.get("start"))
    moment = as_moment(as_map(find_block(journal).get("stop")).get("interrupted_at"))
    if moment is None and not as_list(journal.get("rollbacks")):
        moment = as_moment(journal.get("end"))
    if start is None or moment is None or moment < start:
        return ""
    return f" after {format_duration((moment - start).total_seconds())}"


def _join(phases: Sequence[str]) -> str:
    return " and ".join([", ".join(phases[:-1]), phases[-1]] if len(phases) > 1 else phases)


def _cut(text: str, longest: int = LONGEST_VALUE) -> str:
    """Return the text on one line, no longer than that."""
    line = " ".join(text[: 10 * longest].split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
