"""How an execution ended, from its journal: held against the host's own report where it has one."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoscloud.console.rules.outcome_reading import read_outcome
from chaoscloud.outcome import INCONCLUSIVE, Outcome, find_outcome

Journal = dict[str, Any]

PROBE: Journal = {"type": "probe", "name": "orders-are-accepted", "tolerance": 201}
KILL: Journal = {"type": "action", "name": "kill-broker"}
START: Journal = {"type": "action", "name": "start-broker"}
TRACEBACK = [
    "Traceback (most recent call last):\n",
    '  File "broker.py", line 3, in kill\n',
    "chaoslib.exceptions.ActivityFailed: ConnectionError: no broker at port 9092\n",
]


def run_of(activity: Journal, status: str = "succeeded", **fields: Any) -> Journal:
    """The journal's entry of one activity that was run."""
    return {"activity": activity, "status": status, "output": None, **fields}


def state(met: bool = True, status: str = "succeeded", output: Any = 201) -> Journal:
    """One test of the hypothesis."""
    fields: Journal = {"exception": TRACEBACK} if status == "failed" else {}
    probe = run_of(PROBE, status, tolerance_met=met, **fields) | {"output": output}
    return {"steady_state_met": met, "probes": [probe]}


def journal_of(**fields: Any) -> Journal:
    """A journal in which all went well, with other `fields`."""
    return {
        "experiment": {
            "title": "Orders survive the loss of a broker",
            "steady-state-hypothesis": {"title": "Orders are accepted", "probes": [PROBE]},
            "method": [KILL],
            "rollbacks": [START],
        },
        "start": "2026-03-02T09:30:00+00:00",
        "end": "2026-03-02T09:30:30+00:00",
        "status": "completed",
        "deviated": False,
        "steady_states": {"before": state(), "during": [], "after": state()},
        "run": [run_of(KILL)],
        "rollbacks": [run_of(START)],
        **fields,
    }


def experiment_of(**fields: Any) -> Journal:
    """The experiment of `journal_of`, with other `fields`."""
    experiment: Journal = journal_of()["experiment"]
    return {**experiment, **fields}


def ended(journal: object) -> Outcome:
    """The outcome of a journal that has one."""
    outcome = find_outcome(journal)
    assert outcome is not None
    return outcome


def codes(outcome: Outcome) -> list[str]:
    """The codes of an outcome's warnings."""
    return [warning.code for warning in outcome.warnings]


# --- the six documents that all end "completed", with exit code 0 --------------------------------


def test_all_well_is_passed_and_conclusive() -> None:
    """The steady state held, the method did its work, the rollbacks too."""
    outcome = ended(journal_of())

    assert (outcome.outcome, outcome.conclusive, outcome.warnings) == ("passed", True, ())
    assert outcome.sentence == "the steady state held before and after the method"


def test_a_steady_state_that_did_not_hold_at_the_start_is_the_baseline_not_met() -> None:
    """Nothing was done, so nothing was learned."""
    outcome = ended(
        journal_of(steady_states={"before": state(met=False, output=503)}, run=[], rollbacks=[])
    )

    assert (outcome.outcome, outcome.conclusive) == ("baseline-not-met", False)
    assert outcome.sentence == (
        "orders-are-accepted before the method: expected 201, got 503; the method was not run"
    )


def test_an_action_that_failed_leaves_it_inconclusive() -> None:
    """What was to be survived may never have happened."""
    failed = run_of(KILL, "failed", exception=TRACEBACK)

    outcome = ended(journal_of(run=[failed]))

    assert (outcome.outcome, outcome.conclusive) == ("passed", False)
    assert outcome.reasons == ("method-activity-failed",)
    assert outcome.sentence == (
        "the action kill-broker failed: ConnectionError: no broker at port 9092"
    )


def test_an_experiment_without_probes_judges_nothing() -> None:
    """Without a hypothesis there is no question to answer."""
    experiment = experiment_of()
    del experiment["steady-state-hypothesis"]

    outcome = ended(journal_of(experiment=experiment, steady_states={}))

    assert (outcome.outcome, outcome.conclusive) == ("passed", False)
    assert outcome.reasons == ("no-steady-state-hypothesis",)
    assert outcome.sentence == "nothing was judged: the steady state was not tested"


def test_a_rollback_that_failed_is_a_warning_and_in_the_sentence() -> None:
    """The outcome stands, but what the method did may still be there."""
    failed = run_of(START, "failed", exception=TRACEBACK)

    outcome = ended(journal_of(rollbacks=[failed]))

    assert (outcome.outcome, outcome.conclusive) == ("passed", True)
    assert codes(outcome) == ["rollback-failed"]
    assert outcome.sentence.startswith("the steady state held before and after the method; ")
    assert "the rollback start-broker failed" in outcome.sentence
    assert outcome.sentence.endswith("what the method did may still be there")


@pytest.mark.parametrize("kind", ["activities", True])
def test_a_dry_run_teaches_nothing(kind: object) -> None:
    """Old hosts write true, newer ones what was left out."""
    outcome = ended(journal_of(experiment=experiment_of(dry=kind)))

    assert (outcome.outcome, outcome.conclusive, outcome.dry) == ("passed", False, True)
    assert outcome.reasons == ("dry-run",)


# --- how it went wrong ----------------------------------------------------------------------------


def test_a_deviation_names_the_probe_what_was_expected_and_what_came() -> None:
    """Enough to know where to look, without opening the page."""
    outcome = ended(
        journal_of(
            deviated=True,
            steady_states={
                "before": state(),
                "after": state(met=False, output={"status": 503, "body": "…"}),
            },
        )
    )

    assert (outcome.outcome, outcome.conclusive) == ("deviated", True)
    assert outcome.sentence == "orders-are-accepted after the method: expected 201, got 503"


def test_a_deviation_during_the_method_is_told_where_it_came_back_after() -> None:
    """The first sample outside the tolerance counts."""
    during = [state(), state(met=False, output=500), state(met=False, output=502), state()]

    outcome = ended(journal_of(steady_states={"before": state(), "during": during}))

    assert outcome.outcome == "deviated"
    assert outcome.sentence == "orders-are-accepted during the method: expected 201, got 500"


def test_failed_and_deviated_is_deviated() -> None:
    """Up to chaostoolkit-lib 1.29 every deviation had the status "failed"."""
    states = {"before": state(), "after": state(met=False, output=500)}

    with_tests = ended(journal_of(status="failed", deviated=True, steady_states=states))
    without = ended(journal_of(status="failed", deviated=True, steady_states={}))

    assert (with_tests.outcome, without.outcome) == ("deviated", "deviated")
    assert without.sentence == "the steady state did not hold; the journal does not say where"


def test_a_probe_that_raised_is_a_probe_error() -> None:
    """A tolerance that was never evaluated is neither held nor broken."""
    states = {"before": state(met=False, status="failed")}

    outcome = ended(journal_of(status="failed", steady_states=states))

    assert outcome.outcome == "probe-error"
    assert outcome.sentence == (
        "the probe orders-are-accepted failed: ConnectionError: no broker at port 9092, "
        "before the method"
    )


def test_failed_without_a_reason_is_failed() -> None:
    """What a journal cannot tell is not guessed."""
    outcome = ended(journal_of(status="failed", steady_states={}))

    assert outcome.outcome == "failed"
    assert outcome.sentence == "failed; the journal does not say why"


def test_an_aborted_run_was_not_stopped() -> None:
    """An unexpected error ended it, which is named where the journal has it."""
    failed = run_of(KILL, "failed", exception=TRACEBACK)

    outcome = ended(journal_of(status="aborted", run=[failed]))

    assert outcome.outcome == "aborted"
    assert outcome.sentence.startswith("aborted: the action kill-broker failed: ConnectionError")


# --- who interrupted it ---------------------------------------------------------------------------


def stopped(**block: Any) -> list[Journal]:
    """The extensions of a run that a safeguard stopped."""
    policies = [{"name": "Stop", "reason": "Black Friday"}]
    return [{"name": "chaosiq", "safeguards": policies, **block}]


def test_a_stop_says_when_it_reached_the_run_and_why() -> None:
    """The moment is the one that the plugin wrote, not the end of the rollbacks."""
    extensions = stopped(stop={"interrupted_at": "2026-03-02T09:30:12+00:00"})

    outcome = ended(journal_of(status="interrupted", extensions=extensions))

    assert outcome.outcome == "interrupted"
    assert outcome.sentence == "stopped from the console after 12 s: Black Friday"


def test_a_stop_without_its_moment_ended_with_the_journal() -> None:
    """Where no rollbacks were run, the stop is where the journal's end is."""
    outcome = ended(journal_of(status="interrupted", extensions=stopped(), rollbacks=[]))

    assert outcome.sentence == "stopped from the console after 30 s: Black Friday"


def test_a_stop_before_rollbacks_without_its_moment_has_none() -> None:
    """The end of the journal is not the moment of the stop then."""
    outcome = ended(journal_of(status="interrupted", extensions=stopped()))

    assert outcome.sentence == "stopped from the console: Black Friday"


def test_a_run_that_safeguards_did_not_let_start_is_refused() -> None:
    """No activity was run, not even one of the hypothesis."""
    outcome = ended(
        journal_of(
            status="interrupted", extensions=stopped(), steady_states={}, run=[], rollbacks=[]
        )
    )

    assert outcome.outcome == "refused"
    assert outcome.sentence == "not started: Black Friday"


def test_a_stop_while_the_hypothesis_is_tested_is_an_interruption() -> None:
    """It had started."""
    states = {"before": {"steady_state_met": None, "probes": [run_of(PROBE)]}}

    outcome = ended(
        journal_of(
            status="interrupted", extensions=stopped(), steady_states=states, run=[], rollbacks=[]
        )
    )

    assert outcome.outcome == "interrupted"


@pytest.mark.parametrize(
    ("interruption", "words"),
    [
        ({"kind": "signal", "name": "SIGINT", "reason": "received SIGINT"}, "by Ctrl-C after 30 s"),
        ({"kind": "signal", "name": "SIGTERM", "reason": "…"}, "by SIGTERM after 30 s"),
        ({"kind": "control", "name": "load", "reason": "no k6"}, "by load after 30 s: no k6"),
        (None, "after 30 s; the journal does not say by whom"),
    ],
)
def test_an_interruption_names_who_interrupted(interruption: object, words: str) -> None:
    """A signal, a control, or nobody that the journal knows of."""
    journal = journal_of(status="interrupted", interruption=interruption, rollbacks=[])

    assert ended(journal).sentence == f"interrupted {words}"


def test_an_interruption_that_an_old_library_took_for_a_failure_is_one() -> None:
    """As the host's report has it."""
    line = "chaoslib.exceptions.ActivityFailed: chaoslib.exceptions.InterruptExecution: SIGTERM\n"

    outcome = ended(journal_of(run=[run_of(KILL, "failed", exception=[line])]))

    assert outcome.outcome == "interrupted"


# --- journals of any shape ------------------------------------------------------------------------


def test_a_journal_that_has_not_ended_has_no_outcome() -> None:
    """It says it runs, and has no end."""
    assert find_outcome(journal_of(status="running", end=None)) is None
    assert find_outcome({}) is None


@pytest.mark.parametrize("status", ["", None, "weird", 7, ["completed"]])
def test_an_end_without_a_known_status_is_unknown(status: object) -> None:
    """It has ended, whatever it says of its status, and nobody guesses how."""
    outcome = ended(journal_of(status=status))

    assert (outcome.outcome, outcome.conclusive) == ("unknown", False)


def test_a_journal_of_before_rollbacks_were_recorded_is_not_warned_of() -> None:
    """What a journal cannot tell is not said to be missing."""
    journal = journal_of()
    del journal["rollbacks"]

    assert codes(ended(journal)) == []


def test_values_are_cut_and_stay_on_one_line() -> None:
    """An output of megabytes makes no sentence of megabytes."""
    long = "down\n" * 1_000_000
    states = {"before": state(), "after": state(met=False, output=long)}

    sentence = ended(journal_of(steady_states=states)).sentence

    assert len(sentence) <= 300
    assert "\n" not in sentence


WORDS = st.sampled_from(["", "status", "probes", "failed", "name", "reason", "start", "2026-03-02"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(journal_of())), JSON))
def test_nothing_raises_whatever_its_shape(fields: Journal) -> None:
    """Journals come from anywhere."""
    outcome = find_outcome({**journal_of(), **fields})

    assert outcome is None or outcome.sentence


@pytest.mark.parametrize("output", ["down" * 2_000, {"status": 503, "body": "down" * 2_000}, 503])
def test_the_bytes_of_a_journal_tell_the_same_as_the_journal(output: object) -> None:
    """Long outputs are skipped, but for what the sentence shows of them."""
    states = {
        "before": state(),
        "during": [None, state()],
        "after": state(met=False, output=output),
    }
    journal = journal_of(steady_states=states, deviated=True)

    assert read_outcome(json.dumps(journal).encode()) == find_outcome(journal)


def test_the_bytes_of_an_odd_journal_tell_what_they_can() -> None:
    """What has another shape than the toolkit writes is decoded whole."""
    journal = journal_of(run={"kill": "yes"}, steady_states={"before": []})

    assert read_outcome(json.dumps(journal).encode()) == find_outcome(journal)


# --- beside the host's own report -----------------------------------------------------------------

STATES = (None, state(), state(met=False), state(met=False, status="failed"))
SWALLOWED = ["chaoslib.exceptions.ActivityFailed: chaoslib.exceptions.InterruptExecution"]
RUNS: tuple[list[Journal], ...] = (
    [],
    [run_of(KILL)],
    [run_of(KILL), run_of(START, "failed", exception=TRACEBACK)],
    [run_of(KILL, "failed", exception=SWALLOWED)],
)
CHOICES: dict[str, tuple[Any, ...]] = {
    "status": ("completed", "failed", "aborted", "interrupted"),
    "deviated": (False, True),
    "before": STATES,
    "during": ([], [state(), None], [state(), state(met=False)], [state(status="aborted")]),
    "after": STATES,
    "run": RUNS,
    "rollbacks": RUNS[:3],
    "declared": ([], [START], [START, START]),
    "dry": (None, "activities"),
    "hypothesis": ({}, {"title": "Orders are accepted", "probes": [PROBE]}),
}


def generate_journals(count: int, seed: int = 20260302) -> Iterator[Journal]:
    """Journals that differ in all that outcomes are made from; each run gives the same ones."""
    rng = random.Random(seed)  # noqa: S311 - it chooses cases, it protects nothing
    for _ in range(count):
        chosen = {name: rng.choice(values) for name, values in CHOICES.items()}
        states = {phase: chosen.pop(phase) for phase in ("before", "during", "after")}
        experiment = experiment_of(
            dry=chosen.pop("dry"),
            rollbacks=chosen.pop("declared"),
            **{"steady-state-hypothesis": chosen.pop("hypothesis")},
        )
        yield journal_of(experiment=experiment, steady_states=states, **chosen)


def test_it_says_what_the_hosts_report_says() -> None:
    """Outcome, warnings and whether it is conclusive, over 5,000 journals.

    Where the host reads "passed" out of a journal that says "failed" or "deviated" itself, the
    journal is believed.
    """
    agent = pytest.importorskip("chaostoolkit.agent", reason="this host has no report of its own")
    for journal in generate_journals(5_000):
        report = agent.run_report(journal, source="x", journal_path="x", exit_code=0)

        outcome = ended(journal)

        assert read_outcome(json.dumps(journal).encode()) == outcome
        assert codes(outcome) == [warning["code"] for warning in report["warnings"]], journal
        assert set(outcome.reasons) == set(codes(outcome)) & set(INCONCLUSIVE)
        if report["outcome"] == "passed" and (journal["deviated"] or journal["status"] == "failed"):
            assert outcome.outcome in ("deviated", "failed"), journal
        else:
            assert outcome.outcome == report["outcome"], journal
            assert outcome.conclusive is report["conclusive"]
