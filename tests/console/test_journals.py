"""What the console takes out of a journal."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chaoscloud.console.rules import journals
from chaoscloud.console.rules.journals import moment
from tests.console.documents import TITLE, chaosiq, ended, journal


def _summary(document: dict[str, Any]) -> journals.Summary:
    return journals.summary(json.dumps(document).encode())


def test_a_summary_has_what_pages_ask_for() -> None:
    """Who and where from, when, how it went."""
    summary = _summary(ended())

    assert (summary.title, summary.status, summary.over) == (TITLE, "completed", True)
    assert (summary.node, summary.platform) == ("build-7", "Linux-6.1-x86_64")
    assert (summary.chaoslib_version, summary.tags) == ("1.45.1", ["kafka", "orders"])
    assert summary.ended_at == datetime(2026, 3, 2, 9, 31, 10, 750_000, UTC)


def test_an_empty_journal_is_one_that_has_just_begun() -> None:
    """Nothing is required of it."""
    summary = _summary({})

    assert (summary.title, summary.status, summary.over) == (None, "running", False)


STOPPED = chaosiq(safeguards=[{"name": "Freeze"}])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": None, "end": None}, "running"),
        ({"status": "running", "end": None}, "running"),
        ({"status": "completed"}, "completed"),
        ({"status": "completed", "deviated": True}, "deviated"),
        ({"status": "deviated", "deviated": True}, "deviated"),
        ({"status": "failed", "deviated": True}, "deviated"),
        ({"status": "failed"}, "failed"),
        ({"status": "interrupted"}, "interrupted"),
        ({"status": "interrupted", **STOPPED}, "interrupted"),
        ({"status": "interrupted", "run": [], "rollbacks": [], **STOPPED}, "refused"),
        ({"status": "aborted", "run": [], **STOPPED}, "aborted"),
        ({"status": "weird"}, "unknown"),
        ({"status": None}, "unknown"),
        ({"status": ""}, "unknown"),
    ],
)
def test_the_status_is_the_journals_own(fields: dict[str, Any], expected: str) -> None:
    """A run that safeguards kept from acting was refused; one with an end has ended."""
    assert _summary(ended(**fields)).status == expected


def test_a_stop_that_interrupted_something_is_no_refusal() -> None:
    """The host drops the test of the hypothesis that was under way."""
    block = chaosiq(safeguards=[{"name": "Freeze"}], stop={"latency": 0.2})

    summary = _summary(ended("interrupted", run=[], rollbacks=[], **block))

    assert summary.status == "interrupted"


def test_a_probe_of_the_hypothesis_is_an_activity() -> None:
    """A run that asked something before it was stopped was not refused."""
    states = {"before": {"steady_state_met": True, "probes": [{"status": "succeeded"}]}}
    stopped = chaosiq(safeguards=[{"name": "Freeze"}])

    summary = _summary(ended("interrupted", run=[], steady_states=states, **stopped))

    assert summary.status == "interrupted"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T09:30:00Z", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        ("2026-03-02T09:30:00", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        ("2026-03-02T10:30:00+01:00", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_utc(text: str, expected: datetime) -> None:
    """With a zone, or without."""
    assert moment(text) == expected


@pytest.mark.parametrize("text", ["", "noon", "2026-13-01", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """Rather than taken for another."""
    with pytest.raises(ValueError, match=r"\w"):
        moment(text)


def test_samples_are_counted_by_what_they_saw() -> None:
    """True, false, anything else."""
    during = [{"steady_state_met": met} for met in (True, False, False, None, "yes")]

    samples = journals.samples(json.dumps(journal(steady_states={"during": during})).encode())

    assert (samples.successful, samples.deviated, samples.not_run, samples.total) == (1, 2, 2, 5)


def test_a_sample_that_is_null_was_not_run() -> None:
    """A journal may hold such."""
    document = journal(steady_states={"during": [None, {"steady_state_met": True}]})

    samples = journals.samples(json.dumps(document).encode())

    assert (samples.successful, samples.deviated, samples.not_run) == (1, 0, 1)


def test_the_extensions_are_those_of_the_experiment() -> None:
    """Not those of the journal; without an experiment there are none."""
    blocks = [{"name": "chaosiq"}]
    document = {"experiment": {"extensions": blocks}, "extensions": [{"name": "other"}]}

    read = journals.extensions(json.dumps(document).encode())

    assert [json.loads(bytes(block)) for block in read or ()] == blocks
    assert journals.extensions(b"{}") is None


@pytest.mark.parametrize("dry", ["activities", True])
def test_a_dry_run_is_one_from_its_start(dry: object) -> None:
    """Before it has an outcome."""
    document = journal()

    summary = _summary({**document, "experiment": {**document["experiment"], "dry": dry}})

    assert (summary.dry, summary.outcome) == (True, None)
