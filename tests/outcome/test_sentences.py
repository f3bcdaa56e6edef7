"""The sentence on how an execution ended, in journals that say much, little, or oddly."""

from typing import Any

import pytest

from chaoscloud.outcome import find_outcome
from chaoscloud.outcome.sentences import describe_failure, describe_unmet, name_of
from chaoscloud.outcome.values import as_seconds, format_value

Journal = dict[str, Any]
START, END = "2026-03-02T09:30:00+00:00", "2026-03-02T09:30:30+00:00"


def sentence_of(**fields: Any) -> str:
    """The sentence of an execution of thirty seconds."""
    outcome = find_outcome({"start": START, "end": END, "status": "completed", **fields})
    assert outcome is not None
    return outcome.sentence


def block(**fields: Any) -> list[Journal]:
    """The extensions of a journal with our block, and somebody else's before it."""
    return [{"name": "slack", "safeguards": [{"name": "No"}]}, {"name": "chaosiq", **fields}]


STOPPED: list[tuple[Journal, str]] = [
    ({}, "interrupted after 30 s; the journal does not say by whom"),
    (
        {"safeguards": {"triggered_by": "cpu\nload"}},
        "stopped by the safeguard cpu load after 30 s",
    ),
    (
        {"interruption": {"kind": "signal", "name": "SIGINT"}},
        "interrupted by Ctrl-C after 30 s",
    ),
    (
        {"interruption": {"kind": "signal", "name": "SIGUSR2"}},
        "interrupted by SIGUSR2 after 30 s",
    ),
    (
        {"interruption": {"kind": "control", "name": "budget"}},
        "interrupted by budget after 30 s: no reason",
    ),
    (
        {"interruption": {"reason": "it is late"}},
        "interrupted by a control after 30 s: it is late",
    ),
    (
        {"extensions": block(safeguards=[{"reason": "Black Friday", "name": "Stop"}])},
        "stopped from the console after 30 s: Black Friday",
    ),
    (
        {"extensions": block(safeguards=[{"name": "Office hours"}, "An older one", {}, {}])},
        "stopped from the console after 30 s: Office hours, An older one, a safeguard",
    ),
    (
        {"extensions": block(safeguards=["No"], stop={"interrupted_at": "2026-03-02T09:30:12Z"})},
        "stopped from the console after 12 s: No",
    ),
    (
        {"extensions": block(safeguards=["No"], stop={"interrupted_at": START})},
        "stopped from the console after 0 s: No",
    ),
    (
        {"extensions": block(safeguards=["No"], stop={"interrupted_at": "2026-03-02T09:29:59Z"})},
        "stopped from the console: No",
    ),
]


@pytest.mark.parametrize(("fields", "sentence"), STOPPED)
def test_an_interruption_names_its_reason_and_its_moment(fields: Journal, sentence: str) -> None:
    """As far as the journal says them; clocks may differ."""
    run = {"run": [{"activity": {"name": "wait"}, "status": "succeeded"}]}

    assert sentence_of(status="interrupted", **run, **fields) == sentence


def test_a_run_that_ran_rollbacks_only_was_started() -> None:
    """It is not one that safeguards refused: the host dropped the test that was interrupted."""
    fields = {"extensions": block(safeguards=["No"]), "status": "interrupted"}

    refused = find_outcome({"start": START, "end": END, **fields})
    started = find_outcome({"start": START, "end": END, **fields, "rollbacks": [{}]})

    assert refused is not None
    assert started is not None
    assert (refused.outcome, refused.sentence) == ("refused", "not started: No")
    assert (started.outcome, started.sentence) == ("interrupted", "stopped from the console: No")


@pytest.mark.parametrize(
    ("block_fields", "outcome"),
    [
        ({"safeguards": ["No"]}, "refused"),
        ({"safeguards": ["No"], "stop": {"latency": None}}, "refused"),
        ({"safeguards": ["No"], "stop": {"latency": 0}}, "interrupted"),
        ({"safeguards": []}, "interrupted"),
        ({"stop": {"latency": None}}, "interrupted"),
    ],
)
def test_a_stop_with_a_latency_interrupted_something(block_fields: Journal, outcome: str) -> None:
    """The host may have dropped what was interrupted from the journal."""
    read = find_outcome({"status": "interrupted", "extensions": block(**block_fields)})

    assert read is not None
    assert read.outcome == outcome


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("é", "é"),
        (["é", 1], '["é",1]'),
        ({"a": None}, '{"a":null}'),
        (b"x", "bytes"),
        ({1j}, "set"),
    ],
)
def test_a_value_is_shown_as_json_or_by_its_type(value: object, text: str) -> None:
    """People read it; letters stay letters."""
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"status": "aborted"}, "aborted by an unexpected error; the journal does not say which"),
        ({"status": "failed"}, "failed; the journal does not say why"),
        ({"status": "melted"}, "ended; the journal does not say how"),
        (
            {"status": "failed", "run": [{"status": "failed", "activity": {"name": "kill"}}]},
            "the activity kill failed",
        ),
    ],
)
def test_what_a_journal_does_not_say_is_said_so(fields: Journal, sentence: str) -> None:
    """Nothing is made up."""
    assert sentence_of(**fields) == sentence


def test_a_probe_that_raised_is_named_with_its_phase() -> None:
    """And not one before it that worked."""
    probes = [
        {"status": "succeeded", "activity": {"name": "first", "type": "probe"}},
        {"status": "failed", "activity": {"name": "second", "type": "action"}},
    ]
    states = {"before": {"steady_state_met": True, "probes": probes}}

    assert sentence_of(steady_states=states) == "the probe second failed, before the method"


@pytest.mark.parametrize(
    ("phases", "words"),
    [
        (["before"], "before"),
        (["before", "after"], "before and after"),
        (["before", "during", "after"], "before, during and after"),
    ],
)
def test_the_phases_in_which_the_steady_state_held_are_listed(
    phases: list[str], words: str
) -> None:
    """Each of them once."""
    met = {"steady_state_met": True, "probes": []}
    states = {phase: [met, met] if phase == "during" else met for phase in phases}
    hypothesis = {"probes": [{"name": "orders"}]}

    sentence = sentence_of(experiment={"steady-state-hypothesis": hypothesis}, steady_states=states)

    assert sentence == f"the steady state held {words} the method"


def test_of_two_deviations_the_one_that_was_left_behind_is_named() -> None:
    """One during the method may have come back since."""
    missed = {"steady_state_met": False, "probes": []}

    both = sentence_of(steady_states={"during": [missed], "after": missed})
    one = sentence_of(steady_states={"during": [missed]})

    assert both == "the steady state did not hold after the method"
    assert one == "the steady state did not hold during the method"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0.0),
        (0.5, 0.5),
        (1e12 - 1, 1e12 - 1),
        (1e12, None),
        (-0.1, None),
        (float("nan"), None),
        (True, None),
        ("5", None),
    ],
)
def test_a_duration_is_a_number_that_a_clock_can_have_counted(
    value: object, seconds: float | None
) -> None:
    """Anything else is not known."""
    assert as_seconds(value) == seconds


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (1, "kill-0"),
        (5, "kill-0, kill-1, kill-2, kill-3, kill-4"),
        (6, "kill-0, kill-1, kill-2, kill-3, kill-4 and 1 more"),
        (8, "kill-0, kill-1, kill-2, kill-3, kill-4 and 3 more"),
    ],
)
def test_five_activities_that_failed_are_named(count: int, names: str) -> None:
    """The others are counted."""
    failed = [{"activity": {"name": f"kill-{n}"}, "status": "failed"} for n in range(count)]

    outcome = find_outcome({"status": "completed", "run": failed})

    assert outcome is not None
    [caveat] = [caveat for caveat in outcome.warnings if caveat.code == "method-activity-failed"]
    assert caveat.message == f"The method may not have had its effect: {names} failed."


@pytest.mark.parametrize(
    ("activity", "name"),
    [
        ({"name": "kill", "ref": "other"}, "kill"),
        ({"ref": "kill"}, "kill"),
        ({"name": 5}, "unnamed"),
        (None, "unnamed"),
    ],
)
def test_an_activity_has_its_name_or_that_of_what_it_refers_to(activity: object, name: str) -> None:
    """Or none."""
    assert name_of({"activity": activity}) == name


@pytest.mark.parametrize(
    ("exception", "words"),
    [
        (None, ""),
        ("", ""),
        ([], ""),
        ("OSError: no", ": OSError: no"),
        (["Traceback\n", "OSError: no\n"], ": OSError: no"),
        (["chaoslib.exceptions.ActivityFailed: too late\n"], ": too late"),
        (["x" * 160], f": {'x' * 160}"),
        (["x" * 161], f": {'x' * 159}…"),
    ],
)
def test_a_failure_ends_with_the_last_line_of_its_error(exception: object, words: str) -> None:
    """On one line that is not too long."""
    run = {"activity": {"type": "action", "name": "kill"}, "exception": exception}

    assert describe_failure(run) == f"the action kill failed{words}"
    assert describe_failure({"activity": {"name": "kill"}}) == "the activity kill failed"
    assert describe_failure(run, "rollback") == f"the rollback kill failed{words}"


@pytest.mark.parametrize(
    ("tolerance", "output", "words"),
    [
        (201, 503, "expected 201, got 503"),
        (201, {"status": 503, "body": "busy"}, "expected 201, got 503"),
        (201, {"code": 503}, 'expected 201, got {"code":503}'),
        (
            {"type": "regex", "target": "stdout", "pattern": "^up"},
            {"status": 0, "stdout": "down"},
            "expected stdout matches ^up, got down",
        ),
        (
            {"type": "regex", "target": "stderr", "pattern": "^up"},
            {"status": 0, "stdout": "down"},
            "expected stderr matches ^up, got 0",
        ),
        (None, "", "expected its tolerance, got nothing"),
        (True, None, "expected true, got null"),
    ],
)
def test_what_was_expected_and_what_came_are_held_side_by_side(
    tolerance: object, output: object, words: str
) -> None:
    """Of an output that is an object, the part that the tolerance looks at."""
    met = {"activity": {"name": "other"}, "tolerance_met": True}
    unmet = {
        "activity": {"name": "orders", "tolerance": tolerance},
        "tolerance_met": False,
        "output": output,
    }

    assert describe_unmet("after", {"probes": [met, unmet]}) == f"orders after the method: {words}"


def test_a_test_without_a_probe_outside_its_tolerance_names_none() -> None:
    """A journal may say that the steady state was not met, and not why."""
    sentence = describe_unmet("during", {"probes": [{"tolerance_met": True}]})

    assert sentence == "the steady state did not hold during the method"
