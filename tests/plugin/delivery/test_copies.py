"""What JSON has no form for, in copies of documents."""

import json
from typing import Any

import pytest

from chaoscloud.delivery.copies import copy_document
from chaoscloud.redaction import Redactor
from tests.plugin.runs import block_of, orders


def experiment_with(value: Any) -> dict[str, Any]:
    """An experiment whose action is given this value."""
    experiment = orders()
    experiment["method"][0]["provider"]["arguments"]["key"] = value
    return experiment


@pytest.mark.parametrize("value", [b"\x00\x01", {"a", "b"}, object()])
def test_an_experiment_that_lost_a_value_says_so_in_its_block(value: Any) -> None:
    """Nobody is to run the note in its place: the console refuses to give such a document out."""
    text, _ = copy_document(experiment_with(value), Redactor())

    copied = json.loads(text)
    note = copied["method"][0]["provider"]["arguments"]["key"]
    assert note.endswith("has no form in JSON]")
    assert block_of(copied)["redacted"] == 1


def test_the_experiment_in_a_journal_says_so_as_well() -> None:
    """What its outputs lost is another matter."""
    journal = {"status": "completed", "run": [{"output": b"\x00"}], "experiment": orders()}
    whole, _ = copy_document(journal, Redactor())
    lost, _ = copy_document({**journal, "experiment": experiment_with(b"\x00")}, Redactor())

    assert json.loads(whole)["experiment"].get("extensions") is None
    assert block_of(json.loads(lost)["experiment"])["redacted"] == 1


def test_notes_are_counted_beside_the_secrets() -> None:
    """Both are missing."""
    experiment = experiment_with(b"\x00")
    experiment["method"][0]["provider"]["arguments"]["name"] = "correct-horse-battery"

    text, count = copy_document(experiment, Redactor({"db": {"password": "correct-horse-battery"}}))

    assert count == 1
    assert block_of(json.loads(text))["redacted"] == 2
