"""Which results fail a command."""

import pytest

from chaoscloud.outcome import find_outcome
from chaoscloud.results.gate import find_gate_reasons, parse_gate_words
from tests.plugin.results.journals import JOURNALS

WORDS = ("deviated", "inconclusive", "warnings")

FAILED_BY = {
    "passed": set[str](),
    "deviated": {"deviated"},
    "baseline-not-met": {"inconclusive"},
    "probe-error": {"inconclusive"},
    "failed activity": {"inconclusive", "warnings"},
    "failed rollback": {"warnings"},
    "aborted": {"inconclusive"},
    "interrupted": {"inconclusive", "warnings"},  # its rollback was not run
    "refused": {"inconclusive", "warnings"},
    "no hypothesis": {"inconclusive", "warnings"},
    "dry": {"inconclusive", "warnings"},
    "samples": {"deviated"},
}


@pytest.mark.parametrize("key", JOURNALS)
def test_each_word_fails_what_it_names(key: str) -> None:
    """One word at a time; with all of them only what passed gets through."""
    outcome = find_outcome(JOURNALS[key])

    failed_by = {word for word in WORDS if find_gate_reasons((word,), outcome)}

    assert failed_by - {"warnings"} == FAILED_BY[key] - {"warnings"}
    assert ("warnings" in failed_by) is bool(outcome and outcome.warnings)


@pytest.mark.parametrize(
    ("impacted", "words"),
    [(True, {"impacted"}), (False, set[str]()), (None, {"impacted", "inconclusive"})],
)
def test_an_impact_that_is_not_known_is_no_impact_that_is_absent(
    impacted: bool | None, words: set[str]
) -> None:
    """Who fails on impact wants to know that there was none."""
    outcome = find_outcome(JOURNALS["passed"])

    named = {
        word
        for word in ("impacted", *WORDS)
        if find_gate_reasons((word,), outcome, impacted=impacted)
    }

    assert named == words


def test_the_reason_says_what_happened() -> None:
    """A line to read in a build's log."""
    [reason] = find_gate_reasons(("deviated",), find_outcome(JOURNALS["deviated"]))

    assert reason == (
        "the run deviated: orders-are-accepted after the method: expected 201, got 503"
    )


def test_words_are_read_as_people_write_them() -> None:
    """Spaces and capitals do not count."""
    assert parse_gate_words(" Deviated, inconclusive,deviated,", WORDS) == (
        "deviated",
        "inconclusive",
    )


def test_a_word_that_nobody_knows_is_named() -> None:
    """Ignored, it would let through what somebody meant to stop."""
    with pytest.raises(ValueError, match="'deviate' is none of deviated, inconclusive"):
        parse_gate_words("deviate", WORDS)
