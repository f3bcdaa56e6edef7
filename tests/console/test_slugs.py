"""Names in addresses: readable, unique, and never one of the console's own words."""

import pytest

from chaoscloud.console.rules.slugs import (
    LONGEST,
    RESERVED_FOR_ORGANIZATIONS,
    RESERVED_FOR_TEAMS,
    slug,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("My organization", "my-organization"),
        ("  Orders & Payments!  ", "orders-payments"),
        ("Équipe Café", "equipe-cafe"),
        ("注文", "team"),
        ("../../etc", "etc"),
        ("<b>shop</b>", "b-shop-b"),
    ],
)
def test_a_name_becomes_a_word_of_an_address(name: str, expected: str) -> None:
    """Only letters, digits and hyphens are left; a name without any gets a word of ours."""
    assert slug(name) == expected


def test_a_taken_word_is_counted_on() -> None:
    """Two names that look alike in an address stay apart."""
    assert slug("Orders", {"orders", "orders-2"}) == "orders-3"


def test_a_reserved_word_is_never_given() -> None:
    """No organization hides the API, no team a page."""
    assert slug("API", (), RESERVED_FOR_ORGANIZATIONS) == "api-2"
    assert slug("Safeguards", (), RESERVED_FOR_TEAMS) == "safeguards-2"


def test_a_long_name_is_cut() -> None:
    """Addresses stay short enough to paste."""
    assert len(slug("orders " * 100)) <= LONGEST
