"""What qualifies an outcome, and whether the method may have left something behind."""

from typing import Any

import pytest

from chaoscloud.outcome import Outcome, find_outcome

Journal = dict[str, Any]
FAILED: Journal = {"activity": {"name": "start"}, "status": "failed"}
SWALLOWED = [
    "Traceback\n",
    "chaoslib.exceptions.ActivityFailed: chaoslib.exceptions.InterruptExecution: no\n",
]
HYPOTHESIS: Journal = {"steady-state-hypothesis": {"probes": [{"name": "orders"}]}}


def ended(**fields: Any) -> Outcome:
    """The outcome of a journal that says "completed", with these fields."""
    outcome = find_outcome({"status": "completed", **fields})
    assert outcome is not None
    return outcome


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        (
            {"experiment": {**HYPOTHESIS, "dry": "probes"}},
            "dry-run",
            "It was a dry run (probes): activities were left out.",
        ),
        (
            {"extensions": [{"name": "chaosiq", "dry": True}]},
            "dry-run",
            "It was a dry run: activities were left out.",
        ),
        (
            {"experiment": {"title": "Orders"}},
            "no-steady-state-hypothesis",
            "The experiment has no probes that judge the system.",
        ),
        (
            {"experiment": {**HYPOTHESIS, "rollbacks": [{}, {}, {}]}, "rollbacks": [{}]},
            "rollbacks-not-played",
            "2 of 3 rollbacks were not run: what the method did may still be there.",
        ),
        (
            {"rollbacks": [FAILED]},
            "rollback-failed",
            "What the method did may still be there: start failed.",
        ),
    ],
)
def test_what_weakens_an_outcome_is_said(fields: Journal, code: str, message: str) -> None:
    """One caveat, with its code for programs and a sentence for people."""
    assert [(caveat.code, caveat.message) for caveat in ended(**fields).warnings] == [
        (code, message)
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"run": [{"exception": SWALLOWED}]},
        {"rollbacks": [{"exception": SWALLOWED}]},
        {"steady_states": {"during": [{"probes": [{"exception": SWALLOWED}]}]}},
    ],
)
def test_an_interruption_that_an_activity_swallowed_is_one(fields: Journal) -> None:
    """Wherever it was; an older library took it for a failure."""
    assert ended(**fields).outcome == "interrupted"


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"status": "deviated"}, "deviated"),
        ({"deviated": True}, "deviated"),
        ({"deviated": "yes"}, "passed"),
        ({"status": "failed"}, "failed"),
    ],
)
def test_a_journal_is_believed_about_what_its_tests_do_not_say(
    fields: Journal, outcome: str
) -> None:
    """It may hold no test of the hypothesis at all."""
    assert ended(**{"end": "2026-03-02T09:30:00Z", **fields}).outcome == outcome


@pytest.mark.parametrize(
    ("fields", "left_behind"),
    [
        ({}, False),
        ({"rollbacks": [FAILED]}, True),
        ({"rollbacks": [], "experiment": {"rollbacks": [{}]}}, True),
        ({"rollbacks": [], "experiment": {"rollbacks": [{}], "dry": "actions"}}, False),
        (
            {
                "rollbacks": [],
                "experiment": {"rollbacks": [{}]},
                "steady_states": {"before": {"steady_state_met": False, "probes": []}},
            },
            False,
        ),
        (
            {
                "rollbacks": [],
                "experiment": {"rollbacks": [{}]},
                "steady_states": {"before": {"probes": [FAILED]}},
            },
            False,
        ),
        (
            {
                "run": [{"status": "succeeded"}],
                "rollbacks": [],
                "experiment": {"rollbacks": [{}]},
                "steady_states": {"after": {"probes": [FAILED]}},
            },
            True,
        ),
    ],
)
def test_what_the_method_did_may_be_left_behind(fields: Journal, left_behind: bool) -> None:
    """Unless it was not run, or run dry."""
    assert ended(**fields).left_behind is left_behind
