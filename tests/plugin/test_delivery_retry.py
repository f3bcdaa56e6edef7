"""What follows from an answer, or from none."""

import random
from datetime import UTC, datetime

import pytest

from chaoscloud.delivery.retry import (
    Again,
    Reply,
    SetAside,
    Silence,
    Stop,
    Stored,
    decide,
    seconds_asked,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DICE = random.Random(4)  # noqa: S311 - spreads waits


@pytest.mark.parametrize("status", [200, 201, 204])
def test_what_was_taken_is_stored(status: int) -> None:
    """Any 2xx of a console."""
    assert decide(1, Reply(status), NOW, DICE) == Stored()


@pytest.mark.parametrize("status", [100, 301, 302, 307, 408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(status: int) -> None:
    """A redirect is not followed: it is a network that wants to be signed in to, most often."""
    assert isinstance(decide(1, Reply(status, "busy"), NOW, DICE), Again)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_stops_everything(status: int) -> None:
    """Trying again would be refused again."""
    assert decide(1, Reply(status, "sign in"), NOW, DICE) == Stop("sign in")


@pytest.mark.parametrize("status", [400, 404, 405, 409, 410, 413, 415, 418, 422, 451, 499])
def test_what_will_never_be_taken_is_set_aside(status: int) -> None:
    """With the reason; the rest goes on."""
    assert decide(1, Reply(status, "no"), NOW, DICE) == SetAside("no")


def test_a_page_that_is_no_console_s_is_no_yes() -> None:
    """A captive network answers everything with 200."""
    decision = decide(1, Reply(200, "a page", understood=False), NOW, DICE)

    assert isinstance(decision, Again)


@pytest.mark.parametrize("status", [404, 410, 421])
def test_a_gateway_without_a_console_behind_it_loses_nothing(status: int) -> None:
    """While a console is deployed anew, its gateway answers everything with a page of its own."""
    decision = decide(1, Reply(status, "a page", understood=False), NOW, DICE)

    assert isinstance(decision, Again)


def test_a_gateway_that_finds_a_record_too_large_does_not_hold_up_the_rest() -> None:
    """It will find it too large tomorrow, too."""
    assert decide(1, Reply(413, "a page", understood=False), NOW, DICE) == SetAside("a page")


def test_waits_grow_and_differ() -> None:
    """Twice as long each time, up to half a minute, and never quite the same."""
    waits = [
        decision.seconds
        for attempt in range(1, 40)
        if isinstance(decision := decide(attempt, Silence("away"), NOW, DICE), Again)
    ]

    assert len(waits) == 39
    assert 0.25 <= waits[0] <= 0.5
    assert all(15 <= wait <= 30 for wait in waits[7:])
    assert len(set(waits)) == len(waits)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("3600", 60),
        ("9" * 400, 60),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("٣", 0),
        ("Mon, 02 Mar 2026 09:30:20 GMT", 20),
        ("Mon, 02 Mar 2026 09:29:00 GMT", 0),
        ("Mon, 02 Mar 2099 09:30:00 GMT", 60),
        ("Mon, 02 Mar 2026 09:30:20", 20),
        ("Mon, 99 Foo 2026 09:30:20 GMT", 0),
    ],
)
def test_what_a_console_asks_for_is_understood(said: str | None, seconds: float) -> None:
    """In seconds or as a date; what makes no sense, or lies in the past, asks for nothing."""
    assert seconds_asked(said, NOW) == seconds


def test_what_a_console_asks_for_is_the_least() -> None:
    """And the wait is not cut short for it."""
    decision = decide(1, Reply(503, "busy", "20"), NOW, DICE)

    assert isinstance(decision, Again)
    assert decision.seconds == 20
    assert decision.asked
