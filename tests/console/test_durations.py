"""Durations as people say them, and as they type them."""

import pytest

from chaoscloud.console.rules.durations import seconds_of
from chaoscloud.outcome.durations import format_duration, format_percentage


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "—"),
        (0, "0 s"),
        (0.0004, "1 ms"),
        (0.0321, "32 ms"),
        (0.0994, "99 ms"),
        (0.0995, "0.1 s"),
        (0.0999, "0.1 s"),
        (1, "1 s"),
        (0.5, "0.5 s"),
        (4, "4 s"),
        (4.25, "4.2 s"),
        (9.99, "10 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (30, "30 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (3_600, "1 h"),
        (3_661, "1 h 1 min"),
        (3_605, "1 h"),
        (86_400, "1 day"),
        (86_404, "1 day"),
        (2 * 86_400 + 7_200, "2 days 2 h"),
        (-125, "minus 2 min 5 s"),
        (36_525 * 86_400, "36525 days"),
        (36_525 * 86_400 + 1, "over 100 years"),
        (1e300, "over 100 years"),
    ],
)
def test_a_duration_is_said_with_its_two_largest_units(seconds: float | None, text: str) -> None:
    """Never more than is of interest, and never a fraction of a minute."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("90", 90),
        ("30s", 30),
        ("2h", 7_200),
        (" 1 Day ", 86_400),
        ("1.5 min", 90),
        ("10 minutes", 600),
        ("", None),
        ("soon", None),
        ("0", None),
        ("-5s", None),
        ("5 fortnights", None),
        ("nan", None),
        ("inf", None),
        ("1e99", None),
    ],
)
def test_what_people_type_is_understood(typed: str, seconds: float | None) -> None:
    """A number and a unit, or nothing that counts."""
    assert seconds_of(typed) == seconds


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 %"),
        (0.001, "under 0.01 %"),
        (0.00499, "under 0.01 %"),
        (0.005, "0.01 %"),
        (0.3, "0.3 %"),
        (10, "10 %"),
        (11.728, "11.73 %"),
        (99.9, "99.9 %"),
        (99.999, "99.999 %"),
        (99.9971326, "99.9971 %"),
        (99.999963, "99.99996 %"),
        (99.99999, "99.99999 %"),
        (99.9999999999, "99.9999999999 %"),
        (100, "100 %"),
        (100.001, "100 %"),
        (150.5, "150.5 %"),
    ],
)
def test_a_share_never_reads_as_all_or_nothing_unless_it_is(value: float, text: str) -> None:
    """Two decimals, and as many as it takes for a strict objective."""
    assert format_percentage(value) == text
