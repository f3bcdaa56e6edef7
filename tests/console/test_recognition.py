"""What makes an experiment the same, or another."""

import json
from typing import Any

import pytest

from chaoscloud.console.rules.documents import digest, to_run
from chaoscloud.console.rules.recognition import DocumentChange, Known, change, draft
from tests.console.documents import TITLE, chaosiq, experiment


def _draft(document: dict[str, Any]) -> Any:
    return draft(json.dumps(document).encode())


def test_a_draft_says_what_it_is() -> None:
    """Title, where it came from, and which experiment it says it is."""
    draft_read = _draft(
        experiment(**chaosiq(experiment_id="e-1", source="https://example.com/o.json"))
    )

    assert (draft_read.title, draft_read.sent_id, draft_read.source) == (
        TITLE,
        "e-1",
        "https://example.com/o.json",
    )


def test_only_the_chaosiq_block_is_ours() -> None:
    """Others may use the same keys."""
    draft_read = _draft(experiment(extensions=[{"name": "other", "experiment_id": "e-1"}, None, 5]))

    assert draft_read.sent_id is None


@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_id_is_none(empty: str | None) -> None:
    """The plugin may send the key without a value."""
    assert _draft(experiment(**chaosiq(experiment_id=empty))).sent_id is None


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (None, DocumentChange.NEW),
        (Known("e-1", digest(experiment())), DocumentChange.UNCHANGED),
        (Known("e-1", digest(experiment("Another"))), DocumentChange.CHANGED),
    ],
)
def test_a_draft_is_compared_with_the_latest_version(
    known: Known | None, expected: DocumentChange
) -> None:
    """By fingerprint."""
    assert change(known, _draft(experiment())) is expected


def test_the_order_of_keys_and_the_spacing_are_no_change() -> None:
    """YAML and JSON of the same experiment are the same experiment."""
    backwards = dict(reversed(experiment().items()))

    assert digest(backwards) == digest(experiment())
    assert draft(json.dumps(experiment(), indent=4).encode()).digest == digest(experiment())


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "Another"},
        {"method": []},
        {"tags": ["orders", "kafka"]},
        {"extensions": [{"name": "contact"}]},
        {"rollbacks": None},
    ],
    ids=lambda value: next(iter(value)),
)
def test_what_the_author_changes_is_a_change(changed: dict[str, Any]) -> None:
    """Any part of the document."""
    assert digest(experiment(**changed)) != digest(experiment())


def test_what_is_handed_out_is_what_was_sent() -> None:
    """The document comes back with its block, and is recognised as unchanged."""
    document = experiment(extensions=[{"name": "contact"}])

    handed = json.loads(to_run(document, {"experiment_id": "e-1", "objective_id": None}))

    assert handed["extensions"] == [
        {"name": "contact"},
        {"name": "chaosiq", "experiment_id": "e-1"},
    ]
    assert digest(handed) == digest(document)
