"""Calls nobody waits for, made in order in a thread of their own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import pytest

from chaoscloud.api._http import ConsoleSession
from chaoscloud.api.verification.background import Background


class Sessions:
    """Counts how many sessions were opened and closed, and in which threads."""

    def __init__(self) -> None:
        self.opened: list[threading.Thread] = []
        self.closed = 0

    @contextmanager
    def __call__(self) -> Iterator[ConsoleSession]:
        self.opened.append(threading.current_thread())
        yield cast(ConsoleSession, self)
        self.closed += 1


def test_calls_are_made_in_order_over_one_session() -> None:
    """Whatever is told arrives as it was told, over a session opened and closed in the thread."""
    sessions, told = Sessions(), list[int]()
    background = Background(sessions)

    for number in range(20):
        background.tell(partial(lambda number, _: told.append(number), number))

    assert background.close(60) == 0
    assert told == [*range(20)]
    assert sessions.opened != [threading.current_thread()]
    assert (len(sessions.opened), sessions.closed) == (1, 1)


def test_an_answer_is_waited_for() -> None:
    """What a call returns or raises reaches who asked."""
    background = Background(Sessions())

    assert background.ask(lambda _: "yes", 60) == "yes"
    with pytest.raises(ZeroDivisionError):
        background.ask(lambda _: 1 / 0, 60)
    background.close(60)


def test_an_answer_is_not_waited_for_longer_than_said() -> None:
    """A console that hangs does not hold up who asks."""
    background, hangs = Background(Sessions()), threading.Event()

    with pytest.raises(TimeoutError):
        background.ask(lambda _: hangs.wait(), 0.01)

    hangs.set()
    background.close(60)


def test_what_is_left_at_the_end_is_counted() -> None:
    """Closing waits no longer than said, and says what was not delivered."""
    background, hangs = Background(Sessions()), threading.Event()
    for _ in range(3):
        background.tell(lambda _: hangs.wait())

    assert background.close(0.01) == 3

    hangs.set()
    background.close(60)
    assert background.left == 0


def test_a_call_that_breaks_does_not_take_the_others_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A fault of ours is logged, and what follows is told all the same."""
    background, told = Background(Sessions()), list[Any]()

    background.tell(lambda _: 1 / 0)
    background.tell(lambda _: told.append("the end"))
    background.close(60)

    assert told == ["the end"]
    assert "Telling the console failed" in caplog.text


def test_nothing_told_needs_no_thread() -> None:
    """A run that is not recorded opens no session."""
    sessions = Sessions()

    assert Background(sessions).close(60) == 0
    assert sessions.opened == []
