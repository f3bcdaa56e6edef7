"""What follows from an answer, or from none."""

import random
from datetime import UTC, datetime

import pytest

from chaoscloud.delivery.retry import (
    Blocked,
    NoReply,
    Outcome,
    Rejected,
    Reply,
    Retry,
    Sent,
    decide,
    needs_a_second_opinion,
    reconsider,
    seconds_asked,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DICE = random.Random(4)  # noqa: S311 - spreads waits


@pytest.mark.parametrize("status", [200, 201, 204])
def test_what_was_taken_is_sent(status: int) -> None:
    """Any 2xx of a console."""
    assert decide(1, Reply(status), NOW, DICE) == Sent()


@pytest.mark.parametrize(
    "status", [100, 301, 302, 307, 407, 408, 421, 425, 429, 500, 502, 503, 504, 599]
)
def test_what_may_pass_is_tried_again(status: int) -> None:
    """A redirect is not followed: it is a network that wants to be signed in to, most often."""
    assert isinstance(decide(1, Reply(status, "busy"), NOW, DICE), Retry)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_stops_everything(status: int) -> None:
    """Trying again would be refused again."""
    assert decide(1, Reply(status, "sign in"), NOW, DICE) == Blocked("sign in")


@pytest.mark.parametrize("status", [400, 404, 405, 409, 410, 413, 415, 418, 422, 451, 499])
def test_what_will_never_be_taken_is_rejected(status: int) -> None:
    """With the reason; the rest goes on."""
    assert decide(1, Reply(status, "no"), NOW, DICE) == Rejected("no")


def test_a_page_that_is_no_console_s_is_no_yes() -> None:
    """A captive network answers everything with 200."""
    decision = decide(1, Reply(200, "a page", from_console=False), NOW, DICE)

    assert isinstance(decision, Retry)


UNKNOWN = Reply(404, "the console answers HTTP 404")
PAGE = Reply(404, "a page", from_console=False)


@pytest.mark.parametrize(
    ("team", "kind"),
    [
        (Reply(200), Rejected),
        (Reply(405, "no such question"), Rejected),
        (Reply(401, "sign in"), Blocked),
        (Reply(403, "not yours"), Blocked),
        (Reply(404, "no such team"), Blocked),
        (Reply(503, "busy"), Retry),
        (PAGE, Retry),
        (NoReply("away"), Retry),
    ],
)
def test_what_a_rejection_means_depends_on_the_team(team: Outcome, kind: type) -> None:
    """A team that is gone, or a proxy that speaks for the console, is no reason to give up."""
    assert isinstance(reconsider(UNKNOWN, team, 1, NOW, DICE), kind)


def test_a_team_that_is_gone_asks_somebody_to_choose_another() -> None:
    """The reason is what people read."""
    decision = reconsider(UNKNOWN, Reply(404), 1, NOW, DICE)

    assert decision == Blocked(
        "the console does not know the team, choose another with `chaos team`"
    )


def test_a_console_that_is_busy_is_given_the_time_it_asks_for() -> None:
    """When it is asked for the team, too; as a date here."""
    busy = Reply(503, "busy", "Mon, 02 Mar 2026 09:30:20 GMT")

    assert reconsider(UNKNOWN, busy, 1, NOW, DICE) == Retry(20, "busy", is_minimum=True)


def test_a_page_of_a_proxy_is_waited_for_with_its_reason() -> None:
    """It is not the console that says so."""
    decision = reconsider(PAGE, Reply(200), 3, NOW, DICE)

    assert isinstance(decision, Retry)
    assert decision.reason == "a page"
    assert 1 <= decision.seconds <= 2


def test_a_page_is_believed_once_the_console_answers_all_the_while() -> None:
    """A gateway that is deployed anew says it once or twice; a firewall each time."""
    decisions = [reconsider(PAGE, Reply(200), attempt, NOW, DICE) for attempt in (1, 4, 5)]

    assert [type(decision) for decision in decisions] == [Retry, Retry, Rejected]


@pytest.mark.parametrize(
    ("outcome", "is_needed"),
    [
        (Reply(404, "unknown"), True),
        (PAGE, True),
        (Reply(422, "a page", from_console=False), True),
        (Reply(422, "mistakes"), False),
        (Reply(413, "a page", from_console=False), False),
    ],
)
def test_only_what_may_mean_something_else_is_asked_about(
    outcome: Outcome, is_needed: bool
) -> None:
    """A console that lists the mistakes means them, and so does a proxy with its limit."""
    assert needs_a_second_opinion(outcome) is is_needed


def test_a_gateway_that_finds_a_record_too_large_does_not_hold_up_the_rest() -> None:
    """It will find it too large tomorrow, too."""
    assert decide(1, Reply(413, "a page", from_console=False), NOW, DICE) == Rejected("a page")


def test_waits_grow_and_differ() -> None:
    """Twice as long each time, up to half a minute, and never quite the same."""
    waits = [
        decision.seconds
        for attempt in range(1, 40)
        if isinstance(decision := decide(attempt, NoReply("away"), NOW, DICE), Retry)
    ]

    assert len(waits) == 39
    for number, wait in enumerate(waits[:6]):
        assert 0.25 * 2**number <= wait <= 0.5 * 2**number
    assert all(15 <= wait <= 30 for wait in waits[7:])
    assert len(set(waits)) == len(waits)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("3600", 60),
        ("000000007", 7),
        ("0000000007", 60),  # longer than any number of seconds
        ("9" * 400, 60),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("٣", 0),
        ("Mon, 02 Mar 2026 09:30:20 GMT", 20),
        ("Mon, 02 Mar 2026 09:29:00 GMT", 0),
        ("Mon, 02 Mar 2099 09:30:00 GMT", 60),
        ("Mon, 02 Mar 2026 09:30:20", 20),
        ("Mon, 02 Mar 2026 10:30:20 +0100", 20),
        ("Mon, 99 Foo 2026 09:30:20 GMT", 0),
    ],
)
def test_what_a_console_asks_for_is_understood(text: str | None, seconds: float) -> None:
    """In seconds or as a date; what makes no sense, or lies in the past, asks for nothing."""
    assert seconds_asked(text, NOW) == seconds


def test_what_a_console_asks_for_is_the_least() -> None:
    """And the wait is not cut short for it."""
    decision = decide(1, Reply(503, "busy", "20"), NOW, DICE)

    assert isinstance(decision, Retry)
    assert decision.seconds == 20
    assert decision.is_minimum
