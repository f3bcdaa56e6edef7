"""The summary in Markdown."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoscloud.results.cases import build_suite, build_unstarted_suite
from chaoscloud.results.summary import write_summary
from tests.plugin.results.journals import JOURNALS, KILL, experiment_of, journal_of, run_of

ADDRESS = "https://console.example.com/acme/checkout/executions/1"

HEADINGS = {
    "passed": "### ✅ Passed: ",
    "deviated": "### ❌ Deviated: ",
    "baseline-not-met": "### ⚠️ Baseline not met: ",
    "failed activity": "### ⚠️ Passed, inconclusive: ",
    "dry": "### ⚠️ Passed, inconclusive: ",
    "interrupted": "### ⚠️ Interrupted: ",
    "refused": "### ⚠️ Refused: ",
}


@pytest.mark.parametrize(("key", "heading"), HEADINGS.items(), ids=HEADINGS)
def test_the_heading_says_how_it_ended(key: str, heading: str) -> None:
    """Green is what passed and answers the question, and nothing else."""
    first = write_summary([build_suite(JOURNALS[key])]).splitlines()[0]

    assert first == f"{heading}Orders survive the loss of a broker"


def test_it_holds_the_sentence_the_timeline_and_what_to_open() -> None:
    """All that somebody who gets the mail about a red build wants to know."""
    text = write_summary([build_suite(JOURNALS["deviated"], address=ADDRESS)])

    assert "**orders-are-accepted after the method: expected 201, got 503**" in text
    assert "| Took | 30 s |" in text
    assert "    +1.0 s  ok      method: kill-broker (0.2 s)" in text
    assert f"Open [the run in the console](<{ADDRESS}>)." in text


def test_a_run_that_is_in_no_console_says_how_to_send_it() -> None:
    """The next step is a command."""
    assert "`chaos publish journal.json`" in write_summary([build_suite(JOURNALS["passed"])])


def test_a_run_that_did_not_start_says_why() -> None:
    """There is no journal to look at."""
    text = write_summary([build_unstarted_suite("Orders", "Path 'x.json' does not exist.")])

    assert text.startswith("### ⚠️ Not started: Orders\n")
    assert "the run did not start: Path 'x.json' does not exist." in text


def test_a_rollback_that_failed_is_named() -> None:
    """What the method did may still be there: that must not be missed."""
    text = write_summary([build_suite(JOURNALS["failed rollback"])])

    assert "- What the method did may still be there: start-broker failed." in text


def test_many_activities_are_cut() -> None:
    """CI takes summaries of up to a megabyte."""
    runs = [run_of({**KILL, "name": f"kill-{number}"}) for number in range(5000)]

    text = write_summary([build_suite(journal_of(run=runs))])

    assert len(text) < 64 * 1024
    assert "more\n" in text


@given(st.text(min_size=1))
def test_no_text_breaks_out_of_its_place(text: str) -> None:
    """A title is neither a table, nor HTML, nor a block of its own."""
    journal = journal_of(
        experiment=experiment_of(title=f"{text}<script>|`"),
        run=[run_of({**KILL, "name": f"```{text}"}, "failed", exception=[f"x: {text}```"])],
        node=f"a|b{text}",
    )

    lines = write_summary([build_suite(journal)]).splitlines()

    assert not re.search(r"(?<!\\)[<|`]", lines[0].removeprefix("### "))
    fences = [line for line in lines if re.fullmatch("`{3,}(text)?", line)]
    assert len(fences) == 2
