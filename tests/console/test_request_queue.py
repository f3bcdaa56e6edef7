"""Requests that come together begin one by one; questions about decisions wait for none of them."""

import asyncio

from starlette.types import Message, Receive, Scope, Send

from chaoscloud.console.bodies import BodyRoom
from chaoscloud.console.middleware import RequestMiddleware, RequestQueue
from chaoscloud.console.rates import RateLimiter

MANY = 50


async def _nothing(message: Message) -> None:
    """What is sent to it goes nowhere."""


async def _receive() -> Message:
    return {"type": "http.request"}


def _scope(path: str) -> Scope:
    return {"type": "http", "method": "GET", "path": path, "headers": []}


def test_a_question_is_answered_between_two_others_of_a_crowd() -> None:
    """However many came before it: it waits for one of them, not for all."""
    begun: list[str] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope["path"])

    async def ask_amid_a_crowd() -> None:
        middleware = RequestMiddleware(note, room=BodyRoom(100), limiter=RateLimiter())
        paths = [f"/events/{number}" for number in range(MANY)]
        crowd = [
            asyncio.create_task(middleware(_scope(path), _receive, _nothing)) for path in paths
        ]
        while not begun:
            await asyncio.sleep(0)
        await middleware(_scope("/api/v1/organizations/o/teams/t/policies"), _receive, _nothing)
        await asyncio.gather(*crowd)

    asyncio.run(ask_amid_a_crowd())

    assert begun.index("/api/v1/organizations/o/teams/t/policies") == 1
    assert [path for path in begun if path.startswith("/events")] == [
        f"/events/{number}" for number in range(MANY)
    ]


def test_a_client_that_has_gone_does_not_hold_the_others_up() -> None:
    """Whoever waits behind it begins."""
    begun: list[int] = []

    async def begin(queue: RequestQueue, number: int) -> None:
        await queue.wait_for_turn()
        begun.append(number)

    async def leave() -> None:
        queue = RequestQueue()
        tasks = [asyncio.create_task(begin(queue, number)) for number in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(leave())

    assert begun == [0, 3]


def test_a_loop_that_ended_holds_nobody_up() -> None:
    """A console in tests, or in an embedder, may be served by one loop after another."""
    queue = RequestQueue()

    async def begin() -> bool:
        await asyncio.wait_for(queue.wait_for_turn(), 10)
        return True

    async def end_at_once() -> None:
        asyncio.get_running_loop().stop()
        await queue.wait_for_turn()

    loop = asyncio.new_event_loop()
    task = loop.create_task(end_at_once())
    loop.run_forever()
    loop.close()

    assert (asyncio.run(begin()), task.done()) == (True, True)
