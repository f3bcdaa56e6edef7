"""The outcome of a journal as the bytes that came: without decoding what no outcome is made of.

A journal is mostly outputs. They are skipped, but for the few short ones that a sentence may name;
a journal of another shape than the Chaos Toolkit writes is decoded whole.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from chaoscloud.outcome import Outcome, find_outcome

_LONGEST_OUTPUT = 4096  # bytes; of a longer one the sentence shows its beginning


class _Activity(msgspec.Struct, frozen=True):
    name: Any = None
    ref: Any = None
    type: Any = None
    tolerance: Any = None


class _RunHead(msgspec.Struct, frozen=True):
    activity: _Activity | None = None
    status: Any = None
    tolerance_met: Any = None
    exception: Any = None
    output: msgspec.Raw = msgspec.Raw(b"null")


class _State(msgspec.Struct, frozen=True):
    steady_state_met: Any = None
    probes: list[_RunHead] | None = None


class _States(msgspec.Struct, frozen=True):
    before: _State | None = None
    during: list[_State | None] | None = None
    after: _State | None = None


class _Hypothesis(msgspec.Struct, frozen=True):
    probes: list[msgspec.Raw] | None = None


class _Experiment(msgspec.Struct, frozen=True):
    dry: Any = None
    rollbacks: list[msgspec.Raw] | None = None
    hypothesis: _Hypothesis | None = msgspec.field(default=None, name="steady-state-hypothesis")


class _Journal(msgspec.Struct, frozen=True):
    status: Any = None
    deviated: Any = None
    start: Any = None
    end: Any = None
    experiment: _Experiment | None = None
    steady_states: _States | None = None
    run: list[_RunHead] | None = None
    rollbacks: list[_RunHead] | msgspec.UnsetType | None = msgspec.UNSET
    interruption: Any = None
    safeguards: Any = None
    extensions: Any = None


def read_outcome(journal: bytes) -> Outcome | None:
    """Return how the execution of this journal ended, None when it has not.

    Raises `msgspec.DecodeError` for what is not JSON.
    """
    try:
        slim = msgspec.json.decode(journal, type=_Journal)
    except msgspec.ValidationError:
        return find_outcome(msgspec.json.decode(journal))
    return find_outcome(_write_document(slim))


def _write_document(slim: _Journal) -> dict[str, Any]:
    """The parts of the journal that outcomes are made of, as a whole journal has them."""
    experiment = slim.experiment or _Experiment()
    states = slim.steady_states or _States()
    hypothesis = {"probes": experiment.hypothesis and experiment.hypothesis.probes}
    document = {
        "status": slim.status,
        "deviated": slim.deviated,
        "start": slim.start,
        "end": slim.end,
        "experiment": slim.experiment
        and {
            "dry": experiment.dry,
            "rollbacks": experiment.rollbacks,
            "steady-state-hypothesis": hypothesis,
            "title": "",  # an experiment without anything in it is one all the same
        },
        "steady_states": {
            "before": _write_state(states.before),
            "during": [_write_state(state) for state in states.during or ()],
            "after": _write_state(states.after),
        },
        "run": _write_runs(slim.run),
        "interruption": slim.interruption,
        "safeguards": slim.safeguards,
        "extensions": slim.extensions,
    }
    if slim.rollbacks is not msgspec.UNSET:
        document["rollbacks"] = _write_runs(slim.rollbacks)
    return document


def _write_state(state: _State | None) -> dict[str, Any] | None:
    if state is None:
        return None
    return {"steady_state_met": state.steady_state_met, "probes": _write_runs(state.probes)}


def _write_runs(runs: Iterable[_RunHead] | None) -> list[dict[str, Any]]:
    return [
        {
            "activity": run.activity and msgspec.structs.asdict(run.activity),
            "status": run.status,
            "tolerance_met": run.tolerance_met,
            "exception": run.exception,
            "output": _read_output(run) if run.tolerance_met is False else None,
        }
        for run in runs or ()
    ]


def _read_output(run: _RunHead) -> Any:
    raw = memoryview(run.output)
    if len(raw) <= _LONGEST_OUTPUT or raw[:1].tobytes() == b'"':
        return msgspec.json.decode(raw)
    return _read_status(run) or bytes(raw[:_LONGEST_OUTPUT]).decode("utf-8", "replace")


class _Output(msgspec.Struct, frozen=True):
    status: Any = None


def _read_status(run: _RunHead) -> dict[str, Any] | None:
    """The status that a long answer of an `http` or `process` probe has, which is what counts."""
    try:
        output = msgspec.json.decode(run.output, type=_Output)
    except msgspec.ValidationError:
        return None
    return None if output.status is None else {"status": output.status}
