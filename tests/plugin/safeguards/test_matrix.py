"""What becomes of a run: each answer a console may give, at each moment, in both modes.

answer   allow, deny, an error, a refused token, an unknown run, silence, one byte after the
         other, a page of a proxy, a mistake of ours
moment   before the start, during the method, while rollbacks run
mode     on (the run carries on without an answer), required (it does not)

And whatever becomes of the run's record: it is refused, or still pending.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import ANY

import pytest

from tests.plugin import activities
from tests.plugin.guarding import FRIDAY, use_timing
from tests.plugin.runs import block_of, run
from tests.plugin.safeguards.matrix import (
    ANSWERS,
    DONE,
    MODES,
    MOMENTS,
    NOBODY,
    NOT_STARTED,
    PATIENCE,
    QUICK,
    RECORDS,
    REFUSED,
    TOO_LATE,
    WILL_BE_STOPPED,
    Trouble,
    break_answers,
    build_experiment,
    outcome_of,
    refuse_record,
    settings_in_mode,
)
from tests.plugin.stub_console import StubConsole, kind_of

pytestmark = [pytest.mark.loopback, pytest.mark.usefixtures("quick")]

SAID = {
    "completed": ["Safeguards are active"],
    "unguarded": ["Safeguards could not be asked"],
    "noted": [TOO_LATE, REFUSED],
    "interrupted": [REFUSED, "Rollbacks not run after the stop"],
    "lease": [WILL_BE_STOPPED, NOBODY, "Rollbacks not run after the stop"],
    "refused": [REFUSED],
    "not started": [NOT_STARTED, NOBODY],
}


def nobody_in(block: dict[str, Any]) -> Any:
    """The stand-in for a policy, where nobody answered."""
    [policy] = block["safeguards"]
    assert policy["name"] == "Safeguards are required"
    return policy


STOPPED_BY: dict[str, Callable[[dict[str, Any]], Any]] = {
    "completed": lambda _: None,
    "unguarded": lambda _: None,
    "noted": lambda _: None,
    "interrupted": lambda _: FRIDAY,
    "refused": lambda _: FRIDAY,
    "lease": nobody_in,
    "not started": nobody_in,
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_each_answer_at_each_moment(
    console: StubConsole,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    moment: str,
    mode: str,
) -> None:
    """Outcome, exit code, log and journal."""
    trouble = Trouble(answer)
    console.instead = lambda handler: trouble.reply(console, handler)
    if answer in ("hang", "drip"):
        use_timing(monkeypatch, replace(QUICK, limit=PATIENCE))
    break_answers(trouble, monkeypatch)
    settings = settings_in_mode(console, mode)
    expected = outcome_of(answer, moment, mode)
    experiment = build_experiment(trouble, moment, expected in ("interrupted", "lease"))

    with caplog.at_level(logging.INFO, logger="chaostoolkit"):
        journal = run(experiment, settings)

    block = block_of(journal)
    stopped = expected in ("refused", "interrupted", "not started", "lease")
    assert journal["status"] == ("interrupted" if stopped else "completed")
    assert exit_code_of(journal) == (1 if stopped else 0)
    assert activities.done == DONE[expected]
    assert [words for words in SAID[expected] if words not in caplog.text] == []
    assert (block["safeguards"] or [None])[0] == STOPPED_BY[expected](block)
    assert ("safeguards_without_answer" in block) is (expected in ("unguarded", "lease")) or (
        expected == "not started"
    )
    assert ("stop" in block) is stopped
    assert ("safeguards_during_rollbacks" in block) is (expected == "noted")
    assert block.get("rollbacks_not_played") == (
        ["live"] if expected in ("interrupted", "lease") else None
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("answer", ["allow", "deny", "404"])
@pytest.mark.parametrize("record", RECORDS)
def test_a_run_without_a_record_is_guarded_as_any_other(
    console: StubConsole,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    record: str,
    answer: str,
    moment: str,
    mode: str,
) -> None:
    """It is asked about by its tags, which are those of the document; 404 is an older console."""
    trouble = Trouble(answer)
    refuse_record(record, console, trouble, monkeypatch)
    settings = settings_in_mode(console, mode)
    expected = outcome_of(answer, moment, mode)
    experiment = build_experiment(trouble, moment, expected in ("interrupted", "lease"))

    with caplog.at_level(logging.INFO, logger="chaostoolkit"):
        journal = run(experiment | {"tags": ["production"]}, settings)

    assert activities.done == DONE[expected]
    assert [words for words in SAID[expected] if words not in caplog.text] == []
    questions = [request for request in console.served.seen if kind_of(request) == "policies"]
    assert {request.path.partition("checkout/")[2] for request in questions} == {
        "policies?tag=production"
    }
    assert block_of(journal)["safeguards"] == (None if expected in UNSTOPPED else ANY)


UNSTOPPED = ("completed", "unguarded", "noted")


def exit_code_of(journal: dict[str, Any]) -> int:
    """As `chaos run` has it."""
    return 0 if journal["status"] == "completed" and not journal["deviated"] else 1
