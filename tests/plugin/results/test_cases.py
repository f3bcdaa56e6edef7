"""Which test cases a journal holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoscloud.results.cases import Case, Suite, build_suite
from tests.plugin.results.journals import JOURNALS, Journal, experiment_of, journal_of

BEFORE, AFTER = "steady state before the method", "steady state after the method"


def statuses(suite: Suite) -> dict[str, str]:
    """The status of each case, by its name."""
    return {case.name: case.status for case in suite.cases}


def find(suite: Suite, name: str) -> Case:
    """The one case of this name."""
    [case] = [case for case in suite.cases if case.name == name]
    return case


def test_the_cases_come_in_the_order_of_a_run() -> None:
    """The hypothesis before, the method, the hypothesis after, the rollbacks."""
    suite = build_suite(JOURNALS["passed"])

    assert statuses(suite) == dict.fromkeys(
        [BEFORE, "kill-broker", "count-orders", AFTER, "start-broker"], "passed"
    )
    assert (suite.title, suite.node) == ("Orders survive the loss of a broker", "runner-7")
    assert suite.duration == 30.0


def test_a_deviation_is_a_failure_that_says_what_was_expected() -> None:
    """Of the hypothesis after the method; the rest passed."""
    suite = build_suite(JOURNALS["deviated"])

    case = find(suite, AFTER)
    assert case.status == "failure"
    assert case.message == "orders-are-accepted after the method: expected 201, got 503"
    assert suite.count("passed") == 4


def test_of_samples_one_case_says_how_many_were_not_met() -> None:
    """However many there are."""
    suite = build_suite(JOURNALS["samples"])

    case = find(suite, "steady state during the method")
    assert case.status == "failure"
    assert case.message.startswith("1 of 3 samples were not met; orders-are-accepted during")
    assert case.seconds == 0.75


def test_a_gate_that_does_not_hold_leaves_the_rest_not_run() -> None:
    """What was not run is skipped, and says so."""
    suite = build_suite(JOURNALS["baseline-not-met"])

    assert statuses(suite) == {
        BEFORE: "failure",
        "kill-broker": "skipped",
        "count-orders": "skipped",
        AFTER: "skipped",
        "start-broker": "skipped",
    }
    assert find(suite, "kill-broker").message == "not run"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("probe-error", BEFORE),
        ("failed activity", "kill-broker"),
        ("failed rollback", "start-broker"),
    ],
)
def test_what_raises_is_an_error_with_its_traceback(key: str, name: str) -> None:
    """Not a failure: nothing was judged."""
    case = find(build_suite(JOURNALS[key]), name)

    assert case.status == "error"
    assert case.message.endswith("failed: ConnectionError: no broker at port 9092")
    assert case.details.startswith("Traceback")


def test_a_failed_activity_makes_the_hypothesis_inconclusive() -> None:
    """That the steady state held says nothing then, and is skipped with the reason."""
    case = find(build_suite(JOURNALS["failed activity"]), AFTER)

    assert case.status == "skipped"
    assert case.message.startswith("inconclusive: The method may not have had its effect")


def test_an_activity_under_way_at_the_interruption_is_an_error() -> None:
    """The host leaves it without a status."""
    case = find(build_suite(JOURNALS["interrupted"]), "kill-broker")

    assert case.status == "error"
    assert "interrupted by SIGTERM" in case.message


@pytest.mark.parametrize("key", ["aborted", "refused"])
def test_a_run_that_did_not_pass_is_never_all_green(key: str) -> None:
    """Where no case shows it, the run itself is one."""
    suite = build_suite(JOURNALS[key])

    case = find(suite, "the run reaches its end")
    assert case.status == "error"
    assert case.message == suite.sentence


def test_a_dry_run_tests_nothing() -> None:
    """Each case is skipped, with the reason."""
    suite = build_suite(JOURNALS["dry"])

    assert {case.status for case in suite.cases} == {"skipped"}
    assert "dry run (activities)" in suite.cases[0].message


def test_without_a_hypothesis_one_case_says_that_nothing_was_judged() -> None:
    """The activities passed all the same."""
    suite = build_suite(JOURNALS["no hypothesis"])

    assert find(suite, "steady state").status == "skipped"
    assert find(suite, "kill-broker").status == "passed"


def test_where_a_run_came_from_stands_beside_it() -> None:
    """Labels and CI build, as the journal has them."""
    context = {"labels": {"env": "staging"}, "ci": {"provider": "github"}}
    journal = journal_of(extensions=[{"name": "chaosiq", "context": context}])

    facts = build_suite(journal, facts={"verdict": "Not impacted"}).facts

    assert facts == {"verdict": "Not impacted", "ci.provider": "github", "label.env": "staging"}


def test_an_activity_that_is_run_twice_is_two_cases() -> None:
    """One that was run and one that was not, when the run ended in between."""
    method = [{"type": "action", "name": "kill-broker"}] * 2
    journal = journal_of(
        experiment=experiment_of(method=method), run=[JOURNALS["passed"]["run"][0]]
    )

    cases = [case for case in build_suite(journal).cases if case.section == "method"]

    assert [case.status for case in cases] == ["passed", "skipped"]


def test_a_run_that_goes_on_has_not_passed() -> None:
    """A journal of the midst of a run."""
    journal = journal_of(status="running", end=None)

    assert find(build_suite(journal), "the run reaches its end").status == "error"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["experiment", "steady_states", "run", "rollbacks", "status", "end"]),
        ANYTHING,
    )
    | ANYTHING
)
def test_whatever_a_journal_is_there_are_cases(journal: object) -> None:
    """Journals come from anywhere: nothing raises, and each has at least one case."""
    assert build_suite(journal).cases


@pytest.mark.parametrize("journal", JOURNALS.values(), ids=JOURNALS)
def test_only_runs_that_passed_are_green(journal: Journal) -> None:
    """The suite fails exactly where the outcome is none that passed, or something failed."""
    suite = build_suite(journal)

    assert suite.outcome is not None
    is_green = not suite.count("failure") and not suite.count("error")
    is_sound = suite.outcome.outcome == "passed" and not any(
        caveat.code.endswith("failed") for caveat in suite.outcome.warnings
    )
    assert is_green is is_sound
