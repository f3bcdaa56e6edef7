"""One guard through the moments of a run."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests
from chaoslib.exceptions import InterruptExecution

from chaoscloud.safeguards.guard import Guard

BLOCK = [{"name": "chaosiq", "experiment_id": "orders", "execution_id": "monday"}]
FRIDAY = {"name": "Black Friday"}
YES = (200, {"allowed": True})
NO = (200, {"allowed": False, "policies": [FRIDAY]})


class Answer:
    """As much of an HTTP answer as a guard reads."""

    def __init__(self, status: int, body: Any) -> None:
        self.status_code = status
        self._body = body

    def json(self) -> Any:
        """The body; a string stands for one that is not JSON."""
        return json.loads(self._body) if isinstance(self._body, str) else self._body


class Console:
    """A session with a console that gives the answers it was told, the last one for ever."""

    base_url = "https://console.example.com/api/v1/organizations/acme/teams/checkout"

    def __init__(self, *answers: tuple[int, Any] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def get(self, url: str, **_: Any) -> Answer:
        """Answer, or fail."""
        self.asked.append(url)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return Answer(*answer)


def in_another_thread(work: Callable[[], None]) -> Exception | None:
    """Do the work as a background activity does; return what it raised."""
    raised: list[Exception] = []

    def guarded() -> None:
        try:
            work()
        except InterruptExecution as x:
            raised.append(x)

    thread = threading.Thread(target=guarded)
    thread.start()
    thread.join()
    return raised[0] if raised else None


def test_it_asks_about_its_execution() -> None:
    """The question goes to the policies of the run's own execution."""
    console = Console(YES)

    Guard(console, BLOCK).check()

    assert console.asked == [f"{console.base_url}/experiments/orders/executions/monday/policies"]


def test_a_no_interrupts_and_is_remembered() -> None:
    """The host's own exception carries the policies; the journal finds them on the guard."""
    guard = Guard(Console(NO), BLOCK)

    with pytest.raises(InterruptExecution, match=r"continuing:\nBlack Friday$"):
        guard.check()

    assert guard.policies == (FRIDAY,)


def test_the_run_is_stopped_once_and_not_asked_about_again() -> None:
    """What the host calls while a stopped run ends is let through, without a question."""
    console = Console(NO)
    guard = Guard(console, BLOCK)
    with pytest.raises(InterruptExecution):
        guard.check()

    guard.check()

    assert len(console.asked) == 1


def test_a_no_found_in_the_background_stops_the_run_too() -> None:
    """The host swallows what is raised in the background: the run's next hook repeats it."""
    guard = Guard(Console(NO), BLOCK)

    in_background = in_another_thread(guard.check)

    assert isinstance(in_background, InterruptExecution)
    with pytest.raises(InterruptExecution):
        guard.check()


def test_no_background_activity_starts_once_the_run_is_stopped() -> None:
    """A stopped run's threads are stopped each time they ask."""
    guard = Guard(Console(NO), BLOCK)
    with pytest.raises(InterruptExecution):
        guard.check()

    assert in_another_thread(guard.check) is not None
    assert in_another_thread(guard.check) is not None


def test_rollbacks_are_played_to_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """A no while they run is noted and said once, and interrupts nothing."""
    guard = Guard(Console(YES, NO), BLOCK)
    guard.check()

    guard.rollbacks_start()
    guard.check()
    guard.check()

    assert guard.policies is None
    assert guard.ignored == (FRIDAY,)
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        (401, {}),
        (404, {"title": "Not Found"}),
        (500, "<html>"),
        (200, "<html>welcome</html>"),
        requests.ConnectionError("refused"),
        requests.Timeout("nobody"),
        KeyError("a mistake of ours"),
    ],
)
def test_without_an_answer_the_run_goes_on(trouble: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is said when contact is lost and when it is back, and the journal gets the gap."""
    guard = Guard(Console(YES, trouble, trouble, YES), BLOCK)

    for _ in range(4):
        guard.check()

    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    [gap] = guard.gaps
    assert gap["until"] is not None


def test_a_no_after_a_silence_counts() -> None:
    """A console that comes back and says no is obeyed."""
    guard = Guard(Console(requests.ConnectionError("refused"), NO), BLOCK)
    guard.check()

    with pytest.raises(InterruptExecution):
        guard.check()


def test_a_stop_that_arrives_while_asking_passes() -> None:
    """SIGTERM reaches us as an exception of the host's, and is not taken for a failed question."""
    guard = Guard(Console(InterruptExecution("SIGTERM signal received")), BLOCK)

    with pytest.raises(InterruptExecution, match="SIGTERM"):
        guard.check()


def test_a_line_that_rests_is_no_answer() -> None:
    """Nothing is sent, and the run goes on."""
    console = Console(YES)
    guard = Guard(console, BLOCK, call=lambda send: None)

    guard.check()

    assert console.asked == []
    assert len(guard.gaps) == 1
