"""Whether bytes are JSON that can be read back."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoscloud.console.rules import soundness
from chaoscloud.console.rules.soundness import DEEPEST, Unsound, ensure_sound, plain

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    | st.integers(-(10**40), 10**40),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


def _nest(levels: int, core: bytes = b"1") -> bytes:
    return b'{"a":[' * (levels // 2) + core + b"]}" * (levels // 2)


@given(VALUES)
def test_whatever_json_says_is_sound(value: Any) -> None:
    """Every document that Python's own encoder writes."""
    ensure_sound(json.dumps(value).encode())


@given(VALUES, st.integers(1, 40))
def test_it_makes_no_difference_in_how_many_pieces_it_is_read(value: Any, piece: int) -> None:
    """Large documents are looked at piece by piece."""
    raw = json.dumps(value).encode()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(soundness, "PIECE", piece)
        ensure_sound(raw)


@given(st.binary(max_size=60), st.integers(1, 40))
def test_what_is_sound_can_be_read_back(raw: bytes, piece: int) -> None:
    """Of any bytes, in any number of pieces."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(soundness, "PIECE", piece)
        try:
            ensure_sound(raw)
        except Unsound:
            return

    msgspec.json.decode(raw)


def test_what_is_nested_as_deep_as_is_sane_is_sound() -> None:
    """The limit is the deepest level that passes."""
    ensure_sound(_nest(DEEPEST))


@pytest.mark.parametrize("levels", [DEEPEST + 2, 2_000, 100_000])
def test_what_is_nested_deeper_is_not(levels: int) -> None:
    """However deep."""
    with pytest.raises(Unsound, match="nested deeper than 100 levels"):
        ensure_sound(_nest(levels))


@pytest.mark.parametrize("text", ["]", '"]', "\\]", '\\"]["'])
def test_brackets_within_text_hide_no_depth(text: str) -> None:
    """Not even where they would seem to close what they do not."""
    value: Any = 1
    for _ in range(DEEPEST + 1):
        value = [text, value, text.replace("]", "[")]

    with pytest.raises(Unsound, match="nested deeper"):
        ensure_sound(json.dumps(value).encode())


def test_a_document_of_too_many_values_is_not_sound() -> None:
    """Each takes many times its size once it is decoded."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(soundness, "MOST", 10)
        patched.setattr(soundness, "PIECE", 4)  # short documents are not worth counting
        ensure_sound(b"[1,2,3,4,5,6,7,8,9,10]")
        with pytest.raises(Unsound, match="more than 10 values"):
            ensure_sound(b"[1,2,3,4,5,6,7,8,9,10,11]")


def test_many_brackets_side_by_side_are_not_deep() -> None:
    """Only nesting counts, and brackets within text do not."""
    ensure_sound(json.dumps([[]] * 10_000 + ["[" * 10_000]).encode())


def test_the_reason_is_said() -> None:
    """In words for whoever sent it."""
    with pytest.raises(Unsound, match="it is not UTF-8"):
        ensure_sound(b'"\xff"')


def test_plain_text_has_no_nul() -> None:
    """What stood there is marked, not dropped."""
    assert plain("a\0b") == "a\ufffdb"
