"""Fields of the forms of safeguards: what is shown, what may be typed, and what is refused."""

from collections.abc import Mapping
from typing import Any

import pytest

from chaoscloud.console.rules.safeguards.fields import (
    LONGEST_TAG,
    MOST_TAGS,
    DurationField,
    Field,
    InvalidField,
    NumberField,
    TagsField,
    read_tags,
)
from chaoscloud.console.rules.safeguards.kinds.windows import MOST_WINDOWS, Window, WindowsField

TEXT = Field("url", "Address", "The address", initial="https://")
NUMBER = NumberField("most", "At most", "How many")
DURATION = DurationField("every", "Every", "How often", initial="30 s")
TAGS = TagsField("tags", "Tags", "The tags")
WINDOWS = WindowsField("windows", "Windows", "The windows")
NIGHT = {"fri3": "on", "sat3": "on", "from3": "22:00:00", "to3": "06:00:00"}


def test_a_line_of_text_is_shown_and_read_without_spaces_around_it() -> None:
    """One that is missing is empty."""
    assert TEXT.initial_form() == {"url": "https://"}
    assert TEXT.fill_form("https://a") == {"url": "https://a"}
    assert TEXT.read_form({"url": " https://a "}) == "https://a"
    assert TEXT.read_form({}) == ""


def test_a_number_has_eight_digits_at_most() -> None:
    """More are no number of anything that is counted here."""
    assert NUMBER.fill_form(3) == {"most": "3"}
    assert NUMBER.read_form({"most": " 12345678 "}) == 12_345_678


@pytest.mark.parametrize("text", [None, "", "-1", "1.5", "one", "٣", "123456789"])
def test_what_is_no_number_is_refused(text: str | None) -> None:
    """With what to type."""
    form = {} if text is None else {"most": text}

    with pytest.raises(InvalidField, match=r"^How many is a number: 1, say\.$"):
        NUMBER.read_form(form)


@pytest.mark.parametrize(
    ("seconds", "text"), [(30.0, "30 s"), (3600.0, "1 h"), (90.0, "90 s"), (0.25, "0.25 s")]
)
def test_a_duration_is_shown_as_it_may_be_typed_again(seconds: float, text: str) -> None:
    """In one unit, to the last digit."""
    assert DURATION.fill_form(seconds) == {"every": text}
    assert DURATION.read_form({"every": text}) == seconds


@pytest.mark.parametrize("form", [{}, {"every": ""}, {"every": "soon"}])
def test_what_is_no_duration_is_refused(form: Mapping[str, str]) -> None:
    """With one that may be typed."""
    with pytest.raises(InvalidField, match=r"^How often is a duration: 30 s, say\.$"):
        DURATION.read_form(form)


def test_tags_stand_in_a_line_each_once() -> None:
    """Empty ones are left out."""
    assert TAGS.fill_form(("a", "b c")) == {"tags": "a, b c"}
    assert TAGS.read_form({"tags": " a, b c,, a ,"}) == ("a", "b c")


@pytest.mark.parametrize("form", [{}, {"tags": ""}, {"tags": " , "}])
def test_at_least_one_tag_is_needed(form: Mapping[str, str]) -> None:
    """Without any, the safeguard would say nothing."""
    with pytest.raises(InvalidField, match=r"^Name at least one tag\.$"):
        TAGS.read_form(form)


def test_tags_have_bounds() -> None:
    """So many, of such a length, and not one more."""
    most = [f"tag-{number}" for number in range(MOST_TAGS)]

    assert read_tags(",".join(most)) == tuple(most)
    assert read_tags("x" * LONGEST_TAG) == ("x" * LONGEST_TAG,)
    refusal = r"^At most 50 tags, with commas between, each of at most 200 characters\.$"
    for typed in (",".join([*most, "more"]), "x" * (LONGEST_TAG + 1)):
        with pytest.raises(InvalidField, match=refusal):
            read_tags(typed)


def test_windows_begin_with_office_hours() -> None:
    """From Monday to Friday."""
    assert WINDOWS.read_form(WINDOWS.initial_form()) == [
        {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"}
    ]


def test_windows_are_shown_and_read_back() -> None:
    """Browsers have no 24:00; what ends at 00:00 ends at the end of the day, too."""
    windows = (Window(("mon", "sun"), "08:00", "24:00"), Window(("tue",), "10:00", "11:00"))

    form = WINDOWS.fill_form(windows)

    assert form == {
        "mon0": "on",
        "sun0": "on",
        "from0": "08:00",
        "to0": "00:00",
        "tue1": "on",
        "from1": "10:00",
        "to1": "11:00",
    }
    assert WINDOWS.read_form(form) == [
        {"days": ["mon", "sun"], "from": "08:00", "to": "00:00"},
        {"days": ["tue"], "from": "10:00", "to": "11:00"},
    ]


def test_empty_rows_are_left_out_and_seconds_too() -> None:
    """Some browsers send seconds."""
    assert WINDOWS.read_form(NIGHT) == [{"days": ["fri", "sat"], "from": "22:00", "to": "06:00"}]


@pytest.mark.parametrize(
    ("form", "rows"),
    [
        ({}, 2),
        (NIGHT, 6),
        ({f"from{MOST_WINDOWS - 1}": "09:00"}, MOST_WINDOWS),
        ({f"from{MOST_WINDOWS - 3}": "09:00"}, MOST_WINDOWS),
        ({f"from{MOST_WINDOWS - 4}": "09:00"}, MOST_WINDOWS - 1),
    ],
)
def test_a_form_has_two_rows_more_than_it_needs(form: Mapping[str, str], rows: int) -> None:
    """As long as there may be more."""
    assert WINDOWS.rows(form) == range(rows)


@pytest.mark.parametrize("key", ["from3", "to3"])
def test_a_window_needs_its_days_and_its_two_times(key: str) -> None:
    """A row that is not empty is meant."""
    refusal = r"^Each window needs its days, and when it begins and ends\.$"
    without_days: dict[str, Any] = {"from3": "22:00", "to3": "06:00"}

    for form in ({**NIGHT, key: ""}, without_days):
        with pytest.raises(InvalidField, match=refusal):
            WINDOWS.read_form(form)


def test_at_least_one_window_is_needed() -> None:
    """None would be never, or always."""
    with pytest.raises(InvalidField, match=r"^Give at least one window: its days"):
        WINDOWS.read_form({})
