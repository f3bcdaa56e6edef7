"""The question before the start, asked in a thread beside the recording of the start."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chaoscloud.api.policies import Allowed, Answer, Denied, NoAnswer
from chaoscloud.safeguards.first_question import FirstQuestion
from chaoscloud.safeguards.question import PolicyReply
from chaoscloud.safeguards.timing import Timing
from tests.plugin.loopback import Seen
from tests.plugin.runs import block_of, orders, run, warnings_in
from tests.plugin.stub_console import Answer as ConsoleAnswer
from tests.plugin.stub_console import StubConsole, serving

YES = Allowed()
NO = Denied(({"name": "Black Friday"},))
AWAY = NoAnswer("the console does not answer")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Asked:
    """Answers one after the other, each after some seconds; keeps how long each might take."""

    def __init__(self, clock: Clock, *answers: tuple[Answer, float]) -> None:
        self._clock = clock
        self._answers = list(answers)
        self.limits: list[float] = []

    def __call__(self, known: PolicyReply | None, seconds: float) -> PolicyReply:
        answer, duration = self._answers.pop(0)
        self.limits.append(seconds)
        self._clock.seconds += duration
        return PolicyReply(answer)


@pytest.fixture
def clock() -> Clock:
    """Time stands still."""
    return Clock()


def first_question(
    clock: Clock, question_asked: Callable[[PolicyReply | None, float], PolicyReply]
) -> FirstQuestion:
    """The question of a run that starts now; its thread has asked by the time this returns."""
    question = FirstQuestion(question_asked, Timing(), clock)
    question.ask()
    assert question._thread is not None
    question._thread.join()
    return question


def test_the_answer_is_there_by_the_time_it_is_needed(clock: Clock) -> None:
    """Nothing is asked twice, and the answer counts from when it came."""
    question_asked = Asked(clock, (YES, 0.2))
    question = first_question(clock, question_asked)
    clock.seconds += 3

    reply, duration, age = question.wait_for_reply()

    assert reply == PolicyReply(YES)
    assert (round(duration, 3), age) == (0.2, 3)
    assert question_asked.limits == [5.0]


def test_an_execution_that_was_filed_meanwhile_is_asked_about(clock: Clock) -> None:
    """A limit counts it from then on; what is left of the seconds is all that may take."""
    question_asked = Asked(clock, (YES, 0.2), (NO, 0.1))
    question = first_question(clock, question_asked)
    clock.seconds += 2.8
    question.is_superseded = True

    reply, _, age = question.wait_for_reply()

    assert reply == PolicyReply(NO)
    assert age == 0
    assert [round(limit, 3) for limit in question_asked.limits] == [5.0, 2.0]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(YES, AWAY, YES), (AWAY, YES, YES), (AWAY, NO, NO), (AWAY, AWAY, AWAY)],
)
def test_of_two_questions_the_last_answer_counts(
    clock: Clock, first: Answer, second: Answer, expected: Answer
) -> None:
    """A console that falls silent does not take back what it said."""
    question = first_question(clock, Asked(clock, (first, 0.1), (second, 0.1)))
    question.is_superseded = True

    assert question.wait_for_reply()[0] == PolicyReply(expected)


def test_a_no_is_not_asked_about_again(clock: Clock) -> None:
    """Whatever the execution is called by now."""
    question_asked = Asked(clock, (NO, 0.1))
    question = first_question(clock, question_asked)
    question.is_superseded = True

    assert question.wait_for_reply()[0] == PolicyReply(NO)


def test_an_answer_that_has_just_come_at_the_last_moment_is_enough(clock: Clock) -> None:
    """There is no time for another one."""
    question_asked = Asked(clock, (YES, 4.8))
    question = first_question(clock, question_asked)
    question.is_superseded = True

    assert question.wait_for_reply()[0] == PolicyReply(YES)


def test_without_a_thread_it_is_asked_when_it_is_needed(clock: Clock) -> None:
    """A guard that nobody told to ask ahead."""
    question = Asked(clock, (YES, 0.2))

    assert FirstQuestion(question, Timing(), clock).wait_for_reply()[0] == PolicyReply(YES)
    assert question.limits == [5.0]


def test_a_question_that_hangs_takes_no_longer_than_the_start_may() -> None:
    """The seconds count from when it was asked."""
    closing = threading.Event()

    def hang(known: PolicyReply | None, seconds: float) -> PolicyReply:
        closing.wait()
        return PolicyReply(YES)

    question = FirstQuestion(hang, Timing(limit=0.01))
    question.ask()

    reply, _, _ = question.wait_for_reply()
    closing.set()

    assert isinstance(reply.answer, NoAnswer)


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


@pytest.mark.loopback
def test_the_record_does_not_hold_up_the_question(
    console: StubConsole, caplog: pytest.LogCaptureFixture
) -> None:
    """A console may take no record before somebody asks about safeguards: neither waits."""
    is_asked = threading.Event()

    def answer(kind: str, request: Seen) -> ConsoleAnswer | None:
        if kind == "policies":
            is_asked.set()
        elif kind == "experiment":
            is_asked.wait()
        return None

    console.answer = answer

    journal: dict[str, Any] = run(orders(), console.settings)

    assert journal["status"] == "completed"
    assert block_of(journal)["execution_id"] == "monday"
    assert warnings_in(caplog) == []
