"""A console that only knows how runs of verifications are told, and remembers what it was told."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.plugin.loopback import Handler, Loopback, loopback

TEAM = "/api/v1/organizations/org-acme/teams/team-checkout"

IDS = {
    "/experiments": "experiment-orders",
    "/executions": "execution-1",
    "/runs": "run-1",
    "/events": "event-1",
}

Behaviour = Callable[[Handler], bool]
"""Answers a request itself and returns True, or leaves it to the console."""


@dataclass
class Verifications:
    """What the console was told, in order; `behave` may change its mind at any time."""

    behave: Behaviour = lambda _: False
    server: Loopback = field(default_factory=Loopback)

    @property
    def url(self) -> str:
        """Where it is."""
        return self.server.url

    @property
    def calls(self) -> list[str]:
        """Each request: its method and where below the team's address."""
        return [f"{view.method} {view.path.removeprefix(TEAM)}" for view in self.server.seen]

    @property
    def categories(self) -> list[str]:
        """What happened in the run, as it was told."""
        return [event["category"] for event in self.told("/runs/run-1/events")]

    def told(self, end: str) -> list[Any]:
        """The documents sent to addresses with this end."""
        return [json.loads(s.body) for s in self.server.seen if s.body and s.path.endswith(end)]

    def answer(self, handler: Handler) -> None:
        """Say what a console says to a client that is allowed everything."""
        if self.behave(handler):
            pass
        elif handler.command == "GET" and handler.path.endswith("/policies"):
            say_json(handler, 200, {"allowed": True})
        elif handler.command == "GET":
            say_json(handler, 200, {"id": "team-payments", "name": "Payments"})
        elif handler.command == "PUT" or handler.path.endswith("/finished"):
            handler.say(204)
        else:
            created = next(identifier for end, identifier in IDS.items() if ends(handler, end))
            location = f"{handler.path.replace('/v1', '')}/{created}"
            say_json(handler, 201, {"id": created}, Content_Location=location)


def ends(handler: Handler, end: str) -> bool:
    """Whether the request's address has this end."""
    return handler.path.endswith(end)


def say_json(handler: Handler, status: int, document: Any, **headers: str) -> None:
    """Answer with a JSON document."""
    body = json.dumps(document).encode()
    handler.say(status, body, Content_Type="application/json", **headers)


@contextmanager
def verifications(behave: Behaviour = lambda _: False) -> Iterator[Verifications]:
    """A console on the loopback, until the block ends."""
    content = Verifications(behave)
    with loopback(content.answer) as server:
        content.server = server
        yield content
