"""The watch, turn by turn: what it asks, how long it rests, what it survives."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from requests_mock import Mocker

from chaoscloud.api.policies import Allowed, Denied, NoAnswer
from chaoscloud.safeguards.question import PolicyReply, RunQuestion
from chaoscloud.safeguards.timing import Timing
from chaoscloud.safeguards.watch import QUICK_REPLIES, Watch
from tests.plugin.loopback import loopback
from tests.plugin.wire import TEAM, shop_session

POLICIES = f"{TEAM}/experiments/e1/executions/x1/policies"
KNOWN = RunQuestion({"experiment_id": "e1", "execution_id": "x1", "name": "chaosiq"})
PUSHED = PolicyReply(Allowed(), '"0"', is_held=True, address=POLICIES)


class Turns:
    """Hears so many replies, and counts the rests between them. No time passes."""

    def __init__(self, turns: int) -> None:
        self.turns = turns
        self.heard: list[PolicyReply] = []
        self.rests: list[float] = []

    def hear(self, reply: PolicyReply, took: float) -> bool:
        """Take a reply; the last one is enough."""
        self.heard.append(reply)
        return len(self.heard) < self.turns

    def rest(self, _closing: threading.Event, seconds: float) -> None:
        """Rest without waiting."""
        self.rests.append(seconds)


def watch_until(
    turns: Turns,
    first: PolicyReply,
    hear: Callable[[PolicyReply, float], bool] | None = None,
    clock: Callable[[], float] = lambda: 0.0,
) -> Any:
    """Watch until the turns are over; returns the session."""
    session = shop_session()
    ended = threading.Event()

    def until_the_end(reply: PolicyReply, took: float) -> bool:
        goes_on = (hear or turns.hear)(reply, took)
        if not goes_on:
            ended.set()
        return goes_on

    watch = Watch(
        session,
        KNOWN,
        until_the_end,
        lambda: float("inf"),
        Timing(),
        clock=clock,
        rest=turns.rest,
    )
    watch.start(first)
    ended.wait(30)
    watch.close(patience=30)
    return session


def test_an_ordinary_console_is_asked_every_second(requests_mock: Mocker) -> None:
    """The first time a second after the start, whose answer is known."""
    requests_mock.get(POLICIES, json={"allowed": True})
    turns = Turns(3)

    session = watch_until(turns, PolicyReply(Allowed()))

    assert turns.rests == [1.0, 1.0, 1.0]
    assert session.call_limit == 5.0


def test_a_console_that_holds_questions_is_asked_again_at_once(requests_mock: Mocker) -> None:
    """With the tag of what is known, and time to keep it."""
    answers = [
        {"json": {"allowed": True}, "headers": {"ETag": f'"{n}"', "Preference-Applied": "wait=25"}}
        for n in (1, 2)
    ]
    requests_mock.get(POLICIES, answers)
    turns = Turns(2)

    session = watch_until(turns, PUSHED)

    assert turns.rests == [0, 0.0]
    assert session.call_limit == 30.0
    assert [request.headers["If-None-Match"] for request in requests_mock.request_history] == [
        '"0"',
        '"1"',
    ]


def test_a_console_that_always_has_news_is_not_asked_for_ever_at_once(
    requests_mock: Mocker,
) -> None:
    """Whatever it is that changes there."""
    news = [
        {"json": {"allowed": True}, "headers": {"ETag": f'"{n}"', "Preference-Applied": "wait=25"}}
        for n in range(1, 20)
    ]
    requests_mock.get(POLICIES, news)
    turns = Turns(QUICK_REPLIES + 4)

    watch_until(turns, PUSHED)

    assert turns.rests[1:] == [0.0] * QUICK_REPLIES + [1.0] * 3


def test_after_a_failure_the_next_question_is_answered_at_once(requests_mock: Mocker) -> None:
    """It asks for no wait, so that contact is found again at once; nor does the one after a cut."""
    requests_mock.get(POLICIES, [{"status_code": 503}] * 3 + [{"json": {"allowed": True}}])
    turns = Turns(3)

    watch_until(turns, PUSHED)

    waits = [request.headers.get("Prefer") for request in requests_mock.request_history]
    assert waits == ["wait=25", None, None, None]
    assert {request.headers["If-None-Match"] for request in requests_mock.request_history} == {
        '"0"'
    }
    assert [isinstance(reply.answer, NoAnswer) for reply in turns.heard] == [True, True, False]


def test_a_held_question_that_a_proxy_cuts_is_no_lost_contact(requests_mock: Mocker) -> None:
    """It is asked again plainly, which nobody hears of, and the next one is held for less."""
    unchanged = {"status_code": 304, "headers": {"Preference-Applied": "wait=6"}}
    cut = {"exc": requests.ConnectionError("cut")}
    requests_mock.get(POLICIES, [cut, {"status_code": 304}, unchanged, unchanged])
    turns, clock = Turns(3), iter([0.0, 0.0, 12.0, 12.0, *[12.0] * 20])

    watch_until(turns, PUSHED, clock=lambda: next(clock))

    waits = [request.headers.get("Prefer") for request in requests_mock.request_history]
    assert waits == ["wait=25", None, "wait=6", "wait=6"]
    assert [reply.answer for reply in turns.heard] == [Allowed()] * 3


def test_a_watch_is_blind_while_the_console_holds_no_question(requests_mock: Mocker) -> None:
    """A change that comes then is not pushed: a cut, and until the next one is there."""
    blind: list[bool] = []

    def answer(_: Any, context: Any) -> str:
        blind.append(watch.is_blind)
        context.headers.update({"ETag": f'"{len(blind)}"', "Preference-Applied": "wait=25"})
        if len(blind) == 2:
            raise requests.ConnectionError("cut")
        return '{"allowed": true}'

    requests_mock.get(POLICIES, text=answer)
    turns, over = Turns(2), threading.Event()

    def hear(reply: PolicyReply, duration: float) -> bool:
        goes_on = turns.hear(reply, duration)
        if not goes_on:
            over.set()
        return goes_on

    watch = Watch(shop_session(), KNOWN, hear, lambda: float("inf"), rest=turns.rest)
    watch.start(PUSHED)
    over.wait(30)
    watch.close(patience=30)

    assert blind == [False, False, True]  # held, held and cut, asked again plainly
    assert watch.is_blind


@pytest.mark.loopback
def test_a_new_address_is_asked_at_at_once() -> None:
    """The question about the run is dropped once its execution is known."""
    block = {"name": "chaosiq"}
    over = threading.Event()
    replies: list[PolicyReply] = []

    def answer(handler: Any) -> None:
        if "executions" in handler.path:
            handler.say(200, b'{"allowed": false}', ETag='"no"')
        elif "If-None-Match" in handler.headers:
            block.update(experiment_id="e1", execution_id="x1")
            threading.Thread(target=watch.change_address).start()
            over.wait(30)
            handler.close_connection = True
        else:
            handler.say(200, b'{"allowed": true}', ETag='"run"', Preference_Applied="wait=25")

    def hear(reply: PolicyReply, duration: float) -> bool:
        replies.append(reply)
        if isinstance(reply.answer, Denied):
            over.set()
        return not over.is_set()

    with loopback(answer) as console:
        session = shop_session()
        session.base_url = f"{console.url}/api/v1/organizations/acme/teams/checkout"
        watch = Watch(session, RunQuestion(block), hear, lambda: float("inf"))
        watch.start(PolicyReply(Allowed()))
        assert over.wait(30)
        watch.close(patience=30)

    assert [type(reply.answer) for reply in replies] == [Allowed, Denied]


def test_a_denial_is_acknowledged(requests_mock: Mocker) -> None:
    """Once the guard has it: asked once more, with its tag and without a wait."""
    headers = {"ETag": '"no"', "Preference-Applied": "wait=25"}
    requests_mock.get(
        POLICIES,
        [{"json": {"allowed": False}, "headers": headers}, {"status_code": 304}],
    )
    turns = Turns(1)

    watch_until(turns, PUSHED)

    _, acknowledgement = requests_mock.request_history
    assert turns.heard == [PolicyReply(Denied(()), '"no"', is_held=True, address=POLICIES)]
    assert acknowledgement.headers["If-None-Match"] == '"no"'
    assert "Prefer" not in acknowledgement.headers


def test_a_server_that_holds_nothing_needs_no_acknowledgement(requests_mock: Mocker) -> None:
    """It does not wait for one."""
    requests_mock.get(POLICIES, json={"allowed": False}, headers={"ETag": '"no"'})

    watch_until(Turns(1), PolicyReply(Allowed()))

    assert requests_mock.call_count == 1


def test_it_outlives_a_mistake_of_who_listens(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    """A run must not go unwatched over it."""
    requests_mock.get(POLICIES, json={"allowed": True})
    turns = Turns(2)
    mistakes: Iterator[None] = iter([None])

    def hear(reply: PolicyReply, took: float) -> bool:
        if next(mistakes, "made") is None:
            raise KeyError("a mistake of ours")
        return turns.hear(reply, took)

    watch_until(turns, PolicyReply(Allowed()), hear)

    assert len(turns.heard) == 2
    assert "goes on" in caplog.text


@pytest.mark.loopback
def test_closing_ends_a_question_that_is_held() -> None:
    """The thread does not stay behind for the rest of its wait."""
    is_asked, over = threading.Event(), threading.Event()

    def keep(handler: Any) -> None:
        is_asked.set()
        over.wait(30)
        handler.close_connection = True

    with loopback(keep) as console:
        session = shop_session()
        session.base_url = f"{console.url}/api/v1/organizations/acme/teams/checkout"
        replies: list[PolicyReply] = []

        def hear(reply: PolicyReply, took: float) -> bool:
            replies.append(reply)
            return True

        watch = Watch(session, KNOWN, hear, lambda: float("inf"))
        watch.start(PUSHED)
        is_asked.wait(30)

        watch.close()

        left = [thread for thread in threading.enumerate() if thread.name == "safeguards"]
        for thread in left:
            thread.join(30)
        assert not [thread for thread in left if thread.is_alive()]
        assert replies == []
        assert not over.is_set()
        over.set()
