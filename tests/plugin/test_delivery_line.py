"""One connection, used by turns, and left alone when nobody answers."""

import threading

import pytest

from chaoscloud.delivery.line import Line


class Clock:
    """A clock that moves when it is told."""

    now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def line(clock: Clock) -> Line:
    return Line(clock)


def hang(clock: Clock, seconds: float) -> None:
    """Wait for an answer that does not come."""
    clock.now += seconds


def test_an_answer_is_passed_on(line: Line) -> None:
    """Any answer is one, a falsy one too: responses of `requests` are false on a 404."""
    assert line.call(lambda: "stored") == "stored"
    assert line.call(lambda: False) is False
    assert line.call(lambda: "stored") == "stored"


def test_a_hanging_console_costs_a_run_one_wait(line: Line, clock: Clock) -> None:
    """After ten seconds in vain, a hundred hooks in the next minute send nothing."""
    line.call(lambda: hang(clock, 10))

    for _ in range(100):
        clock.now += 0.6
        assert line.call(lambda: "sent") is None


def test_the_line_is_tried_again_after_its_rest(line: Line, clock: Clock) -> None:
    """Ten times as long as the call took."""
    line.call(lambda: hang(clock, 10))

    clock.now += 100

    assert line.call(lambda: "sent") == "sent"


def test_a_refused_connection_is_soon_tried_again(line: Line, clock: Clock) -> None:
    """What costs milliseconds need not be spared: the console may be starting."""
    line.call(lambda: hang(clock, 0.002))

    clock.now += 0.02

    assert line.call(lambda: "sent") == "sent"


def test_what_matters_most_is_tried_even_during_a_rest(line: Line, clock: Clock) -> None:
    """The journal goes out if it can."""
    line.call(lambda: hang(clock, 10))

    assert line.call(lambda: "sent", insist=True) == "sent"


def test_a_call_that_raises_leaves_the_line_free(line: Line) -> None:
    """A signal in the middle of a call does not lock the next one out."""

    def interrupted() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        line.call(interrupted)

    assert line.call(lambda: "sent") == "sent"


def test_calls_never_overlap(line: Line) -> None:
    """Two threads in hooks at once take turns on the connection."""
    first_is_in, overlaps = threading.Event(), []
    inside = threading.Lock()

    def send() -> str:
        first_is_in.set()
        overlaps.append(not inside.acquire(blocking=False))
        inside.release()
        return "sent"

    def work() -> None:
        for _ in range(200):
            line.call(send)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert overlaps == [False] * 800
