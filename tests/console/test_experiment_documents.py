"""Experiment documents: what the console reads out of them, and what it hands out to run."""

import json
from typing import Any

import msgspec
import pytest

from chaoscloud.console.rules import documents
from chaoscloud.console.rules.documents import LONGEST_TAG, MOST_TAGS, Head

OURS = {"name": "chaosiq", "experiment_id": "e1"}
OTHER = {"name": "slack", "channel": "chaos"}


def head(**fields: Any) -> Head:
    """What the console looks at in a document."""
    return msgspec.json.decode(json.dumps(fields).encode(), type=Head)


@pytest.mark.parametrize(
    ("title", "read"),
    [
        ("Orders", "Orders"),
        (2026, "2026"),
        (True, "true"),
        ("x" * 301, "x" * 300),
        ("", None),
        (None, None),
        (["Orders"], None),
    ],
)
def test_a_title_is_a_text_or_what_yaml_made_of_one(title: object, read: str | None) -> None:
    """Cut to what lists can show; without one there is a word for it."""
    assert head(title=title).title == read
    assert head(title=title).shown_title == (read or "Untitled experiment")


@pytest.mark.parametrize(
    ("tags", "read"),
    [
        (["a", 5, None, ["b"]], ("a", "5")),
        ("a", ("a",)),
        ({"a": 1, "b": 2}, ("a", "b")),
        (None, ()),
        ([], ()),
    ],
)
def test_tags_are_texts(tags: object, read: tuple[str, ...]) -> None:
    """One text is one tag; of an object its keys count."""
    assert head(tags=tags).tags == read


def test_tags_have_bounds() -> None:
    """So many, of such a length, and not one more."""
    documents.ensure_bounded(["x" * LONGEST_TAG] * MOST_TAGS)

    rule = r"^Expected at most 64 tags of at most 128 characters - at `\$\.tags`$"
    for tags in (["x"] * (MOST_TAGS + 1), ["x" * (LONGEST_TAG + 1)]):
        with pytest.raises(msgspec.ValidationError, match=rule):
            documents.ensure_bounded(tags)


def test_our_block_is_found_among_others() -> None:
    """The first one; what is no object is left alone."""
    blocks = head(extensions=["chaosiq", 5, OTHER, OURS, {"name": "chaosiq"}]).extensions

    assert documents.block_of(blocks).experiment_id == "e1"
    assert documents.block_of(None).experiment_id is None
    assert head(extensions={"chaosiq": {}}).extensions == []


@pytest.mark.parametrize(
    ("redacted", "count"), [(3, 3), (1, 1), (0, 0), (-1, 0), ("3", 0), (None, 0)]
)
def test_how_much_was_taken_out_is_a_count(redacted: object, count: int) -> None:
    """As the sender's block says it."""
    document = {"extensions": [OTHER, {"name": "chaosiq", "redacted": redacted}]}

    assert documents.removed_from(document) == count


def test_a_document_is_the_same_as_long_as_its_author_s_part_is() -> None:
    """Our block, a dry run and the order of keys change nothing; other extensions do."""
    plain = {"title": "Orders", "method": []}
    ours = {"method": [], "title": "Orders", "dry": "probes", "extensions": [OURS]}

    assert documents.without_ours(ours) == plain
    assert documents.digest(ours) == documents.digest(plain)
    assert documents.digest({**plain, "extensions": [OTHER]}) != documents.digest(plain)
    assert documents.without_ours({**ours, "extensions": [OURS, OTHER]}) == {
        **plain,
        "extensions": [OTHER],
    }


def test_a_document_of_which_something_was_taken_out_is_another() -> None:
    """Also where its texts are the same."""
    plain = {"title": "Orders"}
    cut = {**plain, "extensions": [{"name": "chaosiq", "redacted": 1}]}

    assert documents.digest(cut) != documents.digest(plain)


def test_a_document_to_run_knows_where_it_belongs() -> None:
    """What was true of one run only is left out, at any depth; others' blocks come along."""
    block = {
        **OURS,
        "execution_id": "x1",
        "experiment_path": "/home/ada/orders.json",
        "verification": {"id": "v1", "run_id": "r1", "objective": {"target": 99}},
    }
    document = {"title": "Orders", "dry": True, "extensions": [block, OTHER]}

    made = json.loads(documents.to_run(document, {"experiment_id": "e2", "org_id": None}))

    assert made == {
        "title": "Orders",
        "extensions": [
            OTHER,
            {
                "name": "chaosiq",
                "experiment_id": "e2",
                "verification": {"id": "v1", "objective": {"target": 99}},
            },
        ],
    }
