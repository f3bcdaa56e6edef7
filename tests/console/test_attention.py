"""What needs attention: one rule over what is recorded, and what somebody has seen of it."""

from datetime import UTC, datetime, timedelta

import pytest

from chaoscloud.console.rules.attention import (
    AttentionCause,
    OtherFacts,
    RunFacts,
    SeenMark,
    find_attention,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def run(outcome: str | None = "passed", **more: object) -> RunFacts:
    values: dict[str, object] = {"conclusive": True, "is_last": True, "at": NOON, **more}
    return RunFacts(id="x", outcome=outcome, **values)  # type: ignore[arg-type]


def kinds(*runs: RunFacts) -> list[str]:
    return [finding.kind for finding in find_attention(runs, [], {})]


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (run("passed"), None),
        (run("passed", conclusive=False), "inconclusive"),
        (run("deviated"), "deviated"),
        (run("deviated", conclusive=False), "deviated"),
        (run("baseline-not-met"), "failed"),
        (run("probe-error"), "failed"),
        (run("failed"), "failed"),
        (run("aborted"), "failed"),
        (run("unknown"), "failed"),
        (run("interrupted"), None),
        (run("refused"), None),
        (run("deviated", dry=True), None),
        (run("deviated", is_last=False), None),
        (run("interrupted", left_behind=True, is_last=False), "left-behind"),
        (run("passed", left_behind=True), "left-behind"),
        (run(None), None),
        (run(None, is_lost=True), "lost-contact"),
    ],
)
def test_a_run_needs_attention_for_one_reason_or_none(facts: RunFacts, kind: str | None) -> None:
    """A stop is no surprise to who set it; a dry run touched nothing."""
    assert kinds(facts) == ([kind] if kind else [])


def test_the_most_urgent_comes_first_and_then_the_latest() -> None:
    """A stop keeps everybody from working; what the method did may still do harm."""
    later = NOON + timedelta(hours=1)
    runs = [
        RunFacts(id="a", at=NOON, outcome="deviated", is_last=True),
        RunFacts(id="b", at=later, outcome="deviated", is_last=True),
        RunFacts(id="c", at=NOON, outcome="interrupted", left_behind=True),
    ]

    findings = find_attention(runs, [OtherFacts("stop", "s", NOON)], {})

    assert [finding.subject_id for finding in findings] == ["s", "c", "b", "a"]


def test_what_was_seen_says_by_whom_and_comes_back_as_another_kind() -> None:
    """Who has seen that a run is lost has not seen that it left something behind."""
    mark = SeenMark("Bob", NOON, "network")
    entries = {("lost-contact", "x"): mark}

    lost = find_attention([run(None, is_lost=True)], [], entries)
    left = find_attention([run("failed", left_behind=True)], [], entries)

    assert lost == [AttentionCause("lost-contact", "x", NOON, mark)]
    assert [finding.seen for finding in left] == [None]
